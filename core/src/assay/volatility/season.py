"""The hour-of-week profile of variance: each coin's own, blended with the model's.

Andersen and Bollerslev (1997) showed that intraday variance has a shape of its own, which has to be
taken out before volatility is modelled; for coins the week has one too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assay.volatility.hours import DAY_HOURS, WEEK_HOURS, Hours, Positions
from assay.volatility.rolling import Bools, Floats

LOOKBACK_HOURS = 730 * DAY_HOURS
REFRESH_HOURS = 28 * DAY_HOURS
LEAST_WEEKS = 4
CELL_WEEKS = 100  # as many weeks of its own, and a cell believes itself as much as its neighbours
OWN_WEEKS = 26  # as many, and a coin believes itself as much as the model
_LEAST_NEIGHBOURS = 84
_TOP = 0.995
_LEAST_RATIO = 1e-4
_WEEKDAYS, _WEEKEND = slice(0, 5), slice(5, 7)
# Refreshes fall on Mondays, the same ones whatever hour a series begins at.
_FIRST_REFRESH = 96


@dataclass(frozen=True, eq=False)
class Seasons:
    """The profiles in force over a grid: `profiles` (v, 168) of mean 1, `version` (n,) of each row.

    `phase` (n,) is the row's hour of the week. `own` (v,) is the weight that each version gives to
    the coin's own bars, 0 to 1.
    """

    profiles: Floats
    version: Positions
    phase: Positions
    own: Floats

    def at_rows(self) -> Floats:
        """The s of each row's own hour, shape (n,)."""
        return np.take(self.profiles.ravel(), self.version * WEEK_HOURS + self.phase)

    def sums_ahead(self, hours: int, rows: Positions | slice = slice(None)) -> Floats:
        """S: the sum of s over the `hours` hours that follow each row, by the profile it knows."""
        weeks, rest = divmod(hours, WEEK_HOURS)
        table = (
            self._until[:, 1 + rest : 1 + rest + WEEK_HOURS] - self._until[:, 1 : 1 + WEEK_HOURS]
        )
        table += weeks * WEEK_HOURS
        return np.take(table.ravel(), self.version[rows] * WEEK_HOURS + self.phase[rows])

    def sums_ahead_each(self, hours: Positions, rows: Positions) -> Floats:
        """The same for several `hours` (k,) at once, shape (len(rows), k)."""
        weeks, rest = np.divmod(hours, WEEK_HOURS)
        first = self.version[rows] * self._until.shape[1] + self.phase[rows] + 1
        until = self._until.ravel()
        ahead = until[first[:, None] + rest] - until[first][:, None]
        result: Floats = ahead + weeks * WEEK_HOURS
        return result

    @cached_property
    def _until(self) -> Floats:
        """Sums of s over two weeks up to before each hour, (v, 337)."""
        twice = np.concatenate([self.profiles, self.profiles], axis=1)
        return np.concatenate([np.zeros((len(twice), 1)), np.cumsum(twice, axis=1)], axis=1)

    def least_growth(self, hours: Floats) -> Floats:
        """A bound from below on d ln S / d ln H from `hours` (k,) ahead on, (k, v).

        The season's least value over the most that its mean over that many hours can be.
        """
        excess = self._until - np.arange(self._until.shape[1])
        surplus = excess.max(axis=1) - excess.min(axis=1)
        most = np.minimum(1.0 + surplus / hours[:, None], self.profiles.max(axis=1))
        result: Floats = self.profiles.min(axis=1) / most
        return result


def seasons_of(hours: Hours, model_profile: Floats) -> Seasons:
    """The profile in force at each row: made every 28 days of the 730 before, and of no later bar.

    With under four weeks of hourly bars it is `model_profile` (168,) alone.
    """
    profiles, own = [model_profile], [0.0]
    version = np.zeros(len(hours), dtype=np.intp)
    phase = hours.phase
    start = -(hours.first - _FIRST_REFRESH) % REFRESH_HOURS
    for refresh in range(start, len(hours), REFRESH_HOURS):
        part = slice(max(refresh - LOOKBACK_HOURS, 0), refresh)
        weeks = float(np.count_nonzero(hours.real[part])) / WEEK_HOURS
        if weeks < LEAST_WEEKS:
            continue
        found = hour_of_week_profile(hours.garman_klass[part], hours.real[part], phase[part])
        if found is None:
            continue
        weight = weeks / (weeks + OWN_WEEKS)
        profiles.append(_blend(found, model_profile, weight))
        own.append(weight)
        version[refresh:] = len(profiles) - 1
    return Seasons(np.array(profiles), version, phase, np.array(own))


def hour_of_week_profile(variance: Floats, known: Bools, phase: Positions) -> Floats | None:
    """The profile s of shape (168,), mean 1, of hourly `variance` (n,); None where nothing moves.

    Each hour is divided by the mean of the week around it (at least 84 known hours), clipped at its
    99.5 % quantile and averaged in logs by hour of the week. A cell of n weeks then counts
    n/(n + 100), and weekday plus hour of day (of Monday to Friday, or of the weekend) the rest.
    """
    ratio, usable = _against_its_week(variance, known)
    if not usable.any():
        return None
    ratio, cell = ratio[usable], phase[usable]
    logs = np.log(np.maximum(np.minimum(ratio, np.quantile(ratio, _TOP)), _LEAST_RATIO))
    counts = np.bincount(cell, minlength=WEEK_HOURS)
    means = np.bincount(cell, logs, minlength=WEEK_HOURS) / np.maximum(counts, 1)
    means = np.where(counts > 0, means, logs.mean()).reshape(7, DAY_HOURS)
    weeks = len(ratio) / WEEK_HOURS
    smooth = _weekday_plus_hour(means)
    logs = smooth + (means - smooth) * weeks / (weeks + CELL_WEEKS)
    profile: Floats = np.exp(logs.ravel())
    return _of_mean_one(profile)


def _against_its_week(variance: Floats, known: Bools) -> tuple[Floats, Bools]:
    """Variance over the mean of the 168 hours around it, and where that can be said."""
    half = WEEK_HOURS // 2
    ends = np.minimum(np.arange(len(variance)) + half, len(variance))
    starts = np.maximum(np.arange(len(variance)) - half, 0)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, variance, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    around, n = total[ends] - total[starts], count[ends] - count[starts]
    usable = known & (n >= _LEAST_NEIGHBOURS) & (around > 1e-12 * total[-1]) & (around > 0.0)
    return variance * n / np.where(usable, around, 1.0), usable


def _weekday_plus_hour(means: Floats) -> Floats:
    """Weekday's mean plus the hour's deviation, that over Mon-Fri or Sat-Sun, shape (7, 24)."""
    weekday = means.mean(axis=1, keepdims=True)
    deviation = means - weekday
    smooth = np.empty_like(means)
    for days in (_WEEKDAYS, _WEEKEND):
        smooth[days] = weekday[days] + deviation[days].mean(axis=0)
    return smooth


def _blend(own: Floats, model: Floats, weight: float) -> Floats:
    return _of_mean_one(np.exp(weight * np.log(own) + (1.0 - weight) * np.log(model)))


def _of_mean_one(profile: Floats) -> Floats:
    result: Floats = profile / profile.mean()
    return result
