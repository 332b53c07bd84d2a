"""The risk score: the probability that realized volatility ends above its 80th percentile.

    z = (ln f + m - ln q80) / sigma        p = sigmoid(1.8138 z)

m and sigma are the running mean and deviation of ln(realized / forecast), pulled towards those of
training; pi/sqrt(3) = 1.8138 makes the logistic's deviation one.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from assay.volatility.hours import DAY_HOURS, YEAR_HOURS
from assay.volatility.model import VolatilityModel
from assay.volatility.rolling import Floats, decayed_sum

LOGISTIC: Final = 1.8138
BASE_RATE: Final = 0.2
LEVEL: Final = 0.8
LEAST, MOST = 0.005, 0.995
PHASE_WINDOWS = 365
ENOUGH_SHARE = 0.9
HALF_LIFE_HOURS = 120 * DAY_HOURS
# What a residual series of that half-life weighs once it is long: the prior weighs the same.
PRIOR_WEIGHT = 1.0 / (1.0 - 2.0 ** (-1.0 / HALF_LIFE_HOURS))
_MOST_DEVIATIONS = 5.0


def running_residuals(
    model: VolatilityModel, hours: int, residuals: Floats
) -> tuple[Floats, Floats]:
    """The m and sigma at each row from `residuals` (n,) known by then, NaN where there is none.

    Exponential weights of half-life 120 days and a prior of the same weight. One residual counts
    at most five prior deviations, so that an outage's does not last.
    """
    mean, deviation, _ = model.residuals_at(hours)
    reach = _MOST_DEVIATIONS * deviation
    known = np.isfinite(residuals)
    e = np.where(known, np.clip(residuals - mean, -reach, reach), 0.0)
    weight = decayed_sum(known.astype(np.float64), HALF_LIFE_HOURS) + PRIOR_WEIGHT
    shift = decayed_sum(e, HALF_LIFE_HOURS) / weight
    square = (decayed_sum(e * e, HALF_LIFE_HOURS) + PRIOR_WEIGHT * deviation**2) / weight
    return mean + shift, np.sqrt(np.maximum(square - shift**2, 0.04 * deviation**2))


def threshold_windows(hours: int) -> tuple[int, int]:
    """How many past windows the threshold is taken of, and how many hours lie between them.

    365 that end at the same hour of the day; below a day all of the 8,760 hours, since they differ
    by hour of the day and the score is to know it.

    >>> threshold_windows(24), threshold_windows(1)
    ((365, 24), (8760, 1))
    """
    return (PHASE_WINDOWS, DAY_HOURS) if hours >= DAY_HOURS else (YEAR_HOURS, 1)


def log_threshold(own: Floats, known_share: Floats, prior: Floats) -> Floats:
    """Log of q80: the coin's `own` (NaN for none), and `prior` where its year is not full."""
    weight = np.where(np.isfinite(own), np.minimum(known_share / ENOUGH_SHARE, 1.0), 0.0)
    return weight * np.where(np.isfinite(own), own, 0.0) + (1.0 - weight) * prior


def log_odds(probability: Floats) -> Floats:
    """ln(p / (1 - p)).

    >>> round(float(log_odds(np.array(0.2))), 4)
    -1.3863
    """
    result: Floats = np.log(probability) - np.log1p(-probability)
    return result


def scores(raw_log_odds: Floats, known_share: Floats) -> Floats:
    """Probabilities in [.005, .995]; halved towards .2 where there is no full year to compare."""
    with np.errstate(over="ignore"):  # exp(-x) overflows to a probability of 0
        p = np.clip(1.0 / (1.0 + np.exp(-raw_log_odds)), LEAST, MOST)
    return np.where(known_share >= ENOUGH_SHARE, p, BASE_RATE + 0.5 * (p - BASE_RATE))
