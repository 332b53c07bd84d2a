"""Which series a request means."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial

from assay.errors import SourceUnavailable, UnknownExchange, UnknownSymbol
from assay.market.crypto.market_lists import MarketLists
from assay.market.crypto.shelf import Shelf
from assay.market.crypto.staggered import AllFailed, first_success
from assay.market.keys import SeriesKey
from assay.market.markets import check_spelling
from assay.market.venues import Venue


class Naming:
    """Turns exchange, spelling and timeframe into a key. `fallback` has the simulated markets."""

    def __init__(
        self,
        exchanges: Mapping[str, Venue],
        failover: Sequence[str],
        lists: MarketLists,
        fallback: MarketLists | None,
        shelf: Shelf,
        *,
        stagger_seconds: float,
    ) -> None:
        self._exchanges = exchanges
        self._failover = tuple(failover)
        self._lists = lists
        self._fallback = fallback
        self._shelf = shelf
        self._stagger_seconds = stagger_seconds

    def check(self, exchange: str, spelling: str, timeframe: str) -> None:
        """Raises UnknownExchange, UnknownTimeframe or MalformedSymbol; no I/O."""
        if exchange not in self._exchanges:
            names = ", ".join(self._exchanges)
            raise UnknownExchange(
                f"{exchange[:20]!r} is no exchange here; there are {names}", exchange=exchange[:20]
            )
        self._exchanges[exchange].timeframe(timeframe)
        check_spelling(spelling)

    def known(self, exchange: str, spelling: str, timeframe: str) -> SeriesKey | None:
        """The series, where that needs no I/O; raises as `resolve` does."""
        self.check(exchange, spelling, timeframe)
        symbol = self._lists.resolve_known(exchange, spelling)
        simulated = self._simulated()
        if symbol is None and simulated is not None:
            with contextlib.suppress(UnknownSymbol):  # the real exchange may have it
                symbol = simulated.resolve_known(exchange, spelling)
        return SeriesKey(exchange, symbol, timeframe) if symbol else None

    async def resolve(self, exchange: str, spelling: str, timeframe: str) -> SeriesKey:
        """The series that is meant by `BTCUSDT`, `BTC/USDT`, `btc-usdt`, ...

        Raises as `check` does; UnknownSymbol, with near matches, where the exchange has no such
        market; SourceUnavailable where nobody's list of markets can be had.
        """
        if simulated := self._simulated():
            await simulated.of(exchange)
        if found := self.known(exchange, spelling, timeframe):
            return found
        return SeriesKey(exchange, await self._symbol(exchange, spelling), timeframe)

    def _simulated(self) -> MarketLists | None:
        """The simulated markets, while they are shown."""
        return None if self._shelf.had_live else self._fallback

    async def _symbol(self, exchange: str, spelling: str) -> str:
        """By the exchange's own list, or by that of one that could stand in."""
        simulated = self._simulated()
        others = [] if simulated else [name for name in self._failover if name != exchange]
        attempts = [
            (partial(self._symbol_at, name, spelling, exchange), self._patience_seconds(name))
            for name in sorted([exchange, *others], key=self._lists.is_suspect)
        ]
        try:
            return await first_success(attempts, final=(UnknownSymbol,))
        except AllFailed as failed:
            if simulated is not None:
                return (await simulated.of(exchange)).resolve(spelling).symbol
            raise SourceUnavailable(
                f"Nobody's list of markets can be had: {failed}",
                retry_after_seconds=self._lists.wait_seconds(exchange),
                exchange=exchange,
            ) from failed

    def _patience_seconds(self, exchange: str) -> float:
        return self._stagger_seconds * len(self._exchanges[exchange].endpoints)

    async def _symbol_at(self, name: str, spelling: str, asked: str) -> str:
        markets = await self._lists.of(name, on_behalf_of=asked)
        try:
            return markets.resolve(spelling).symbol
        except UnknownSymbol as error:
            if name == asked:
                raise
            raise SourceUnavailable(error.message) from error
