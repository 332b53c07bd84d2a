"""Hourly bars gathered into UTC days: what daily benchmarks learn from, and all are judged on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.calendars import Days
from assay.features.transforms import Floats
from assay.market.bars import Bars

# Hours without a bar that a day may have, the end of the day before counted too.
MOST_MISSING_HOURS: Final = 6

_DAY_HOURS: Final = 24
_HOUR: Final = np.timedelta64(1, "h")


@dataclass(frozen=True, slots=True, eq=False)
class UtcDays:
    """Sound days in order, shape (n,): all but a few of their hours have a bar, and prices moved.

    `log_return` reaches from the last close before the day, sound or not, to its own `close`.
    `realized` is realized variance, the sum of its squared hourly log returns; across missing hours
    it is one return, squared. `left_out` are the days from the first to the last bar that are not
    sound.
    """

    day: Days
    close: Floats
    log_return: Floats
    realized: Floats
    hours: NDArray[np.intp]
    left_out: Days

    def __len__(self) -> int:
        return len(self.day)


def utc_days(hourly: Bars) -> UtcDays:
    """The sound UTC days of hourly bars.

    A day is sound with at most six hours missing, counted from the close before it to its end, with
    realized variance above zero; the last one also needs its last hour. Prices must be positive.
    """
    day_of = hourly.time.astype("datetime64[D]")
    first = np.flatnonzero(np.append(True, day_of[1:] != day_of[:-1])[: len(day_of)])
    if not len(first):
        none = np.empty(0)
        return UtcDays(day_of, none, none, none, first, day_of)
    last = np.append(first[1:], len(day_of)) - 1
    logs = np.log(hourly.close)
    moves = np.diff(logs, prepend=np.log(hourly.open[:1]))
    realized = np.add.reduceat(moves**2, first)
    hours = last - first + 1
    sound = (_missing(hourly.time, first, hours) <= MOST_MISSING_HOURS) & (realized > 0.0)
    sound[-1] &= hourly.time[-1] + _HOUR == day_of[-1] + np.timedelta64(1, "D")
    day = day_of[first]
    return UtcDays(
        day=day[sound],
        close=hourly.close[last][sound],
        log_return=np.add.reduceat(moves, first)[sound],
        realized=realized[sound],
        hours=hours[sound],
        left_out=np.setdiff1d(np.arange(day[0], day[-1] + 1), day[sound]),
    )


def _missing(
    time: NDArray[np.datetime64], first: NDArray[np.intp], hours: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Hours without a bar, from the close before each day, or its midnight, to its end."""
    midnight = time[first].astype("datetime64[D]").astype("datetime64[ms]")
    close_before = np.append(midnight[:1], time[first[1:] - 1] + _HOUR)
    before = (midnight - np.minimum(close_before, midnight)) // _HOUR
    result: NDArray[np.intp] = before + _DAY_HOURS - hours
    return result
