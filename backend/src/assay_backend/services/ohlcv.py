"""Exchanges' bars as ready-made bytes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from assay.clock import Clock
from assay.market.crypto.feed import CryptoFeed, ExchangeSeries
from assay.market.keys import SeriesKey
from assay_backend.answers import Answer
from assay_backend.services.rendering import ohlcv_document

MOST_KEPT_BYTES = 64 * 1024 * 1024
# Rendering more than this would keep other requests waiting.
BARS_RENDERED_AT_ONCE = 1000


class OhlcvRequest(NamedTuple):
    """As it was asked; `symbol` in any spelling."""

    exchange: str
    symbol: str
    timeframe: str
    limit: int


class _Kept(NamedTuple):
    version: int
    stale: bool
    answer: Answer


class OhlcvService:
    """Renders the feed's bars once for all who ask for the same. For one event loop."""

    def __init__(self, feed: CryptoFeed, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._kept: OrderedDict[tuple[SeriesKey, int], _Kept] = OrderedDict()
        self._kept_bytes = 0

    async def answer(self, request: OhlcvRequest) -> Answer:
        """The newest closed bars; waits only where none are at hand.

        Raises UnknownExchange, UnknownTimeframe, MalformedSymbol, UnknownSymbol or
        SourceUnavailable.
        """
        exchange, symbol, timeframe, limit = request
        key = self._feed.known(exchange, symbol, timeframe)
        series = self._feed.at_hand(key, limit) if key else None
        if key is None or series is None:
            key, series = await self._feed.series(exchange, symbol, timeframe, limit)
        kept = self._kept.get((key, limit))
        if kept and kept.version == series.held.version and kept.stale == series.stale:
            self._kept.move_to_end((key, limit))
            return kept.answer
        return await self._render(key, series)

    async def _render(self, key: SeriesKey, series: ExchangeSeries) -> Answer:
        now = self._clock.now()

        def render() -> Answer:
            return Answer.of(ohlcv_document(key, series, now), at=now)

        short = series.limit <= BARS_RENDERED_AT_ONCE
        answer = render() if short else await asyncio.to_thread(render)
        self._keep((key, series.limit), _Kept(series.held.version, series.stale, answer))
        return answer

    def _keep(self, name: tuple[SeriesKey, int], kept: _Kept) -> None:
        replaced = self._kept.pop(name, None)
        self._kept[name] = kept
        self._kept_bytes += len(kept.answer.body) - (len(replaced.answer.body) if replaced else 0)
        while self._kept_bytes > MOST_KEPT_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped.answer.body)
