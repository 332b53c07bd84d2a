"""The permanent rivals on given origins: random walk, random walk with drift, GARCH(1,1)-t."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from arch import arch_model
from numpy.typing import NDArray

from assay.features.transforms import Floats
from assay.forecast.benchmarks import random_walk_drift_quantiles, random_walk_quantiles
from assay.forecast.distribution import LEVELS, student_t_quantiles

GARCH_REFIT_SESSIONS = 20
_PERCENT = 100.0
_STILL_DF = 5.0


def benchmark_forecasts(
    close: Floats,
    rows: NDArray[np.intp],
    *,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Floats]:
    """Log-return quantiles (n, 199) of every benchmark at origins `rows` (consecutive) of `close`.

    Raises TooLittleHistory below 500 sessions before the first origin.
    """
    return {
        "random_walk": random_walk_quantiles(close, rows),
        "random_walk_drift": random_walk_drift_quantiles(close, rows),
        "garch_t": garch_t_quantiles(close, rows, on_progress=on_progress),
    }


def garch_t_quantiles(
    close: Floats,
    rows: NDArray[np.intp],
    *,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Floats:
    """GARCH(1,1) with Student-t errors and constant mean, quantiles centred on zero, (n, 199).

    Expanding window from the first close, refitted every 20 origins (Bollerslev 1987, by `arch`).
    """
    returns = _PERCENT * np.diff(np.log(close))
    starts = range(0, len(rows), GARCH_REFIT_SESSIONS)
    scale, df = np.empty(len(rows)), np.empty(len(rows))
    for number, start in enumerate(starts):
        block = rows[start : start + GARCH_REFIT_SESSIONS]
        known = int(block[0])  # returns up to the first origin's close: returns[:known]
        variance, nu = _garch_variances(returns[: block[-1]], known, len(block))
        scale[start : start + len(block)] = np.sqrt(variance * (nu - 2.0) / nu) / _PERCENT
        df[start : start + len(block)] = nu
        on_progress(number + 1, len(starts))
    result: Floats = scale[:, None] * student_t_quantiles(LEVELS, df[:, None])
    return result


def _garch_variances(returns: Floats, known: int, ahead: int) -> tuple[Floats, float]:
    """One-step variances at the last `ahead` returns, by parameters fitted on the first `known`."""
    if not returns[:known].any():  # a market that stood still has no likelihood
        return np.zeros(ahead), _STILL_DF
    model = arch_model(returns, mean="Constant", vol="GARCH", p=1, q=1, dist="t", rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a hard fit is judged by its scores, not by its warnings
        fitted = model.fit(disp="off", last_obs=known, show_warning=False)
        forecast = fitted.forecast(start=known - 1, horizon=1, reindex=False)
    variance = np.asarray(forecast.variance)[:ahead, 0]
    return variance, float(np.asarray(fitted.params)[-1])
