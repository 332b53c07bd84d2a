"""Public events that move gold, known ahead: FOMC statements and the US payrolls report."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache
from importlib import resources

import numpy as np

from assay.calendars import Days, SessionCalendar


@cache
def fomc_statement_days() -> Days:
    """Second days of the scheduled FOMC meetings, 2000 to 2028; statements come at 14:00."""
    table = json.loads(
        resources.files("assay.features").joinpath("fomc.json").read_text(encoding="utf-8")
    )
    return np.array(table["statement_dates"], dtype="datetime64[D]")


def payrolls_friday(year: int, month: int) -> date:
    """The day of the US Employment Situation report about `month`.

    The third Friday after its reference week, the Sunday-to-Saturday week of the 12th (Bureau of
    Labor Statistics).

    >>> payrolls_friday(2024, 11)
    datetime.date(2024, 12, 6)
    """
    twelfth = date(year, month, 12)
    saturday = twelfth + timedelta(days=(5 - twelfth.weekday()) % 7)
    return saturday + timedelta(days=20)


def payrolls_sessions(calendar: SessionCalendar, first: date, last: date) -> Days:
    """The sessions that trade the payrolls report; where its Friday is no session, the next one."""
    months = np.arange(np.datetime64(first, "M") - 2, np.datetime64(last, "M") + 1)
    fridays = [payrolls_friday(month.item().year, month.item().month) for month in months]
    days = np.array([friday for friday in fridays if first <= friday <= last], "datetime64[D]")
    return calendar.next_sessions(days - 1)
