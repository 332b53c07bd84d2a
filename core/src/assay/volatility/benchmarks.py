"""The permanent rivals of next-day variance that need no library: EWMA, HAR, log-HAR, yesterday.

Row t of every result is the forecast made at the end of day t for the next one, shape (n,), in
squared log return a day; it depends on days up to t only. Days are those of `utc_days`: positive
realized variances and log returns, in order, what lies between two left out. HAR models are
refitted at every day on all days before it, and NaN while there are fewer than 60 to fit on.

Tails are quantiles and means below them of the next day's log return, `level` .01 or .05.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy.special import gammaln, ndtri, stdtrit

from assay.features.transforms import Floats, ewma, rolling_sum
from assay.volatility.estimators import RISKMETRICS_DECAY

__all__ = [
    "HAR_WINDOWS",
    "LEAST_DAYS",
    "Tail",
    "ewma94",
    "filtered_tail",
    "har_ols",
    "log_har",
    "normal_tail",
    "student_t_tail",
    "yesterday",
]

# A day, a week, a month: coins trade on all days.
HAR_WINDOWS: Final = (1, 7, 30)
_LEAST_PAIRS: Final = 60
# Sound days up to the first origin that has a forecast of every benchmark.
LEAST_DAYS: Final = HAR_WINDOWS[-1] + _LEAST_PAIRS

TAIL_DAYS: Final = 500
_LEAST_TAIL_DAYS: Final = 100
_SINGULAR: Final = 1e-12


class Tail(NamedTuple):
    """Quantile of the next log return and its mean below it, shape (n,), below zero."""

    quantile: Floats
    mean: Floats


def yesterday(realized: Floats) -> Floats:
    """Tomorrow as today."""
    return realized.copy()


def ewma94(log_return: Floats) -> Floats:
    """Weighted mean of squared daily returns, weights .94^age; RiskMetrics 1996.

    >>> ewma94(np.array([0.1, 0.0])).round(6).tolist()
    [0.01, 0.004845]
    """
    result: Floats = np.array(ewma(log_return**2, [RISKMETRICS_DECAY])[:, 0])
    return result


def har_ols(realized: Floats) -> Floats:
    """Realized variance on its means over 1, 7 and 30 days, by least squares; Corsi 2009.

    Never below the smallest value it was fitted on.
    """
    unit = _unit_of(realized)
    design, target = _har_pairs(realized / unit)
    coefficients = _expanding_least_squares(design[:-1], target)
    forecast = np.einsum("ij,ij->i", design, coefficients)
    floor = np.minimum.accumulate(np.append(np.inf, target))
    return _placed(np.maximum(forecast, floor) * unit, len(realized))


def log_har(realized: Floats) -> Floats:
    """The logarithm of realized variance on its means over 1, 7 and 30 days, by least squares.

    Back from logs by the mean of realized over fitted in training (Duan 1983).
    """
    unit = _unit_of(realized)
    design, target = _har_pairs(np.log(realized / unit))
    coefficients = _expanding_least_squares(design[:-1], target)
    forecast = np.full(len(design), np.nan)
    for t in range(_LEAST_PAIRS, len(design)):
        errors = target[:t] - design[:t] @ coefficients[t]
        forecast[t] = np.exp(design[t] @ coefficients[t]) * np.exp(errors).mean()
    return _placed(forecast * unit, len(realized))


def _har_pairs(values: Floats) -> tuple[Floats, Floats]:
    """Inputs (m, 4) at each day from the thirtieth on, and the following day's value (m - 1,)."""
    means = [rolling_sum(values, window) / window for window in HAR_WINDOWS]
    design = np.column_stack([np.ones(len(values)), *means])[HAR_WINDOWS[-1] - 1 :]
    return design, values[HAR_WINDOWS[-1] :]


def _expanding_least_squares(design: Floats, target: Floats) -> Floats:
    """Coefficients (m + 1, k) of the fits on the first 0 to m of m pairs; of least norm where
    inputs depend on each other.
    """
    gram = np.cumsum(design[:, :, None] * design[:, None, :], axis=0)
    moment = np.cumsum(design * target[:, None], axis=0)
    solved = np.einsum("tij,tj->ti", np.linalg.pinv(gram, rcond=_SINGULAR, hermitian=True), moment)
    return np.concatenate([np.full((1, design.shape[1]), np.nan), solved])


def _placed(forecast: Floats, n: int) -> Floats:
    """`forecast`, made from the thirtieth day on, at its days; NaN where it was fitted on few."""
    result = np.full(n, np.nan)
    result[LEAST_DAYS - 1 :] = forecast[_LEAST_PAIRS:]
    return result


def _unit_of(realized: Floats) -> float:
    """The mean of the days before any fit: keeps the arithmetic near one."""
    return float(realized[: HAR_WINDOWS[-1]].mean()) if len(realized) else 1.0


def normal_tail(variance: Floats, level: float) -> Tail:
    """Of a normal law centred on zero.

    >>> tail = normal_tail(np.array([0.0004]), 0.05)
    >>> round(float(tail.quantile[0]), 6), round(float(tail.mean[0]), 6)
    (-0.032897, -0.041254)
    """
    scale, z = np.sqrt(variance), float(ndtri(level))
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    return Tail(scale * z, -scale * density / level)


def student_t_tail(variance: Floats, df: Floats, level: float) -> Tail:
    """Of a Student-t centred on zero with that variance and `df` > 2 degrees, shape (n,).

    The mean below quantile t is -(df + t^2) / (df - 1) f(t) / level, f the density.

    >>> tail = student_t_tail(np.array([0.0004]), np.array([5.0]), 0.05)
    >>> round(float(tail.quantile[0]), 6), round(float(tail.mean[0]), 6)
    (-0.031217, -0.044774)
    """
    scale, t = np.sqrt(variance * (df - 2.0) / df), stdtrit(df, level)
    log_density = (
        gammaln((df + 1.0) / 2.0)
        - gammaln(df / 2.0)
        - 0.5 * np.log(np.pi * df)
        - (df + 1.0) / 2.0 * np.log1p(t**2 / df)
    )
    mean = -(df + t**2) / (df - 1.0) * np.exp(log_density) / level
    return Tail(scale * t, scale * mean)


def filtered_tail(log_return: Floats, variance: Floats, level: float) -> Tail:
    """By filtered historical simulation; Barone-Adesi, Giannopoulos and Vosper 1999.

    Quantile, and mean at or below it, of the past 500 days' returns over the root of what had been
    forecast for each, times the root of `variance`; NaN below 100 of them. Never above zero.
    """
    scale = np.sqrt(variance)
    moves = log_return[1:] / scale[:-1]
    quantile, mean = np.full(len(scale), np.nan), np.full(len(scale), np.nan)
    for t in np.flatnonzero(np.isfinite(scale)).tolist():
        past = moves[max(0, t - TAIL_DAYS) : t]
        past = past[np.isfinite(past)]
        if len(past) >= _LEAST_TAIL_DAYS:
            quantile[t] = np.quantile(past, level)
            mean[t] = past[past <= quantile[t]].mean()
    return Tail(np.minimum(scale * quantile, 0.0), np.minimum(scale * mean, 0.0))
