"""HAR-OLS and "yesterday" over any horizon of whole hours: whom the signals must beat.

Row t of every result is the forecast made at that hour's close for the hours after it, shape (n,),
in squared log return over the horizon, measured as the signals are; NaN where it cannot be made. It
depends on hours up to t only.
"""

from __future__ import annotations

from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.volatility.assessment import Measure
from assay.volatility.features import LEAST_VARIANCE
from assay.volatility.hours import DAY_HOURS, Hours, Positions
from assay.volatility.rolling import Floats, trailing_sum

# A day, a week, a month: those of the daily benchmark, and the horizon itself where it is shorter.
_WINDOW_HOURS: Final = (24, 168, 720)
_LEAST_DAYS: Final = 60
_LEAST_KNOWN: Final = 0.75
_SINGULAR: Final = 1e-12


def last_realized(hours: Hours, horizon: int, measure: Measure) -> Floats:
    """The next `horizon` hours as the last ones ("yesterday", for a day)."""
    return horizon * _mean(hours, horizon, measure)


def har_ols(hours: Hours, horizon: int, measure: Measure, *, phase: int = 0) -> Floats:
    """Variance of the next `horizon` hours on its means over a day, a week and a month, and over
    the horizon where that is shorter than a day, by least squares; Corsi 2009.

    Refitted once a day on all earlier windows that end by then, whose targets are a common divisor
    of the horizon and a day apart, the first `phase` hours after midnight UTC; NaN off that grid,
    and before 60 days of them. Never below the smallest target it was fitted on. Over 24 hours it
    is the daily benchmark, `benchmarks.har_ols`.
    """
    step = gcd(horizon, DAY_HOURS)
    rows, design, target = _pairs(hours, horizon, measure, phase)
    result = np.full(len(hours), np.nan)
    if len(rows):
        result[rows] = _expanding(design, target, ahead=horizon // step, every=DAY_HOURS // step)
    return result


def newest_har_ols(hours: Hours, horizon: int, measure: Measure) -> float:
    """`har_ols` at the last row, on the grid that it lies on, by the one fit that this takes."""
    step = gcd(horizon, DAY_HOURS)
    last = hours.first + len(hours)
    rows, design, target = _pairs(hours, horizon, measure, last % step)
    if not len(rows):
        return float("nan")
    every, ahead = DAY_HOURS // step, horizon // step
    fit = (len(rows) - 1) // every * every
    x, y = design[: max(fit + 1 - ahead, 0)], target[ahead : fit + 1]
    usable = np.isfinite(x).all(axis=1) & np.isfinite(y)
    if np.count_nonzero(usable) < _LEAST_DAYS * every:
        return float("nan")
    x, y = x[usable], y[usable]
    weights = np.linalg.pinv(x.T @ x, rcond=_SINGULAR, hermitian=True) @ (x.T @ y)
    return float(max(design[-1] @ weights, y.min()))


def _pairs(
    hours: Hours, horizon: int, measure: Measure, phase: int
) -> tuple[Positions, Floats, Floats]:
    """The rows of the grid (m,), their inputs (m, k) and what was realized up to each (m,); none
    where no row has all inputs.
    """
    rows = np.flatnonzero((hours.open_hours + 1 - phase) % gcd(horizon, DAY_HOURS) == 0)
    windows = sorted({min(horizon, DAY_HOURS), *_WINDOW_HOURS})
    design = np.column_stack(
        [np.ones(len(rows)), *(_mean(hours, window, measure)[rows] for window in windows)]
    )
    sound = np.isfinite(design).all(axis=1)
    if not sound.any():
        return rows[:0], design[:0], np.empty(0)
    design[:, 1:] /= max(design[sound][0, -1], LEAST_VARIANCE)
    return rows, design, last_realized(hours, horizon, measure)[rows]


def _expanding(design: Floats, target: Floats, *, ahead: int, every: int) -> Floats:
    """At each row the fit of `target` on the `design` of `ahead` rows before, for all targets up to
    the newest of every `every`-th row, applied to the row itself.
    """
    before = np.full_like(design, np.nan)
    before[ahead:] = design[: max(len(design) - ahead, 0)]
    usable = np.isfinite(before).all(axis=1) & np.isfinite(target)
    x, y = np.where(usable[:, None], before, 0.0), np.where(usable, target, 0.0)
    fits = np.arange(0, len(design), every)
    gram = np.cumsum(x[:, :, None] * x[:, None, :], axis=0)[fits]
    moment = np.cumsum(x * y[:, None], axis=0)[fits]
    inverse = np.linalg.pinv(gram, rcond=_SINGULAR, hermitian=True)
    weights = np.einsum("tij,tj->ti", inverse, moment)
    weights[np.cumsum(usable)[fits] < _LEAST_DAYS * every] = np.nan
    floor = np.minimum.accumulate(np.where(usable, target, np.inf))[fits]
    of = np.arange(len(design)) // every
    forecast: Floats = np.maximum(np.einsum("ij,ij->i", design, weights[of]), floor[of])
    return forecast


def _mean(hours: Hours, window: int, measure: Measure) -> Floats:
    """Mean variance of the known ones of the last `window` hours, NaN where they are below 3 in 4,
    and until there have been as many.
    """
    hourly = hours.garman_klass if measure == "garman_klass" else hours.squared
    known: Floats = trailing_sum(hours.known.astype(np.float64), window)
    total = np.maximum(trailing_sum(hourly, window), 0.0)
    enough: NDArray[np.bool_] = known >= max(_LEAST_KNOWN * window, 1.0)
    enough[: window - 1] = False
    return np.where(enough, total / np.maximum(known, 1.0), np.nan)
