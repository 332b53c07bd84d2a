"""Markets and bars of exchanges, fetched by ccxt in a worker process.

ccxt takes seconds to import, and parses under the interpreter's lock: neither is the service's to
wait for. Certificates and proxies come from the environment that the process inherits.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from assay.clock import Clock
from assay.errors import (
    BlockedRegion,
    MalformedSymbol,
    MarketDataError,
    RateLimited,
    SourceUnavailable,
    UnknownSymbol,
)
from assay.market.bars import Bars, CheckedBars, check_bars
from assay.market.markets import Market, MarketList, check_spelling
from assay.market.sources.base import Fetched
from assay.market.sources.retry_after import retry_after_seconds
from assay.market.timeframes import SHORTEST_MONTH_MS, Timeframe
from assay.market.venues import exchange_of
from assay.worker import Worker, WorkerLost

CHILD_MODULE: Final = "assay.market.sources.ccxt_child"
COLUMNS: Final = 6

# Some exchanges put it into a path as it is.
_MARKET_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")
_BLOCKED_SECONDS = 24 * 3600.0
LAST_MS = 8.64e15  # the year 275760, far inside int64


class ExchangesSource:
    """ccxt's answers, checked. For one event loop; `start` it early, `close` it at the end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._worker = Worker(CHILD_MODULE)

    def source_of(self, exchange: str) -> str:
        """Itself."""
        return exchange

    def start(self) -> None:
        """Begins to start the process; returns at once. Needs a running event loop."""
        self._worker.start()

    async def ready(self) -> None:
        """Waits for the process; SourceUnavailable where it does not start in time."""
        try:
            await self._worker.ready()
        except WorkerLost as lost:
            raise SourceUnavailable(f"The process that asks exchanges: {lost}") from lost

    async def close(self) -> None:
        """Ends the process."""
        await self._worker.close()

    async def markets(self, endpoint: str, *, deadline_seconds: float) -> MarketList:
        """The active spot markets that a person can name."""
        exchange = exchange_of(endpoint)
        answer = await self._ask({"op": "markets"}, endpoint, deadline_seconds)
        with _reading(endpoint):
            found = tuple(Market(*pair) for pair in answer["markets"] if _can_be_named(*pair))
        if not found:
            raise SourceUnavailable(f"{endpoint} lists no market", exchange=exchange.name)
        return MarketList(exchange.name, found)

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
        """Checked bars from `start` on; none, with what was set aside, where no row is a bar.

        Some exchanges send their newest bars whatever `end` is asked for.
        """
        now = np.datetime64(self._clock.now().replace(tzinfo=None), "ms")
        until = now if end is None else min(end, now)
        request = bars_request(endpoint, market, timeframe, start=start, until=until)
        if not request["windows"]:
            return Fetched(CheckedBars(Bars.empty()))
        answer = await self._ask(request, endpoint, deadline_seconds, symbol=market.symbol)
        with _reading(endpoint):
            checked = check_rows(answer["rows"], timeframe, now=now)
            complete = bool(answer["complete"])
        closed = timeframe.ends(checked.bars.time) <= until
        return Fetched(replace(checked, bars=checked.bars.take(closed)), complete=complete)

    async def _ask(
        self, request: dict[str, Any], endpoint: str, seconds: float, *, symbol: str = ""
    ) -> dict[str, Any]:
        fields: dict[str, Any] = {"exchange": exchange_of(endpoint).name}
        if symbol:
            fields["symbol"] = symbol
        try:
            answer = await self._worker.ask({"endpoint": endpoint, **request}, seconds=seconds)
        except WorkerLost as lost:
            raise SourceUnavailable(f"The process that asks {endpoint}: {lost}", **fields) from lost
        if "error" in answer:
            raise self._error(answer["error"], f"{endpoint} {symbol}".rstrip(), fields)
        return answer

    def _error(self, error: dict[str, Any], asked: str, fields: dict[str, Any]) -> MarketDataError:
        message = f"{asked}: {error['message']}"
        if error["kind"] == "rate_limited":
            pause = self._pause_seconds(error)
            return RateLimited(message, retry_after_seconds=pause, **fields)
        if error["kind"] == "blocked":
            return BlockedRegion(message, retry_after_seconds=_BLOCKED_SECONDS, **fields)
        if error["kind"] == "unknown_symbol":
            return UnknownSymbol(message, **fields)
        return SourceUnavailable(message, **fields)

    def _pause_seconds(self, error: dict[str, Any]) -> float:
        """Until the ban ends, where its end is told, or for as long as the header says."""
        now = self._clock.now()
        if error["until_ms"] is None:
            return retry_after_seconds(error["retry_after"], now)
        return retry_after_seconds(str(float(error["until_ms"]) / 1000 - now.timestamp()), now)


@contextlib.contextmanager
def _reading(endpoint: str) -> Iterator[None]:
    """What is not as the process should write it is a source that cannot be used."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise SourceUnavailable(
            f"The answer of {endpoint} cannot be read: {error}", exchange=exchange_of(endpoint).name
        ) from error


def bars_request(
    endpoint: str,
    market: Market,
    timeframe: Timeframe,
    *,
    start: np.datetime64,
    until: np.datetime64,
) -> dict[str, Any]:
    """What the process is asked for bars; see `ccxt_child.Series`.

    The windows leave no gap between `start` and the open of the bar that forms at `until`, and are
    as long as a call can fill. They are none where no bar can have closed.
    """
    exchange = exchange_of(endpoint)
    is_month = timeframe.unit == "M"
    step = timeframe.amount * SHORTEST_MONTH_MS if is_month else timeframe.milliseconds
    ahead = step if timeframe.unit in ("w", "M") else 0
    page = exchange.page_bars
    begin, end = _milliseconds(start), _milliseconds(timeframe.last_open(until))
    if exchange.most_bars is not None:
        begin = max(begin, end - exchange.most_bars * step)
    return {
        "op": "bars",
        "symbol": market.symbol,
        "market": market.id,
        "timeframe": timeframe.name,
        "windows": windows(begin, end, span=(page - (ahead > 0)) * step),
        "page": page,
        "step": step,
        "ahead": ahead,
    }


def windows(begin: int, end: int, *, span: int) -> list[tuple[int, int]]:
    """[begin, end) in parts of `span` at most, the last part first.

    >>> windows(0, 25, span=10)
    [(15, 25), (5, 15), (0, 5)]
    """
    return [(max(at - span, begin), at) for at in range(end, begin, -span)]


def check_rows(
    rows: list[list[float | None]], timeframe: Timeframe, *, now: np.datetime64
) -> CheckedBars:
    """Rows of time in milliseconds, open, high, low, close and volume, null for what is missing."""
    table = np.array(rows, dtype=np.float64).reshape(len(rows), COLUMNS)
    return check_bars(as_times(table[:, 0]), table[:, 1:], timeframe=timeframe, now=now)


def as_times(milliseconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """datetime64[ms], NaT for what is no instant."""
    known = np.abs(milliseconds) <= LAST_MS  # not so for NaN
    times = np.full(len(milliseconds), "NaT", dtype="datetime64[ms]")
    times[known] = milliseconds[known].astype("int64").astype("datetime64[ms]")
    return times


def _milliseconds(instant: np.datetime64) -> int:
    return int(instant.astype("datetime64[ms]").astype("int64"))


def _can_be_named(symbol: str, market_id: str) -> bool:
    """Whether a person can spell the market, and its id is safe in any URL."""
    with contextlib.suppress(MalformedSymbol):
        return check_spelling(symbol) == symbol.upper() and bool(_MARKET_ID.fullmatch(market_id))
    return False
