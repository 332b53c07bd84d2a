"""Seeded exchanges for where no real one answers: believable and false, the same at every asking.

Sixteen coins walk from midnight to midnight (`simulation.days`), in bars of five minutes between
(`simulation.steps`), which are divided into minutes and seconds (`simulation.parts`). A bar of any
length is made of shorter ones, so that all agree: prices exactly, volumes to the lot. A dollar and
a USDT are the same, and so are prices at all exchanges but for the rounding; each has its own
volume. There is neither a gap nor a bar that is still open.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from assay.clock import Clock
from assay.market.bars import Bars, CheckedBars, Floats
from assay.market.keys import SIMULATED
from assay.market.markets import Market, MarketList
from assay.market.resample import resample
from assay.market.sources.base import Fetched
from assay.market.sources.simulation.coins import LISTINGS, MARKETS, Listing
from assay.market.sources.simulation.days import END_DAY, FIRST_DAY, Pair
from assay.market.sources.simulation.levels import level_for
from assay.market.timeframes import Timeframe
from assay.market.venues import exchange_of

MOST_BARS: Final = 50_000
_ROWS_AT_ONCE = 16_384
_FIRST = np.datetime64(FIRST_DAY, "D").astype("datetime64[ms]")
_END = np.datetime64(END_DAY, "D").astype("datetime64[ms]")


@dataclass(frozen=True, slots=True)
class SimulatedExchanges:
    """The seeded markets from 2017 up to the last bars that have closed by `clock`.

    An answer holds the newest 50,000 bars at the most.
    """

    clock: Clock
    seed: int = 4
    name: str = SIMULATED

    def source_of(self, exchange: str) -> str:
        """Always this source's own name: no bar of it is the exchange's."""
        return self.name

    async def markets(self, endpoint: str, *, deadline_seconds: float) -> MarketList:
        """A fixed table."""
        return MARKETS[exchange_of(endpoint).name]

    async def bars(
        self,
        endpoint: str,
        market: Market,
        timeframe: Timeframe,
        *,
        start: np.datetime64,
        end: np.datetime64 | None = None,
        deadline_seconds: float,
    ) -> Fetched:
        exchange = exchange_of(endpoint).name
        symbol = MARKETS[exchange].resolve(market.symbol).symbol
        listing = LISTINGS[exchange][symbol]
        now: np.datetime64 = np.datetime64(self.clock.now().replace(tzinfo=None), "ms")
        now = now if end is None else min(now, end)
        pair = Pair(self.seed, listing.base, listing.quote)
        wanted = _Wanted(pair=pair, listing=listing, timeframe=timeframe, start=start, now=now)
        return await asyncio.to_thread(wanted.fetch, time.monotonic() + deadline_seconds)

    def start(self) -> None:
        """There is nothing to prepare."""

    async def ready(self) -> None:
        """It always is."""

    async def close(self) -> None:
        """Nothing is kept open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Bars of `timeframe` from `start` on that have closed by `now`."""

    pair: Pair
    listing: Listing
    timeframe: Timeframe
    start: np.datetime64
    now: np.datetime64

    def fetch(self, ends: float) -> Fetched:
        """As many as there is time for until `time.monotonic` is at `ends`, the newest first."""
        first, end = self._bounds()
        newest: list[Bars] = []
        count = 0
        while end > first and count < MOST_BARS:
            if newest and time.monotonic() > ends:
                break
            begin = max(first, self.timeframe.shifted(end, -min(self._at_once, MOST_BARS - count)))
            newest.append(self._between(begin, end))
            count, end = count + len(newest[-1]), begin
        columns = zip(*(bars.columns() for bars in reversed(newest)), strict=True)
        bars = Bars(*map(np.concatenate, columns)) if newest else Bars.empty()
        return Fetched(CheckedBars(bars, rows=len(bars)), complete=not end > first)

    def _bounds(self) -> tuple[np.datetime64, np.datetime64]:
        """The open of the first bar, and of the one after the last."""
        of, start = self.timeframe, max(self.start, _FIRST)
        first = of.last_open(start)
        return first if first == start else of.ends(first), of.last_open(min(self.now, _END))

    @property
    def _at_once(self) -> int:
        rows_a_bar = self.timeframe.milliseconds // level_for(self.timeframe).of.milliseconds
        return max(_ROWS_AT_ONCE // rows_a_bar, 1)

    def _between(self, begin: np.datetime64, end: np.datetime64) -> Bars:
        level = level_for(self.timeframe)
        count = level.of.milliseconds
        rows = level.between(
            self.pair, int(begin.astype("int64")) // count, int(end.astype("int64")) // count
        )
        return self._in_money(resample(rows, self.timeframe))

    def _in_money(self, bars: Bars) -> Bars:
        """Prices of logarithms, and volumes of lots."""
        decimals, lot = self.listing.decimals, self.listing.lot

        def price(logarithms: Floats) -> Floats:
            least: float = 10.0**-decimals
            return np.maximum(np.round(np.exp(logarithms), decimals), least)

        return Bars(
            bars.time,
            price(bars.open),
            price(bars.high),
            price(bars.low),
            price(bars.close),
            np.round(bars.volume * lot, self.listing.lot_decimals),
        )
