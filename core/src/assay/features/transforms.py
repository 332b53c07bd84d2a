"""Causal transforms: row t of every result depends on rows up to t only."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GARMAN_KLASS_CLOSE_WEIGHT = 2.0 * np.log(2.0) - 1.0


def log_returns(close: Floats) -> Floats:
    """ln(close_t / close_{t-1}), shape (n,); the first is NaN."""
    result = np.full(len(close), np.nan)
    result[1:] = np.diff(np.log(close))
    return result


def lag(values: Floats, steps: int) -> Floats:
    """`values` moved `steps` rows later, NaN in front."""
    if steps == 0:
        return values.copy()
    result = np.full(len(values), np.nan)
    result[steps:] = values[:-steps]
    return result


def ewma(values: Floats, decays: Sequence[float]) -> Floats:
    """Exponentially weighted means with weights decay^age that sum to one, shape (n, len(decays)).

    The weights are normalised over the rows seen so far, so the start needs no seed. NaN rows
    carry no weight; before the first number the result is NaN.
    """
    column = values.tolist()
    return np.column_stack([_ewma(column, decay) for decay in decays])


def _ewma(values: list[float], decay: float) -> list[float]:
    """One decay; plain floats, since a loop over an array's rows is ten times slower."""
    total = weight = 0.0
    result = []
    for value in values:
        total *= decay
        weight *= decay
        if isfinite(value):
            total += value
            weight += 1.0
        result.append(total / weight if weight > 0.0 else nan)
    return result


def rolling_sum(values: Floats, window: int) -> Floats:
    """Sum over the last `window` rows, NaN until there are as many."""
    result = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        result[window - 1 :] = windows.sum(axis=1)
    return result


def garman_klass(open_: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Garman-Klass (1980) variance of each bar: ln²(h/l)/2 - (2 ln 2 - 1) ln²(c/o), at least 0.

    High and low are first widened to hold open and close, which settlements may lie outside of.
    """
    top = np.maximum.reduce([high, open_, close])
    bottom = np.minimum.reduce([low, open_, close])
    variance = 0.5 * np.log(top / bottom) ** 2
    variance -= GARMAN_KLASS_CLOSE_WEIGHT * np.log(close / open_) ** 2
    result: Floats = np.maximum(variance, 0.0)
    return result


def true_range_variance(high: Floats, low: Floats, close: Floats) -> Floats:
    """Squared log true range over 4 ln 2 (Parkinson's scale), the day's move from the previous
    close included; the first is NaN.
    """
    previous = lag(close, 1)
    top = np.fmax(np.maximum(high, close), previous)
    bottom = np.fmin(np.minimum(low, close), previous)
    variance: Floats = np.log(top / bottom) ** 2 / (4.0 * np.log(2.0))
    variance[0] = np.nan
    return variance
