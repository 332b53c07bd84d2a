"""Exchanges' bars as ready-made bytes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from assay.clock import Clock
from assay.market.crypto.feed import CryptoFeed, ExchangeSeries
from assay.market.keys import SeriesKey
from assay_backend.answers import Answer
from assay_backend.services.rendering import Document, ohlcv_document

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


class _Name(NamedTuple):
    """What one rendering is of."""

    key: SeriesKey
    limit: int
    version: int
    stale: bool


class OhlcvService:
    """Renders the feed's bars once for all who ask for the same. For one event loop."""

    def __init__(
        self,
        feed: CryptoFeed,
        clock: Clock,
        *,
        render: Callable[[SeriesKey, ExchangeSeries, datetime], Document] = ohlcv_document,
    ) -> None:
        self._feed = feed
        self._clock = clock
        self._document = render
        self._rendering: dict[_Name, asyncio.Task[Answer]] = {}
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
        if series.limit <= BARS_RENDERED_AT_ONCE:
            answer = self._answer(key, series)
            self._keep(_name(key, series), answer)
            return answer
        name = _name(key, series)
        if name not in self._rendering:
            task = asyncio.create_task(self._render_aside(name, series))
            self._rendering[name] = task
            task.add_done_callback(lambda _: self._rendering.pop(name))
        return await asyncio.shield(self._rendering[name])

    async def _render_aside(self, name: _Name, series: ExchangeSeries) -> Answer:
        answer = await asyncio.to_thread(self._answer, name.key, series)
        self._keep(name, answer)
        return answer

    def _answer(self, key: SeriesKey, series: ExchangeSeries) -> Answer:
        now = self._clock.now()
        document = self._document(key, series, now)
        return Answer.of(document, at=now, changes_at=series.held.next_close)

    def _keep(self, name: _Name, answer: Answer) -> None:
        replaced = self._kept.pop((name.key, name.limit), None)
        self._kept[name.key, name.limit] = _Kept(name.version, name.stale, answer)
        self._kept_bytes += len(answer.body) - (len(replaced.answer.body) if replaced else 0)
        while self._kept_bytes > MOST_KEPT_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped.answer.body)


def _name(key: SeriesKey, series: ExchangeSeries) -> _Name:
    return _Name(key, series.limit, series.held.version, series.stale)
