"""Value at risk and expected shortfall by filtered historical simulation (Barone-Adesi 1999).

zeta = r_H / sqrt(f_H) over the last 500 days, one every 6 hours; a normal kernel of bandwidth .2
smooths its distribution; times sqrt(f). The samples overlap for H over 6, so that they count as
many as fit side by side; zeta as training saw it, without a drift, counts as 100 more.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import ndtr

from assay.volatility.hours import Positions
from assay.volatility.model import VolatilityModel
from assay.volatility.rolling import Floats

EVERY_HOURS = 6
LOOKBACK_DAYS = 500
BANDWIDTH = 0.2
PRIOR_SAMPLES = 100.0
TAILS: Final = (0.05, 0.01)
_EDGE = 12.0
_POINTS: Final[Floats] = np.linspace(-_EDGE, _EDGE, 401)
_STEP = float(_POINTS[1] - _POINTS[0])


def _kernel() -> tuple[Floats, Floats]:
    """At each point x (rows: atoms c): P(c + h N < x) and E[(c + h N); c + h N < x]."""
    z = (_POINTS[None, :] - _POINTS[:, None]) / BANDWIDTH
    below = ndtr(z)
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return below, _POINTS[:, None] * below - BANDWIDTH * density


_BELOW, _PARTIAL = _kernel()


def distributions(
    model: VolatilityModel, hours: int, zeta: Floats, day: Positions, days: int
) -> Floats:
    """Mass on the grid's points at each refresh, (days, 401), each row summing to 1.

    `zeta` (n,), NaN left out, counts from refresh `day` (n,) on, for 500 of them.
    """
    place = np.clip((zeta + _EDGE) / _STEP, 0.0, len(_POINTS) - 1.0)
    known = np.isfinite(place)
    below = np.minimum(place[known].astype(np.intp), len(_POINTS) - 2)
    upper = place[known] - below
    cell = day[known] * len(_POINTS) + below
    size = days * len(_POINTS)
    each = np.bincount(cell, 1.0 - upper, size) + np.bincount(cell + 1, upper, size)
    total = np.cumsum(each.reshape(days, len(_POINTS)), axis=0)
    total[LOOKBACK_DAYS:] = total[LOOKBACK_DAYS:] - total[:-LOOKBACK_DAYS]
    own = np.maximum(total, 0.0) * (EVERY_HOURS / max(hours, EVERY_HOURS))
    mass: Floats = own + PRIOR_SAMPLES * prior_mass(model.tails_at(hours))
    mass /= mass.sum(axis=1, keepdims=True)
    return mass


def prior_mass(quantiles: Floats) -> Floats:
    """Evenly weighted `quantiles` as mass on the grid's points, (401,), summing to 1."""
    place = np.clip((quantiles + _EDGE) / _STEP, 0.0, len(_POINTS) - 1.0)
    below = np.minimum(place.astype(np.intp), len(_POINTS) - 2)
    upper = place - below
    mass = np.bincount(below, 1.0 - upper, len(_POINTS))
    mass += np.bincount(below + 1, upper, len(_POINTS))
    return mass / len(quantiles)


def tail_quantiles(mass: Floats) -> tuple[Floats, Floats]:
    """The 5 and 1 % quantiles of zeta and the means below them, each (rows, 2)."""
    lower = slice(0, len(_POINTS) // 2 + 1)
    below, partial = mass @ _BELOW[:, lower], mass @ _PARTIAL[:, lower]
    quantiles = np.empty((len(mass), len(TAILS)))
    shortfalls = np.empty_like(quantiles)
    for column, tail in enumerate(TAILS):
        right = np.clip(np.sum(below < tail, axis=1), 1, below.shape[1] - 1)
        row = np.arange(len(mass))
        low, high = below[row, right - 1], below[row, right]
        share = np.clip((tail - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
        quantiles[:, column] = _POINTS[right - 1] + share * _STEP
        inside = partial[row, right - 1] * (1.0 - share) + partial[row, right] * share
        shortfalls[:, column] = np.minimum(inside / tail, quantiles[:, column])
    return quantiles, shortfalls


def probability_below(mass: Floats, point: float) -> float:
    """P(zeta < `point`) under `mass` (401,)."""
    return float(mass @ ndtr((point - _POINTS) / BANDWIDTH))


def price_loss(log_return: Floats) -> Floats:
    """The fraction of the price lost, at least 0, at a log return.

    >>> price_loss(np.log(np.array([0.9, 1.1]))).round(6)
    array([0.1, 0. ])
    """
    return np.maximum(-np.expm1(log_return), 0.0)
