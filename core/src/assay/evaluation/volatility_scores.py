"""Scores of variance forecasts against realized variance.

Both are of shape (n,), on the same origins, above zero and finite, in one unit (squared log return
over the horizon). Zero variance has no logarithm: whoever scores leaves such origins out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from assay.forecast.distribution import Floats


class MincerZarnowitz(NamedTuple):
    """ln(realized) = intercept + slope ln(forecast) + e; `r2` is the square of the correlation."""

    intercept: float
    slope: float
    r2: float


def qlike(forecast: Floats, realized: Floats) -> Floats:
    """Quasi-likelihood loss rv / f - ln(rv / f) - 1, shape (n,), no unit; 0 where f is met.

    Ranks forecasts of the mean rightly although realized variance is noisy (Patton 2011). Too low
    costs more than too high.

    >>> qlike(np.array([1.0, 1.0, 4.0]), np.array([1.0, 2.0, 2.0])).round(6).tolist()
    [0.0, 0.306853, 0.193147]
    """
    ratio = realized / forecast
    result: Floats = ratio - np.log(ratio) - 1.0
    return result


def mincer_zarnowitz(forecast: Floats, realized: Floats) -> MincerZarnowitz | None:
    """The regression of log realized on log forecast variance (Mincer and Zarnowitz 1969).

    A slope of 1 is right; below it the forecasts move too much. In logs a forecast of the mean
    leaves an intercept below 0. None where the forecasts, or the outcomes, never differ.

    >>> mincer_zarnowitz(np.exp([0.0, 1.0, 2.0]), np.exp([0.0, 2.0, 4.0]))
    MincerZarnowitz(intercept=0.0, slope=2.0, r2=1.0)
    """
    x, y = np.log(forecast), np.log(realized)
    if len(x) < 2:
        return None
    dx, dy = x - x.mean(), y - y.mean()
    xx, yy, xy = float(dx @ dx), float(dy @ dy), float(dx @ dy)
    if _still(x, xx) or _still(y, yy):
        return None
    slope = xy / xx
    return MincerZarnowitz(float(y.mean() - slope * x.mean()), slope, xy**2 / (xx * yy))


def log_r2(forecast: Floats, realized: Floats) -> float | None:
    """Squared correlation of the two logarithms: log variance explained at the best slope.

    The same as `mincer_zarnowitz(...).r2`; None where that is.

    >>> log_r2(np.exp([0.0, 1.0, 2.0]), np.exp([0.0, 2.0, 1.0]))
    0.25
    """
    found = mincer_zarnowitz(forecast, realized)
    return found.r2 if found else None


def log_r2_unit_slope(forecast: Floats, realized: Floats) -> float | None:
    """1 - sum e^2 / sum (y - mean y)^2 with y = ln(realized), e = y - ln(forecast) less its mean.

    The share of log variance that the forecast explains as it stands, slope 1, at its best level:
    a forecast of the mean lies above the mean logarithm for good reason. At most `log_r2`, and
    negative where the forecast is worse than a constant. None where the outcomes never differ.

    >>> log_r2_unit_slope(np.exp([0.0, 1.0, 2.0]), np.exp([0.0, 2.0, 4.0]))
    0.75
    """
    y = np.log(realized)
    if len(y) < 2:
        return None
    error = y - np.log(forecast)
    error, dy = error - error.mean(), y - y.mean()
    total = float(dy @ dy)
    return None if _still(y, total) else 1.0 - float(error @ error) / total


def _still(values: Floats, squares: float) -> bool:
    """Whether the sum of squares about the mean is rounding alone."""
    scale = max(1.0, float(np.abs(values).max()))
    return squares <= len(values) * (1e-12 * scale) ** 2
