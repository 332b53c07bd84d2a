"""Whether misses come as often as they should, and independently of each other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, xlogy

Flags = NDArray[np.bool_]


def kupiec(missed: Flags, rate: float) -> float:
    """p-value that misses come at `rate`: likelihood ratio, chi-squared(1); Kupiec 1995."""
    n, misses = len(missed), int(missed.sum())
    free = _bernoulli(misses, n, misses / n)
    return _chi_squared(2.0 * (free - _bernoulli(misses, n, rate)))


def christoffersen(missed: Flags) -> float:
    """p-value that a miss does not depend on the miss before it; Christoffersen 1998.

    First-order Markov alternative, chi-squared(1); 1 where there is no miss, or nothing else.
    """
    before, after = missed[:-1], missed[1:]
    share = after.mean()
    if share in (0.0, 1.0):
        return 1.0
    independent = _bernoulli(int(after.sum()), len(after), float(share))
    markov = 0.0
    for state in (False, True):
        following = after[before == state]
        if len(following):
            misses = int(following.sum())
            markov += _bernoulli(misses, len(following), misses / len(following))
    return _chi_squared(2.0 * (markov - independent))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted for their number by Holm's step-down (Holm 1979), same keys."""
    adjusted: dict[str, float] = {}
    running = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        running = max(running, min(1.0, (len(p_values) - rank) * p))
        adjusted[name] = running
    return adjusted


def _bernoulli(hits: int, n: int, rate: float) -> float:
    return float(xlogy(hits, rate) + xlogy(n - hits, 1.0 - rate))


def _chi_squared(statistic: float) -> float:
    return float(chdtrc(1.0, max(statistic, 0.0)))
