"""Fetching what is new of a series: from whom, from when on, and where to put it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

import numpy as np

from assay.clock import Clock
from assay.errors import SourceUnavailable, UnknownSymbol, UnknownTimeframe
from assay.market.bars import Bars
from assay.market.crypto.keeping import Keeper
from assay.market.crypto.market_lists import MarketLists
from assay.market.crypto.routes import Route
from assay.market.crypto.series import stamp
from assay.market.crypto.shelf import MOST_BARS, Shelf
from assay.market.crypto.staggered import AllFailed, first_success
from assay.market.endpoints import Endpoints
from assay.market.keys import SeriesKey
from assay.market.series import merged
from assay.market.sources.base import ExchangeSource
from assay.market.venues import Venue

# Exchanges correct their newest bars, and fill gaps late.
BARS_READ_AGAIN = 3
GAP_SEARCH_EVERY = timedelta(hours=6)
USUAL_BARS = 1000
PATIENCE_WITH_SUSPECTS = 0.25
OWN_AGAIN_SECONDS = 120.0
# What another exchange cannot cure either.
FINAL = (UnknownSymbol, UnknownTimeframe)


class Refresher:
    """Brings live bars to the shelf and to the store, in `deadline_seconds` or not at all."""

    def __init__(
        self,
        source: ExchangeSource,
        lists: MarketLists,
        endpoints: Endpoints,
        keeper: Keeper,
        shelf: Shelf,
        clock: Clock,
        *,
        exchanges: Mapping[str, Venue],
        deadline_seconds: float,
        stagger_seconds: float,
    ) -> None:
        self._source = source
        self._lists = lists
        self._endpoints = endpoints
        self._keeper = keeper
        self._shelf = shelf
        self._clock = clock
        self._exchanges = exchanges
        self._deadline_seconds = deadline_seconds
        self._stagger_seconds = stagger_seconds

    async def refresh(self, route: Route) -> None:
        """Brings the newest bars of the exchange, or of one that stands in.

        Raises SourceUnavailable, or UnknownSymbol where the exchange says that it has none such.
        """
        await self._source.ready()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                await first_success(self._attempts(route), final=FINAL)
        except TimeoutError as error:
            raise SourceUnavailable(f"nobody answered in {self._deadline_seconds:g} s") from error
        except AllFailed as error:
            reason = str(error) or "every exchange that has them is shut off for a while"
            raise SourceUnavailable(reason) from error
        self._shelf.live_came()

    def _attempts(self, route: Route) -> list[tuple[Callable[[], Awaitable[None]], float]]:
        """Who is asked, in this order, and how long each may be silent before the next one is."""
        return [
            (partial(self._attempt, route, name, endpoint), self._patience_seconds(endpoint))
            for name, endpoint in self._places(route)
            if self._endpoints.admits(endpoint)
        ]

    def admits_from(self, route: Route) -> datetime:
        """From when on it may be refreshed; the present where it may be now."""
        return max(
            route.budget.free_from(),
            self._endpoints.admits_from(endpoint for _, endpoint in self._places(route)),
        )

    def own_again(self, route: Route) -> datetime:
        """When to try the series' own exchange again, where another one stands in."""
        places = self._exchanges[route.key.source].endpoints
        soon = self._clock.now() + timedelta(seconds=OWN_AGAIN_SECONDS)
        return max(soon, self._endpoints.admits_from(places))

    def _places(self, route: Route) -> list[tuple[str, str]]:
        """Exchanges with their endpoints: the series' own, and others where its bars are amiss.

        Those that failed lately come last: the few calls in vain are for others, too.
        """
        own = self._shelf.get(route.key)
        names = [route.key.source]
        if own is None or own.is_stale(self._clock.now()):
            names += self._shelf.others(route.key.source)
        places = [(name, place) for name in names for place in self._exchanges[name].endpoints]
        return sorted(places, key=lambda place: self._endpoints.is_suspect(place[1]))

    def _patience_seconds(self, endpoint: str) -> float:
        suspect = self._endpoints.is_suspect(endpoint)
        return self._stagger_seconds * (PATIENCE_WITH_SUSPECTS if suspect else 1.0)

    async def _attempt(self, route: Route, exchange: str, endpoint: str) -> None:
        key = route.key._replace(source=exchange)
        try:
            await self._fetch(route, key, endpoint)
        except UnknownSymbol as error:
            if exchange == route.key.source:
                raise
            raise SourceUnavailable(f"{exchange} has no {key.symbol}") from error

    async def _fetch(self, route: Route, key: SeriesKey, endpoint: str) -> None:
        market = await self._lists.market(key.source, endpoint, key.symbol, route.budget)
        count = bars_to_ask_for(self._exchanges[key.source], route.limit)
        start = self._start_of(route, key, count)

        async def ask() -> tuple[Bars, bool]:
            fetched = await self._source.bars(
                endpoint,
                market,
                route.timeframe,
                start=start,
                deadline_seconds=self._deadline_seconds,
            )
            await self._keeper.write(key, fetched.checked)
            if not len(fetched.checked.bars):
                raise SourceUnavailable(f"{endpoint} sent no bar: {fetched.checked.summary()}")
            return fetched.checked.bars, fetched.complete

        bars, complete = await self._endpoints.call(endpoint, route.budget, ask)
        held = self._shelf.get(key)
        reach = max(count if complete else len(bars), held.reach if held else 0)
        if held is not None and start <= route.timeframe.ends(held.bars.time[-1]):
            bars = merged(held.bars, bars)
        self._shelf.hold(key, bars, reach=reach, endpoint=self._endpoints.name(endpoint))

    def _start_of(self, route: Route, key: SeriesKey, count: int) -> np.datetime64:
        """The open of the first bar to ask for: after those held, but for some read again."""
        of, held, now = route.timeframe, self._shelf.get(key), self._clock.now()
        newest = of.last_open(stamp(now))
        deep: np.datetime64 = of.shifted(newest, -count)
        if held is None or not held.reaches(route.limit):
            return deep
        again: np.datetime64 = of.shifted(held.bars.time[-1], 1 - BARS_READ_AGAIN)
        if route.gaps_sought is None or now - route.gaps_sought > GAP_SEARCH_EVERY:
            route.gaps_sought = now
            again = min([again, *(at for gap in held.gaps if (at := stamp(gap.start)) >= deep)])
        return max(again, of.shifted(newest, -MOST_BARS))


def bars_to_ask_for(exchange: Venue, limit: int) -> int:
    """As many bars as one call gives anyway, or more."""
    return min(max(limit, min(exchange.page_bars, USUAL_BARS)), MOST_BARS)
