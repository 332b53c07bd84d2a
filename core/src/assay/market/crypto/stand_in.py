"""Simulated bars for where no live one was ever had."""

from __future__ import annotations

import contextlib

from assay.clock import Clock
from assay.errors import MarketDataError
from assay.market.crypto.keeping import Keeper
from assay.market.crypto.market_lists import MarketLists
from assay.market.crypto.routes import Route
from assay.market.crypto.series import stamp
from assay.market.crypto.shelf import MOST_BARS, Shelf
from assay.market.endpoints import Endpoints
from assay.market.sources.base import ExchangeSource

_AT_ONCE_SECONDS = 10.0  # the source is at hand; the bound is the protocol's


class StandIn:
    """Puts bars of `source` on the shelf, which shows them until live ones come."""

    def __init__(self, source: ExchangeSource, shelf: Shelf, clock: Clock) -> None:
        self._source = source
        self._shelf = shelf
        self._clock = clock
        self.lists = MarketLists(
            source,
            Endpoints(clock),
            Keeper(None, clock),
            clock,
            deadline_seconds=_AT_ONCE_SECONDS,
            stagger_seconds=_AT_ONCE_SECONDS,
        )

    async def fill(self, route: Route) -> None:
        """Nothing where live bars were had, or where the source has no such market."""
        if self._shelf.had_live:
            return
        key, of = route.key, route.timeframe
        newest = of.last_open(stamp(self._clock.now()))
        with contextlib.suppress(MarketDataError):
            fetched = await self._source.bars(
                key.source,
                (await self.lists.of(key.source)).resolve(key.symbol),
                of,
                start=of.shifted(newest, -MOST_BARS if route.limit > 1000 else -1000),
                deadline_seconds=_AT_ONCE_SECONDS,
            )
            bars, source = fetched.checked.bars, self._source.source_of(key.source)
            self._shelf.hold_simulated(key, bars, source=source, reach=len(bars))
