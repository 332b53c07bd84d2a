"""The candidate that is no network, all candidates' leaderboard, and the fit of whoever won."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.leaderboard import Origins, leaderboard
from assay.evaluation.walk_forward import Fit, Recipe, fit_at, walk_forward
from assay.features.build import FeatureMatrix
from assay.features.windows import windows
from assay.forecast.distribution import Floats
from assay.forecast.log_linear_t import LogLinearT, LogLinearTRecipe
from assay_training.steps.export_log_linear import export_log_linear
from assay_training.steps.export_network import export_network
from assay_training.steps.gate import Candidate
from assay_training.steps.publish import Evaluation

CHECKED_WINDOWS = 500


def fit_final(recipe: Recipe, matrix: FeatureMatrix) -> tuple[Fit, bytes]:
    """`recipe` fitted on every known target, and its ONNX graph, checked on the newest windows."""
    last = len(matrix) - 1
    fit = fit_at(recipe, matrix, last)
    if isinstance(fit.predictor, LogLinearT):
        return fit, export_log_linear(fit.predictor, lookback=recipe.lookback)
    newest = np.arange(last + 1)[-CHECKED_WINDOWS:]
    sample = windows(fit.standardizer.transform(matrix.values), newest, recipe.lookback)
    return fit, export_network(fit.predictor, sample)  # type: ignore[arg-type]  # the other kind


def log_linear_candidate(
    matrix: FeatureMatrix, rows: NDArray[np.intp], on_fold: Callable[[int, int], None]
) -> Candidate:
    recipe = LogLinearTRecipe()
    walk = walk_forward(recipe, matrix, rows, on_fold=on_fold)
    return Candidate(recipe.name, recipe, walk, walk.quantiles())


def evaluation_of(
    origins: Origins, benchmarks: dict[str, Floats], candidates: Sequence[Candidate]
) -> Evaluation:
    forecasts = benchmarks | {candidate.name: candidate.quantiles for candidate in candidates}
    start, end = str(origins.target[0]), str(origins.target[-1])
    return Evaluation(len(origins.target), start, end, leaderboard(origins, forecasts))
