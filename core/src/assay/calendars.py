"""Sessions: on which days a market trades, and when each of those days has closed.

S&P 500 follows XNYS. Gold (Yahoo `GC=F`) has a row on XNYS sessions, with a dated table of
exceptions; its session closes at 17:00 New York, on XNYS half days at 13:45. The XNYS table is
generated (core/scripts/generate_sessions.py) and tested against exchange-calendars.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

NEW_YORK = ZoneInfo("America/New_York")

Days = NDArray[np.datetime64]

# XNYS was open, Yahoo has no GC=F row.
_GOLD_SHUT = [
    "2000-11-24",
    "2001-11-23",
    "2001-12-24",
    "2002-07-05",
    "2002-11-29",
    "2003-11-28",
    "2003-12-26",
    "2004-01-02",
    "2004-11-26",
    "2004-12-31",
    "2005-03-30",
    "2005-04-28",
    "2005-06-29",
    "2005-11-25",
    "2006-07-03",
    "2006-11-27",
    "2016-10-10",
    "2016-11-11",
    "2018-01-29",
]
# XNYS was shut, Yahoo has a GC=F row.
_GOLD_OPEN = ["2001-09-14", "2006-09-04", "2007-01-02", "2025-01-09"]


@dataclass(frozen=True, slots=True)
class SessionCalendar:
    """The sessions of one market, with New York closing times.

    Raises ValueError for days outside the table: a wrong session is worse than no answer.
    """

    name: str
    days: Days
    close_time: time
    early_close_time: time
    early_closes: frozenset[date] = field(repr=False)
    last_known: date

    def is_session(self, day: date) -> bool:
        """Whether the market trades on `day`."""
        self._check(day)
        index = int(np.searchsorted(self.days, np.datetime64(day)))
        return index < len(self.days) and self.days[index] == np.datetime64(day)

    def next_session(self, day: date) -> date:
        """The first session strictly after `day`."""
        self._check(day)
        return self._at(int(np.searchsorted(self.days, np.datetime64(day), side="right")), day)

    def previous_session(self, day: date) -> date:
        """The last session strictly before `day`."""
        self._check(day)
        return self._at(int(np.searchsorted(self.days, np.datetime64(day))) - 1, day)

    def next_sessions(self, days: Days) -> Days:
        """`next_session` for an array of days."""
        if not len(days):
            return self.days[:0]
        self._check(days.min().item())
        index = np.searchsorted(self.days, days, side="right")
        if index.max() >= len(self.days):
            raise ValueError(f"{self.name} sessions are known to {self.last_known}, not beyond")
        return self.days[index]

    def between(self, start: date, end: date) -> Days:
        """All sessions from `start` to `end`, both included."""
        self._check(start)
        self._check(end)
        low = np.searchsorted(self.days, np.datetime64(start))
        high = np.searchsorted(self.days, np.datetime64(end), side="right")
        return self.days[low:high]

    def close(self, day: date) -> datetime:
        """The UTC instant at which session `day` has closed."""
        at = self.early_close_time if day in self.early_closes else self.close_time
        return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)

    def last_closed(self, now: datetime) -> date:
        """The newest session that has closed at `now` (aware)."""
        today = now.astimezone(NEW_YORK).date()
        if self.is_session(today) and self.close(today) <= now:
            return today
        return self.previous_session(today)

    def _at(self, index: int, day: date) -> date:
        if not 0 <= index < len(self.days):
            raise ValueError(
                f"{self.name} sessions are known from {self.days[0]} to {self.last_known}, "
                f"too short for a neighbour of {day}"
            )
        found: date = self.days[index].item()
        return found

    def _check(self, day: date) -> None:
        if not self.days[0].item() <= day <= self.last_known:
            raise ValueError(
                f"{self.name} sessions are known from {self.days[0]} to {self.last_known}, "
                f"not {day}"
            )


@cache
def sp500_calendar() -> SessionCalendar:
    """XNYS: closes at 16:00 New York, half days at 13:00."""
    return _calendar("S&P 500", time(16), time(13))


@cache
def gold_calendar() -> SessionCalendar:
    """Yahoo GC=F: closes at 17:00 New York, half days at 13:45."""
    return _calendar("gold", time(17), time(13, 45), shut=_GOLD_SHUT, also_open=_GOLD_OPEN)


def _calendar(
    name: str,
    close: time,
    early: time,
    *,
    shut: list[str] | None = None,
    also_open: list[str] | None = None,
) -> SessionCalendar:
    table = json.loads(resources.files("assay").joinpath("sessions.json").read_text("utf-8"))
    weekdays = np.arange(table["first"], np.datetime64(table["last"]) + 1, dtype="datetime64[D]")
    weekdays = weekdays[np.is_busday(weekdays)]
    closed = np.array(table["holidays"] + (shut or []), dtype="datetime64[D]")
    days = np.setdiff1d(weekdays, closed)
    days = np.union1d(days, np.array(also_open or [], dtype="datetime64[D]"))
    return SessionCalendar(
        name=name,
        days=days,
        close_time=close,
        early_close_time=early,
        early_closes=frozenset(date.fromisoformat(day) for day in table["early_closes"]),
        last_known=date.fromisoformat(table["last"]),
    )
