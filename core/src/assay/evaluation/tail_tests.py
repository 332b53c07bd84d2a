"""Whether value at risk and expected shortfall say how much is lost when much is lost.

Returns are log returns, shape (n,). Quantiles and tail means are log returns as well, below zero
where there is risk: value at risk and expected shortfall with their sign turned. `level` is the
probability of the tail, .01 or .05. Misses, returns at or below the quantile, are tested by
`coverage_tests`.
"""

from __future__ import annotations

import numpy as np

from assay.forecast.distribution import Floats

SIMULATIONS = 4_000
# Shape of the simulated excesses over the quantile: that of a Student-t with five degrees.
TAIL_SHAPE = 0.2
_AT_ONCE = 2_000_000


def acerbi_szekely_z2(returns: Floats, tail_mean: Floats, quantile: Floats, level: float) -> float:
    """Z2 = 1 - sum over misses of (r / tail_mean) / (n level); Acerbi and Szekely 2014.

    0 is expected, below it losses are more or larger than was said. Tail means must be below zero.
    Compare with `z2_critical`.

    >>> acerbi_szekely_z2(np.array([-3.0, 1.0]), np.full(2, -2.0), np.full(2, -1.0), 0.5)
    -0.5
    """
    severity = np.where(returns <= quantile, returns / tail_mean, 0.0)
    return float(1.0 - severity.sum() / (len(returns) * level))


def z2_critical(
    tail_mean: Floats, quantile: Floats, level: float, *, at: float = 0.05, seed: int = 0
) -> float:
    """The quantile `at` of Z2 where the forecasts are true, by 4,000 simulated histories.

    Misses come with probability `level`, independently; the excess over the quantile follows a
    generalised Pareto law of shape .2 whose mean makes `tail_mean` true. About -.7 for a year at
    2.5 %, as in Acerbi and Szekely's table.
    """
    rng, n = np.random.default_rng(seed), len(quantile)
    floor = quantile / tail_mean
    mean_excess = np.maximum(1.0 - floor, 0.0)
    found = np.empty(SIMULATIONS)
    block = max(1, _AT_ONCE // max(n, 1))
    for first in range(0, SIMULATIONS, block):
        runs = min(block, SIMULATIONS - first)
        run, day = np.nonzero(rng.random((runs, n)) < level)
        excess = (rng.random(len(day)) ** -TAIL_SHAPE - 1.0) / TAIL_SHAPE * (1.0 - TAIL_SHAPE)
        severity = floor[day] + mean_excess[day] * excess
        sums = np.bincount(run, weights=severity, minlength=runs)
        found[first : first + runs] = 1.0 - sums / (n * level)
    return float(np.quantile(found, at))


def fz0(returns: Floats, tail_mean: Floats, quantile: Floats, level: float) -> Floats:
    """Joint loss of quantile v and tail mean e, shape (n,); Patton, Ziegel and Chen 2019.

    1{r <= v} (r - v) / (level e) + v / e + ln(-e) - 1 with e <= v < 0: least where both are true.
    Differences between forecasters do not depend on the unit of returns, levels do.

    >>> fz0(np.array([-3.0, 1.0]), np.full(2, -2.0), np.full(2, -1.0), 0.5).round(6).tolist()
    [2.193147, 0.193147]
    """
    missed = np.where(returns <= quantile, (returns - quantile) / (level * tail_mean), 0.0)
    result: Floats = missed + quantile / tail_mean + np.log(-tail_mean) - 1.0
    return result
