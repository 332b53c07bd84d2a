"""Trailing sums, quantiles and ranks: row t of every result depends on rows up to t only."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from math import floor, isfinite, nan

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

__all__ = [
    "Bools",
    "Floats",
    "decayed_sum",
    "lagged",
    "trailing_quantile",
    "trailing_rank",
    "trailing_sum",
]


def trailing_sum(values: Floats, window: int) -> Floats:
    """Sum of the last `window` rows, of fewer at the start, shape (n,); `values` hold no NaN.

    >>> trailing_sum(np.array([1.0, 2.0, 4.0]), 2)
    array([1., 3., 6.])
    """
    if window == 1:
        return values.astype(np.float64)
    total = np.cumsum(values, dtype=np.float64)
    result = total.copy()
    result[window:] -= total[:-window]
    return result


def lagged(values: Floats, rows: int, fill: float = nan) -> Floats:
    """`values` moved `rows` later, `fill` in front."""
    result = np.full(len(values), fill)
    result[rows:] = values[: max(len(values) - rows, 0)]
    return result


def decayed_sum(values: Floats, half_life: float) -> Floats:
    """Sum over the past of values times 2^(-age/half_life), shape (n,); `values` hold no NaN.

    >>> decayed_sum(np.array([1.0, 0.0, 2.0]), 1.0)
    array([1.  , 0.5 , 2.25])
    """
    result = np.empty(len(values))
    # Powers stay below 2^500: far from overflow, and a block loses nothing to rounding.
    block = max(int(500 * half_life), 1)
    carried = 0.0
    for first in range(0, len(values), block):
        part = values[first : first + block]
        growth = np.exp2(np.arange(1, len(part) + 1) / half_life)
        result[first : first + block] = (carried + np.cumsum(part * growth)) / growth
        carried = float(result[min(first + block, len(values)) - 1])
    return result


def trailing_quantile(values: Floats, window: int, level: float) -> Floats:
    """The `level` quantile, 0 to 1, of the finite ones among the last `window` rows, shape (n,).

    Linear between order statistics, as numpy's; NaN where none is finite.
    """
    column = values.tolist()
    ordered: list[float] = []
    result = []
    for at, value in enumerate(column):
        if at >= window and isfinite(gone := column[at - window]):
            del ordered[bisect_left(ordered, gone)]
        if isfinite(value):
            insort(ordered, value)
        if not ordered:
            result.append(nan)
            continue
        position = level * (len(ordered) - 1)
        below = floor(position)
        low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
        result.append(low + (high - low) * (position - below))
    return np.array(result)


def trailing_rank(values: Floats, window: int, members: Bools) -> Floats:
    """Where each row stands among the finite `members` of the last `window` rows, its own included.

    The share below plus half the share equal, 0 to 1; NaN where the row is not finite or there is
    no member.

    >>> trailing_rank(np.array([1.0, 3.0, 2.0]), 3, np.array([True, True, True])).tolist()
    [0.5, 0.75, 0.5]
    """
    column, counts = values.tolist(), (members & np.isfinite(values)).tolist()
    ordered: list[float] = []
    result = []
    for at, value in enumerate(column):
        if at >= window and counts[at - window]:
            del ordered[bisect_left(ordered, column[at - window])]
        if not isfinite(value):
            result.append(nan)
            continue
        upto = bisect_right(ordered, value)
        if counts[at]:
            ordered.insert(upto, value)
            upto += 1
        if not ordered:
            result.append(nan)
            continue
        tied = upto > 0 and ordered[upto - 1] == value
        below = bisect_left(ordered, value) if tied else upto
        result.append((below + upto) / (2 * len(ordered)))
    return np.array(result)
