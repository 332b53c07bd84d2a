"""Exchanges in memory that do as they are told, and a clock that is moved by hand."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from assay.errors import SourceUnavailable
from assay.market.bars import check_bars
from assay.market.crypto.series import stamp
from assay.market.keys import SeriesKey
from assay.market.markets import Market, MarketList
from assay.market.sources.base import Fetched

NOW = datetime(2026, 11, 18, 12, 20, tzinfo=UTC)
BTC = SeriesKey("binance", "BTC/USDT", "1h")
DOWN = SourceUnavailable("down")
VENUE_OF = {"binance_mirror": "binance"}
# Bars of different exchanges differ in their prices.
LEVELS = {"binance": 100.0, "kraken": 200.0, "coinbase": 300.0, "simulated": 900.0}


@dataclass
class HandClock:
    instant: datetime = NOW

    def now(self):
        return self.instant

    def advance(self, **amount):
        self.instant += timedelta(**amount)


@dataclass
class ScriptedExchanges:
    """Endless bars; an endpoint in `faults` raises that, one in `silent` never answers."""

    clock: HandClock
    label: str | None = None
    symbols: tuple[str, ...] = ("BTC/USDT", "ETH/USDT", "ETH/BTC")
    lacking: dict[str, set[str]] = field(default_factory=dict)
    faults: dict[str, Exception] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    market_calls: Counter = field(default_factory=Counter)
    bar_calls: Counter = field(default_factory=Counter)
    starts: list = field(default_factory=list)
    ends: list = field(default_factory=list)
    holes: set = field(default_factory=set)
    bad_rows: set = field(default_factory=set)
    until: datetime | None = None
    spoilt: bool = False
    first: str = "2015-01-01"
    most: int | None = None  # the newest so many bars are all that come in time
    silent_on_older: bool = False
    settles_after: timedelta = timedelta(
        0
    )  # until then the newest closed bar lacks its last trades
    closed: bool = False

    def source_of(self, exchange):
        return self.label or exchange

    def start(self):
        pass

    async def ready(self):
        pass

    async def _answer(self, endpoint):
        await asyncio.sleep(0)
        if endpoint in self.silent:
            await asyncio.Event().wait()
        if endpoint in self.faults:
            raise self.faults[endpoint]

    async def markets(self, endpoint, *, deadline_seconds):
        self.market_calls[endpoint] += 1
        await self._answer(endpoint)
        exchange = VENUE_OF.get(endpoint, endpoint)
        names = [name for name in self.symbols if name not in self.lacking.get(exchange, ())]
        markets = tuple(Market(name, name.replace("/", "")) for name in names)
        return MarketList(exchange, markets)

    async def bars(self, endpoint, market, timeframe, *, start, end=None, deadline_seconds):
        self.bar_calls[endpoint] += 1
        self.starts.append(start)
        self.ends.append(end)
        await self._answer(endpoint)
        if self.silent_on_older and end is not None:
            await asyncio.Event().wait()
        now = stamp(self.until or self.clock.now())
        start = max(start, np.datetime64(self.first, "ms"))
        count = int((timeframe.last_open(now) - start).astype(int) // timeframe.milliseconds) + 1
        opens = start + np.arange(max(count, 0)) * np.timedelta64(timeframe.milliseconds, "ms")
        if end is not None:
            opens = opens[opens < end]
        opens = opens[~np.isin(opens, np.array(list(self.holes), "datetime64[ms]"))]
        level = LEVELS[self.source_of(VENUE_OF.get(endpoint, endpoint))]
        price = level + (opens.astype(int) // timeframe.milliseconds % 7)
        rows = np.column_stack([price, price + 2, price - 2, price + 1, np.ones(len(opens))])
        unsettled = timeframe.ends(opens) > now - np.timedelta64(self.settles_after)
        rows[unsettled, 1:5] = price[unsettled, None]
        rows[unsettled, 2] = price[unsettled] - 1
        rows[np.isin(opens, np.array(list(self.bad_rows), "datetime64[ms]")), 1] = np.nan
        if self.spoilt:
            rows[:, 1] = np.nan
        closed = opens[timeframe.ends(opens) <= now]
        complete = self.most is None or len(closed) <= self.most
        if not complete:
            rows, opens = rows[opens >= closed[-self.most]], opens[opens >= closed[-self.most]]
        return Fetched(check_bars(opens, rows, timeframe=timeframe, now=now), complete=complete)

    async def close(self):
        self.closed = True


async def ask(feed, limit=200, *, key=BTC):
    """As a request does."""
    named = await feed.resolve(*key)
    return await feed.bars(named, limit)


async def settle(feed):
    """Lets what was begun come to its end."""
    feed.refresh_due()
    while any(route.flight for route in feed._routes.values()):
        await asyncio.sleep(0.001)


def shown(series):
    """Whose bars they are, whether they are stale, and how many."""
    return series.held.source, series.stale, len(series.bars)
