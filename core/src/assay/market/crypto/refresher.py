"""Fetching what is new of a series: from whom, from when on, and where to put it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import numpy as np

from assay.clock import Clock
from assay.errors import SourceUnavailable, UnknownSymbol, UnknownTimeframe
from assay.market.bars import Bars
from assay.market.crypto.keeping import Keeper
from assay.market.crypto.market_lists import MarketLists
from assay.market.crypto.plan import BARS_READ_AGAIN, Span
from assay.market.crypto.routes import Route
from assay.market.crypto.series import HeldSeries, stamp
from assay.market.crypto.shelf import MOST_BARS, Shelf
from assay.market.crypto.staggered import AllFailed, first_success
from assay.market.endpoints import Endpoints
from assay.market.keys import SeriesKey
from assay.market.markets import Market
from assay.market.series import merged
from assay.market.sources.base import ExchangeSource, Fetched
from assay.market.timeframes import Timeframe
from assay.market.venues import Venue

# Exchanges fill gaps late.
GAP_SEARCH_EVERY = timedelta(hours=6)
USUAL_BARS = 1000
PATIENCE_WITH_SUSPECTS = 0.25
OWN_AGAIN_SECONDS = 120.0
# What lies far back may not shut off what is new.
DEEPER_AGAIN = timedelta(minutes=5)
# The share of the deadline that an exchange has; in the rest, and a little later, what it gave is
# put away.
LEAVING = 0.9
PUTTING_AWAY_SECONDS = 0.3
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
        """Brings the newest bars of the exchange, or of one that stands in, and older ones where
        those held are too few for the route.

        Raises SourceUnavailable, or UnknownSymbol where the exchange says that it has none such.
        """
        await self._source.ready()
        try:
            async with asyncio.timeout(self._deadline_seconds + PUTTING_AWAY_SECONDS):
                await first_success(self._attempts(route), final=FINAL)
        except TimeoutError as error:
            self._note_too_deep(route)
            raise SourceUnavailable(f"nobody answered in {self._deadline_seconds:g} s") from error
        except AllFailed as error:
            self._note_too_deep(route)
            reason = str(error) or "every exchange that has them is shut off for a while"
            raise SourceUnavailable(reason) from error
        self._shelf.live_came()

    def _note_too_deep(self, route: Route) -> None:
        """Lets older bars rest where they may be what could not be had."""
        held = self._shelf.get(route.key)
        if held is not None and not held.reaches(route.limit):
            route.deeper_from = self._clock.now() + DEEPER_AGAIN

    def _attempts(self, route: Route) -> list[tuple[Callable[[], Awaitable[None]], float]]:
        """Who is asked, in this order, and how long each may be silent before the next one is."""
        ends = asyncio.get_running_loop().time() + LEAVING * self._deadline_seconds
        return [
            (partial(self._attempt, route, name, endpoint, ends), self._patience_seconds(endpoint))
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

    async def _attempt(self, route: Route, exchange: str, endpoint: str, ends: float) -> None:
        key = route.key._replace(source=exchange)
        try:
            market = await self._lists.market(exchange, endpoint, key.symbol, route.budget)
            for start, end in self._to_ask_for(route, key):
                await self._fetch(route, _Question(key, endpoint, market, start, end), ends)
        except UnknownSymbol as error:
            if exchange == route.key.source:
                raise
            raise SourceUnavailable(f"{exchange} has no {key.symbol}") from error

    async def _fetch(self, route: Route, asked: _Question, ends: float) -> None:
        """Puts the answer on the shelf, as much of it as comes before the loop's time `ends`."""
        key, endpoint = asked.key, asked.endpoint

        async def ask() -> Fetched:
            fetched = await self._source.bars(
                endpoint,
                asked.market,
                route.timeframe,
                start=asked.start,
                end=asked.end,
                deadline_seconds=max(ends - asyncio.get_running_loop().time(), 0.0),
            )
            await self._keeper.write(key, fetched.checked)
            if not len(fetched.checked.bars) and not _ends_history(asked, fetched):
                raise SourceUnavailable(f"{endpoint} sent no bar: {fetched.checked.summary()}")
            return fetched

        fetched = await self._endpoints.call(endpoint, route.budget, ask)
        bars, reach = self._with_held(asked, fetched, route.timeframe)
        self._shelf.hold(key, bars, reach=reach, endpoint=self._endpoints.name(endpoint))

    def _with_held(self, asked: _Question, fetched: Fetched, of: Timeframe) -> tuple[Bars, int]:
        """The bars of an answer and those held that they follow or come before, and their reach."""
        bars, held = fetched.checked.bars, self._shelf.get(asked.key)
        reach = Span(asked.start, of.last_open(stamp(self._clock.now()))).count(of)
        first = asked.start if fetched.complete else bars.time[0]
        if held is None or (asked.end is None and first > of.ends(held.bars.time[-1])):
            return bars, reach if fetched.complete else len(bars)
        whole = merged(held.bars, bars)
        return whole, max(reach if fetched.complete else len(whole), held.reach)

    def _to_ask_for(
        self, route: Route, key: SeriesKey
    ) -> list[tuple[np.datetime64, np.datetime64 | None]]:
        """From which open on, and up to which end: what is new, and what is too old to be held."""
        of, held, now = route.timeframe, self._shelf.get(key), self._clock.now()
        count = bars_to_ask_for(self._exchanges[key.source], route.limit)
        deep: np.datetime64 = of.shifted(of.last_open(stamp(now)), -count)
        if held is None:
            return [(deep, None)]
        if held.reaches(route.limit) or (route.deeper_from is not None and now < route.deeper_from):
            return [(self._start_of_new(route, held, deep), None)]
        if deep >= held.bars.time[0]:  # whether what is missing in between can be had is not known
            return [(deep, None)]
        older = (deep, held.bars.time[0])
        if route.due > now and held.next_close > now:
            return [older]
        return [(self._start_of_new(route, held, deep), None), older]

    def _start_of_new(self, route: Route, held: HeldSeries, deep: np.datetime64) -> np.datetime64:
        """After the bars that are held, but for some that are read again."""
        of, now = route.timeframe, self._clock.now()
        again: np.datetime64 = of.shifted(held.bars.time[-1], 1 - BARS_READ_AGAIN)
        if route.gaps_sought is None or now - route.gaps_sought > GAP_SEARCH_EVERY:
            route.gaps_sought = now
            again = min([again, *(at for gap in held.gaps if (at := stamp(gap.start)) >= deep)])
        return max(again, of.shifted(of.last_open(stamp(now)), -MOST_BARS))


class _Question(NamedTuple):
    """Bars of `key` opened at or after `start`, and closed by `end` where there is one."""

    key: SeriesKey
    endpoint: str
    market: Market
    start: np.datetime64
    end: np.datetime64 | None


def _ends_history(asked: _Question, fetched: Fetched) -> bool:
    """Whether there are no bars because there are no older ones."""
    return asked.end is not None and fetched.complete and not fetched.checked.implausible


def bars_to_ask_for(exchange: Venue, limit: int) -> int:
    """As many bars as one call gives anyway, or more."""
    return min(max(limit, min(exchange.page_bars, USUAL_BARS)), MOST_BARS)
