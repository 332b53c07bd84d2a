"""The exchanges whose bars may be had, and what each of them offers.

The table is written from ccxt by core/scripts/generate_venues.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from assay.errors import UnknownExchange, UnknownTimeframe
from assay.market.timeframes import Timeframe, timeframe

__all__ = ["VENUES", "Venue", "exchange_of", "venue"]


@dataclass(frozen=True, slots=True)
class Venue:
    """An exchange.

    A call gives `page_bars` at most; where there are `most_bars`, no older ones can be had, and
    the bar that is still forming is one of them. `endpoints` are where it answers, best first.
    """

    name: str
    title: str
    timeframes: tuple[str, ...]
    page_bars: int
    most_bars: int | None
    endpoints: tuple[str, ...]

    def timeframe(self, name: str) -> Timeframe:
        """The timeframe called `name`; UnknownTimeframe where the exchange has none such."""
        if name not in self.timeframes:
            raise UnknownTimeframe(
                f"{self.title} has no timeframe {name[:20]!r}; there are "
                f"{', '.join(self.timeframes)}",
                name=name[:20],
                exchange=self.name,
            )
        return timeframe(name)


def venue(name: str) -> Venue:
    """The exchange called `name`; UnknownExchange, with the names there are, otherwise."""
    if name not in VENUES:
        raise UnknownExchange(
            f"{name[:20]!r} is no exchange here; there are {', '.join(VENUES)}", exchange=name[:20]
        )
    return VENUES[name]


def exchange_of(endpoint: str) -> Venue:
    """The exchange that answers at `endpoint`; UnknownExchange where none does."""
    for each in VENUES.values():
        if endpoint in each.endpoints:
            return each
    return venue(endpoint)


def _table() -> dict[str, Venue]:
    rows = json.loads(files("assay.market").joinpath("venues.json").read_text("utf-8"))
    return {
        name: Venue(
            name=name,
            title=row["title"],
            timeframes=tuple(row["timeframes"]),
            page_bars=row["page_bars"],
            most_bars=row["most_bars"],
            endpoints=tuple(row["endpoints"]),
        )
        for name, row in rows.items()
    }


VENUES: Final[Mapping[str, Venue]] = MappingProxyType(_table())
