"""Writes core/src/assay/sessions.json, the table that `assay.calendars` reads.

exchange-calendars is the authority, but it imports pandas, which a service should not wait for.
Run: uv run python core/scripts/generate_sessions.py
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import exchange_calendars
import pandas as pd

FIRST = "1999-01-01"
YEARS_AHEAD = 3
TARGET = Path(__file__).parents[1] / "src" / "assay" / "sessions.json"


def xnys_table(last: str) -> dict[str, list[str] | str]:
    """Weekdays on which XNYS is shut, and the days on which it shuts early, `FIRST` to `last`."""
    xnys = exchange_calendars.get_calendar("XNYS", start=FIRST, end=last)
    weekdays = pd.bdate_range(FIRST, last)
    holidays = weekdays.difference(xnys.sessions.tz_localize(None))
    return {
        "first": FIRST,
        "last": last,
        "holidays": [day.date().isoformat() for day in holidays],
        "early_closes": [day.date().isoformat() for day in xnys.early_closes],
    }


if __name__ == "__main__":
    table = xnys_table(f"{date.today().year + YEARS_AHEAD}-12-31")  # noqa: DTZ011 - a year, no instant
    TARGET.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET}: {len(table['holidays'])} holidays, {table['first']} to {table['last']}")
