"""What the calendars have ready for the coming day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from assay.calendars import NEW_YORK, gold_calendar
from assay.features.events import fomc_statement_days, payrolls_friday

AHEAD = timedelta(hours=24)
# A table that ends sooner than this should be made anew.
TABLE_NOTICE = timedelta(days=90)

_STATEMENT_AT, _PAYROLLS_AT = time(14, 0), time(8, 30)


@dataclass(frozen=True, slots=True)
class Agenda:
    """`session` is gold's next to close, at `closes`; `days_off` are weekdays before it without
    one. `fomc` and `payrolls` are instants within the next 24 hours, if any. `ending` are tables
    that end soon, with their last day.
    """

    session: date | None
    closes: datetime | None
    half_day: bool
    days_off: tuple[date, ...]
    fomc: datetime | None
    payrolls: datetime | None
    ending: tuple[tuple[str, date], ...]


def agenda_at(now: datetime) -> Agenda:
    """What lies ahead of `now` (aware)."""
    calendar = gold_calendar()
    statements = fomc_statement_days()
    tables = {"gold": calendar.last_known, "fomc": statements[-1].item()}
    ending = tuple((name, end) for name, end in tables.items() if end - now.date() < TABLE_NOTICE)
    try:
        last = calendar.last_closed(now)
        session = calendar.next_session(last)
    except ValueError:  # the table has ended, which `ending` tells
        return Agenda(None, None, False, (), None, None, ending)
    days_between = (session - last).days
    between = [last + timedelta(days=number) for number in range(1, days_between)]
    return Agenda(
        session=session,
        closes=calendar.close(session),
        half_day=session in calendar.early_closes,
        days_off=tuple(day for day in between if day.weekday() < 5),
        fomc=_ahead([_new_york(day, _STATEMENT_AT) for day in statements.tolist()], now),
        payrolls=_ahead([_new_york(day, _PAYROLLS_AT) for day in _payrolls_days(now)], now),
        ending=ending,
    )


def _payrolls_days(now: datetime) -> list[date]:
    """The reports around `now`: each is about the month before its own, or the one before that."""
    month = now.year * 12 + now.month - 1
    return [payrolls_friday(each // 12, each % 12 + 1) for each in range(month - 2, month + 1)]


def _new_york(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)


def _ahead(instants: list[datetime], now: datetime) -> datetime | None:
    return next((instant for instant in instants if now <= instant < now + AHEAD), None)
