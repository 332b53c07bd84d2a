"""A frozen bundle on days it never saw, beside every benchmark."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.bundle.files import Bundle
from assay.errors import TooLittleHistory, TrainingError
from assay.evaluation.leaderboard import Row, forecast_records, leaderboard
from assay.evaluation.walk_forward import LEAST_TRAINING_ROWS, origin_rows, origins_at, walk_forward
from assay.features.build import FeatureMatrix, build_features
from assay.features.transforms import Floats
from assay.forecast.calibration import WINDOW
from assay.forecast.log_linear_t import LogLinearTRecipe
from assay.forecast.pipeline import forecast_path
from assay.market.bars import Bars
from assay_training.steps.benchmarks import benchmark_forecasts

Progress = Callable[[str, int, int], None]


def evaluate_bundle(
    bundle: Bundle,
    gold: Bars,
    sp500: Bars,
    *,
    start: date,
    end: date,
    on_progress: Progress = lambda what, done, of: None,
) -> dict[str, Any]:
    """The `evaluate` report: scores of the frozen bundle and of every benchmark, and forecasts.

    `start` and `end` bound the target sessions, which are rows of `gold`. The bundle's parameters
    stay, its calibration advances as in service; benchmarks refit on bars before each origin.
    Raises TooLittleHistory where no session lies between the dates, or too few before them.
    """
    matrix = build_features(gold, sp500)
    rows = origin_rows(matrix, start=start, end=end)
    if not len(rows):
        raise TooLittleHistory(
            f"no gold session from {start} to {end} has a session before it in the file, "
            f"which spans {gold.session[0]} to {gold.last_session}",
            needed=1,
            available=0,
        )
    origins = origins_at(matrix, rows)
    known = gold.until(origins.origin[-1].item())
    path = forecast_path(bundle.champion, known, sp500, first_origin=origins.origin[0].item())
    forecasts = {"champion": path.quantiles} | benchmark_forecasts(
        gold.close, rows, on_progress=lambda done, of: on_progress("garch_t", done, of)
    )
    with contextlib.suppress(TooLittleHistory, TrainingError):  # the champion is judged anyway
        forecasts["log_linear_t"] = _log_linear_t(matrix, rows, on_progress)
    report = {
        "n": len(rows),
        "start": str(origins.target[0]),
        "end": str(origins.target[-1]),
        "model_type": bundle.metadata.type,
        "model_version": bundle.metadata.version,
        "trained_to": bundle.metadata.trained_to,
        "rows": leaderboard(origins, forecasts),
        "forecasts": forecast_records(origins, forecasts["champion"]),
    }
    finite: dict[str, Any] = undefined_as_null(report)
    return finite


def figures(rows: Iterable[Row]) -> dict[str, float]:
    """A leaderboard's scores, each under its forecaster's name and its own."""
    return {
        f"{row['name']}.{score}": value
        for row in rows
        for score, value in row.items()
        if isinstance(value, float) and math.isfinite(value)
    }


def undefined_as_null(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """`value` with None for every number that is not finite."""
    if isinstance(value, dict):
        return {key: undefined_as_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [undefined_as_null(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _log_linear_t(matrix: FeatureMatrix, rows: NDArray[np.intp], on_progress: Progress) -> Floats:
    """log_linear_t refitted as it goes; calibration warms up on the origins before `rows`."""
    usable = np.flatnonzero(matrix.usable)
    earliest = (
        int(usable[LEAST_TRAINING_ROWS]) if len(usable) > LEAST_TRAINING_ROWS else len(matrix)
    )
    first = min(max(int(rows[0]) - WINDOW, earliest), int(rows[0]))
    warm = np.arange(first, rows[-1] + 1)
    walk = walk_forward(
        LogLinearTRecipe(),
        matrix,
        warm,
        on_fold=lambda done, of: on_progress("log_linear_t", done, of),
    )
    return walk.quantiles()[-len(rows) :]
