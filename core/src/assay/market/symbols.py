"""What is traded: the daily markets Assay knows, and which names may go into an upstream's URL."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from assay.calendars import SessionCalendar, gold_calendar, sp500_calendar
from assay.errors import UnknownSymbol

# Vendors put the name into the URL as it is.
_ALLOWED = re.compile(r"[A-Z0-9^][A-Z0-9.\-=^]{0,14}")


@dataclass(frozen=True, slots=True)
class Symbol:
    """A market with daily bars, by the name its vendor gives it."""

    name: str
    title: str
    currency: str
    calendar_of: Callable[[], SessionCalendar] = field(repr=False)

    @property
    def calendar(self) -> SessionCalendar:
        """The sessions this market keeps."""
        return self.calendar_of()


GOLD = Symbol(name="GC=F", title="Gold", currency="USD", calendar_of=gold_calendar)
SP500 = Symbol(name="^GSPC", title="S&P 500", currency="USD", calendar_of=sp500_calendar)

DAILY_SYMBOLS = (GOLD, SP500)


def check_symbol(name: str) -> str:
    """`name` if it may go upstream; UnknownSymbol otherwise.

    >>> check_symbol("GC=F")
    'GC=F'
    """
    if not _ALLOWED.fullmatch(name):
        raise UnknownSymbol(f"{name[:40]!r} is not a market's name", symbol=name[:40])
    return name


def daily_symbol(name: str) -> Symbol:
    """The daily market called `name`; UnknownSymbol where there is none."""
    for symbol in DAILY_SYMBOLS:
        if symbol.name == name:
            return symbol
    known = ", ".join(symbol.name for symbol in DAILY_SYMBOLS)
    raise UnknownSymbol(f"No daily market {name[:40]!r}; there are {known}", symbol=name[:40])
