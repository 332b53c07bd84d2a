"""A coin's past on a grid without holes: one row an hour, whatever bars there were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.features.transforms import garman_klass
from assay.market.bars import Bars
from assay.volatility.rolling import Bools, Floats, lagged

HOUR_MS = 3_600_000
DAY_HOURS = 24
WEEK_HOURS = 168
YEAR_HOURS = 8_760
# Monday 00:00 is hour 96 since the epoch, a Thursday.
_MONDAY = 96
# A return over a longer gap says nothing of one hour.
_LONGEST_BRIDGED_HOURS = 24
_LEAST_PARKINSON_SHARE = 0.1

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Hours:
    """Hourly rows in time order without holes, arrays of shape (n,).

    `garman_klass` and `squared` are variances of log returns over the hour, 0 where not `known`;
    `returns` are log returns from the last known close; `log_close` is the last known one's.
    `real` rows come from hourly bars; the other known ones are a day's bar spread over its hours.
    `bars` are the rows of the hourly bars, in their order.
    """

    first: int
    garman_klass: Floats
    squared: Floats
    returns: Floats
    log_close: Floats
    known: Bools
    real: Bools
    bars: Positions

    def __len__(self) -> int:
        return len(self.known)

    @property
    def open_hours(self) -> NDArray[np.int64]:
        """Hours since the epoch at which the rows open."""
        return self.first + np.arange(len(self))

    @property
    def phase(self) -> Positions:
        """Hour of the week, 0 at Monday 00:00 UTC."""
        return phase_of(self.open_hours)

    @property
    def close_time(self) -> NDArray[np.datetime64]:
        """When the rows close, datetime64[ms], UTC."""
        return ((self.open_hours + 1) * HOUR_MS).astype("datetime64[ms]")


def phase_of(open_hours: NDArray[np.int64]) -> Positions:
    """Hour of the week, 0 at Monday 00:00 UTC, of hours since the epoch.

    >>> int(phase_of(np.array([0]))[0]) // 24  # 1970-01-01 was a Thursday
    3
    """
    return ((open_hours - _MONDAY) % WEEK_HOURS).astype(np.intp)


def hours_of(hourly: Bars) -> Hours:
    """The grid that `hourly` bars span; hours without a bar are not `known`."""
    if not len(hourly):
        none = np.empty(0)
        nothing = np.empty(0, dtype=np.bool_)
        return Hours(0, none, none, none, none, nothing, nothing, np.empty(0, dtype=np.intp))
    opens = hourly.time.astype("datetime64[ms]").astype(np.int64) // HOUR_MS
    first = int(opens[0])
    at = (opens - first).astype(np.intp)
    n = int(at[-1]) + 1
    close = np.log(hourly.close)
    returns = close - lagged(close, 1)
    bridged = np.diff(at, prepend=at[0] - n) <= _LONGEST_BRIDGED_HOURS
    inside = close - np.log(hourly.open)
    returns = np.where(bridged & np.isfinite(returns), returns, inside)
    known = np.zeros(n, dtype=np.bool_)
    known[at] = True
    last = np.maximum.accumulate(np.where(known, np.arange(n), 0))
    spread = garman_klass(hourly.open, hourly.high, hourly.low, hourly.close)
    return Hours(
        first=first,
        garman_klass=_placed(spread, at, n),
        squared=_placed(returns**2, at, n),
        returns=_placed(returns, at, n),
        log_close=_placed(close, at, n)[last],
        known=known,
        real=known.copy(),
        bars=at,
    )


def _placed(values: Floats, at: Positions, n: int) -> Floats:
    result = np.zeros(n)
    result[at] = values
    return result


def daily_variance(daily: Bars) -> Floats:
    """Garman-Klass variance of each day, the open set to the close before, shape (n,).

    At least a tenth of Parkinson's ln²(high/low)/(4 ln 2): Garman-Klass is next to nothing where
    the day ended at an extreme.
    """
    opened = lagged(daily.close, 1)
    opened[:1] = daily.open[:1]
    top = np.maximum.reduce([daily.high, opened, daily.close])
    bottom = np.minimum.reduce([daily.low, opened, daily.close])
    parkinson = np.log(top / bottom) ** 2 / (4.0 * np.log(2.0))
    variance = garman_klass(opened, daily.high, daily.low, daily.close)
    result: Floats = np.maximum(variance, _LEAST_PARKINSON_SHARE * parkinson)
    return result


def hours_of_days(daily: Bars, season: Floats, *, share: float, gap: float) -> Hours:
    """Each day's variance spread over its hours as `season` (168,) says.

    An hour's squared return gets its part of `share` times the day's Garman-Klass, its
    Garman-Klass exp(-`gap`) times that. The close changes at a day's end only.
    """
    days = daily.session.astype(np.int64)
    first, n = int(days[0]), int(days[-1] - days[0]) + 1
    at = (days - first).astype(np.intp)
    known = np.zeros(n, dtype=np.bool_)
    known[at] = True
    close = np.log(daily.close)
    returns = close - lagged(close, 1)
    next_day = np.diff(at, prepend=at[0] - 2) == 1
    returns = np.where(next_day & np.isfinite(returns), returns, close - np.log(daily.open))
    opens = first * DAY_HOURS + np.arange(n * DAY_HOURS)
    weights = season[phase_of(opens)].reshape(n, DAY_HOURS)
    weights = weights / weights.sum(axis=1, keepdims=True)
    squared = (weights * _placed(share * daily_variance(daily), at, n)[:, None]).ravel()
    last = np.maximum.accumulate(np.where(known, np.arange(n), 0))
    ends = _placed(close, at, n)[last]
    before = np.concatenate([np.log(daily.open[:1]), ends[:-1]])
    path = np.repeat(before, DAY_HOURS)
    path[DAY_HOURS - 1 :: DAY_HOURS] = ends
    return Hours(
        first=first * DAY_HOURS,
        garman_klass=squared * np.exp(-gap),
        squared=squared,
        returns=np.repeat(_placed(returns, at, n) / DAY_HOURS, DAY_HOURS),
        log_close=path,
        known=np.repeat(known, DAY_HOURS),
        real=np.zeros(n * DAY_HOURS, dtype=np.bool_),
        bars=np.empty(0, dtype=np.intp),
    )


def joined(earlier: Hours, later: Hours) -> Hours:
    """Two stretches, `earlier` ending before `later` begins, and what lies between not known."""
    between = later.first - earlier.first - len(earlier)
    zeros, unknown = np.zeros(between), np.zeros(between, dtype=np.bool_)
    return Hours(
        first=earlier.first,
        garman_klass=np.concatenate([earlier.garman_klass, zeros, later.garman_klass]),
        squared=np.concatenate([earlier.squared, zeros, later.squared]),
        returns=np.concatenate([earlier.returns, zeros, later.returns]),
        log_close=np.concatenate(
            [earlier.log_close, np.full(between, earlier.log_close[-1]), later.log_close]
        ),
        known=np.concatenate([earlier.known, unknown, later.known]),
        real=np.concatenate([earlier.real, unknown, later.real]),
        bars=later.bars + len(earlier) + between,
    )
