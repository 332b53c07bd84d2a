"""The one feature path of volatility: what is known of a coin at each hour's close, vectorised.

Row t of every array depends on bars closed by then only. The walk over past hours takes all rows,
service takes the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from assay.volatility.hours import DAY_HOURS, YEAR_HOURS, Hours
from assay.volatility.model import VolatilityModel
from assay.volatility.rolling import Bools, Floats, lagged, trailing_sum
from assay.volatility.season import Seasons, seasons_of

WINDOWS: Final = (1, 6, 24, 168, 720)
LEAST_HOURS = 50
_CAP = 100.0
_CAP_FROM = 24
# About .001 of the median: the mean of a coin's hourly Garman-Klass is three times its median.
_FLOOR = 3e-4
LEAST_VARIANCE = 1e-12
_MOST_GAP = 1.5
_LOWEST_FALL = -4.0


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the forecast is made of, one row an hour.

    `x` (n, 6): log variance of the last 1, 6, 24, 168 and 720 hours against the year's, the season
    taken out, and the past day's fall in standard deviations (0 to -4). `level` (n,): log of the
    year's mean squared hourly return, the season taken out. `own` (n,): how much of that level is
    the coin's own, 0 to 1; the rest is the model's. `usable` (n,): hours with a bar and 49 before.
    """

    hours: Hours
    seasons: Seasons
    x: Floats
    level: Floats
    own: Floats
    usable: Bools


def features_of(hours: Hours, model: VolatilityModel) -> Features:
    """The features of every row of `hours`. NaN nowhere; rows not `usable` mean nothing.

    zg = Garman-Klass / s and zr = squared return / s, at most 100 times the past year's mean zg,
    since one wick would poison a month; x_k = ln mean_k(zg) - lG, with lG and lR the logs of the
    past year's means. With n bars, lG and the gap lR - lG count n/(n + 200) and the model's the
    rest (Corsi 2009 for the cascade of windows).
    """
    seasons = seasons_of(hours, model.season)
    s = seasons.at_rows()
    spread, squared = _capped(hours, hours.garman_klass / s, hours.squared / s)
    counts = trailing_sum(hours.known.astype(np.float64), YEAR_HOURS)
    own = counts / (counts + model.level_hours)
    log_spread = _log_mean(spread, counts)
    gap = np.clip(_log_mean(squared, counts) - log_spread, -_MOST_GAP, _MOST_GAP)
    gap = own * gap + (1.0 - own) * model.gap
    base = own * log_spread + (1.0 - own) * (model.level - model.gap)
    means = _window_means(hours, spread)
    x = np.empty((len(hours), len(WINDOWS) + 1))
    for column, window in enumerate(WINDOWS):
        x[:, column] = np.log(means[window]) - base
    x[:, -1] = _fall(hours.returns / np.sqrt(s), means[168])
    usable = hours.known & (np.cumsum(hours.known) >= LEAST_HOURS)
    return Features(hours, seasons, x, base + gap, own, usable)


def _capped(hours: Hours, spread: Floats, squared: Floats) -> tuple[Floats, Floats]:
    """Both held below 100 times the mean `spread` of the year before, that without its wicks."""
    once = np.minimum(spread, _CAP * _year_before(hours, spread, np.inf))
    before = _year_before(hours, once, np.inf)
    least = np.maximum(_FLOOR * np.where(np.isfinite(before), before, 0.0), LEAST_VARIANCE)
    held = np.maximum(np.minimum(spread, _CAP * before), least)
    return np.where(hours.known, held, 0.0), np.minimum(squared, _CAP * before)


def _year_before(hours: Hours, values: Floats, otherwise: float) -> Floats:
    """Mean of the 8,760 hours before each row; `otherwise` where under a day of them moved."""
    counts = trailing_sum(hours.known.astype(np.float64), YEAR_HOURS)
    mean = np.maximum(trailing_sum(values, YEAR_HOURS), 0.0) / np.maximum(counts, 1.0)
    enough = (counts >= _CAP_FROM) & (mean > LEAST_VARIANCE)
    return lagged(np.where(enough, mean, otherwise), 1, otherwise)


def _log_mean(values: Floats, counts: Floats) -> Floats:
    """Log of the trailing year's mean, floored where nothing moved."""
    mean = trailing_sum(values, YEAR_HOURS) / np.maximum(counts, 1.0)
    return np.log(np.maximum(mean, LEAST_VARIANCE))


def _window_means(hours: Hours, spread: Floats) -> dict[int, Floats]:
    """Mean of `spread` over each window; an hour missing from it counts as the longer window's."""
    since_start = np.arange(1, len(hours) + 1)
    means: dict[int, Floats] = {}
    longer: Floats | None = None
    for window in reversed(WINDOWS):
        total = np.maximum(trailing_sum(spread, window), 0.0)
        count = trailing_sum(hours.known.astype(np.float64), window)
        if longer is not None:
            missing = np.minimum(since_start, window) - count
            total, count = total + missing * longer, count + missing
        longer = np.maximum(total / np.maximum(count, 1.0), LEAST_VARIANCE)
        means[window] = longer
    return means


def _fall(scaled_returns: Floats, week: Floats) -> Floats:
    """The past 24 hours' return in standard deviations where negative, -4 to 0."""
    day = trailing_sum(scaled_returns, DAY_HOURS) / np.sqrt(DAY_HOURS * week)
    result: Floats = np.clip(day, _LOWEST_FALL, 0.0)
    return result
