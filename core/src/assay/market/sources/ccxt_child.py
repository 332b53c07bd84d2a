"""Asks exchanges by ccxt, in a process of its own; `exchange.py` runs it and `worker_loop.py` tells
how they speak.

Requests have `op` (`markets` or `bars`), `endpoint` and `seconds`, those for bars the fields of
`Series` and `market`, the exchange's own name of the symbol. Answers have `markets`, or `rows` and
`complete`, or `error`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
from collections.abc import Awaitable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import ccxt.async_support as ccxt

from assay.worker_loop import Document, run

Exchange = Any  # one of ccxt's hundred classes, with `Watched` before it
Row = list[float | None]
Rows = list[Row]

MIRROR = {"urls": {"api": {"public": "https://data-api.binance.vision/api/v3"}}}
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
SPOT_ONLY = {"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}}
# What exchange instances are made with, beyond what all have in common.
OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "binance": SPOT_ONLY,
    "okx": SPOT_ONLY,
    "bybit": SPOT_ONLY,
    "kucoin": SPOT_ONLY,
}
EXCHANGE_AT = {"binance_mirror": "binance"}

WINDOWS_AT_ONCE = 4
COLUMNS = 6
# Each request has a deadline of its own, which ends it whatever the server does.
_NO_READ_TIMEOUT_MS = 600_000
_CLOSING_SECONDS = 1.0
_LONGEST_MESSAGE = 200
_BODY_READ = 2000  # of an error; a list of markets is megabytes

_BLOCKED = re.compile(
    r"restricted (location|country|region)|non-restricted|(your|this) (country|region)"
    r"|local laws",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"symbol is invalid|invalid symbol|symbol not exists|not provided at present"
    r"|unknown asset pair",
    re.IGNORECASE,
)
_BANNED_UNTIL = re.compile(r"banned until (\d{13})")


class Refused(Exception):
    """What an exchange would not give, and why, in words that the parent knows."""

    def __init__(self, kind: str, message: str, **fields: str | None) -> None:
        super().__init__(message)
        self.kind = kind
        self.answer = {"kind": kind, "message": message, **fields}

    @property
    def is_command(self) -> bool:
        """Whether the exchange told us to stop asking."""
        return self.kind in ("rate_limited", "blocked")


@dataclass(slots=True)
class Seen:
    """The last HTTP answer within one call, since ccxt's exceptions do not tell the status."""

    status: int | None = None
    retry_after: str | None = None
    body: str = ""
    document: Any = None


_seen: ContextVar[Seen] = ContextVar("seen")


class Watched:
    """What our exchanges do differently from ccxt's: nothing is loaded, filtered or guessed."""

    def on_rest_response(self, code: int, *rest: Any) -> str:  # noqa: ANN401 - ccxt's signature
        body: str = super().on_rest_response(code, *rest)  # type: ignore[misc]  # ccxt's, mixed in
        _reason, _url, _method, headers, *_ = rest
        seen = _seen.get()
        seen.status, seen.body = code, body
        seen.retry_after = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
        return body

    def open(self, *given: Any) -> None:  # noqa: ANN401 - ccxt's signature
        super().open(*given)  # type: ignore[misc]  # ccxt's, mixed in
        # aiohttp asks again by itself after a reset; whoever asks us counts every call.
        self.session._retry_connection = False

    session: Any

    async def fetch(self, *request: Any, **named: Any) -> Any:  # noqa: ANN401 - ccxt's signature
        document = await super().fetch(*request, **named)  # type: ignore[misc]  # ccxt's, mixed in
        _seen.get().document = document
        return document

    def market(self, symbol: str) -> Any:  # noqa: ANN401 - ccxt's structure
        """A spot market by its own name, so that bars need no list of markets first."""
        base, quote = symbol.split("/")
        names = {"id": self.ids[symbol], "symbol": symbol, "base": base, "quote": quote}
        kind = {"type": "spot", "spot": True, "contract": False, "option": False, "active": True}
        return self.safe_market_structure(names | kind)  # type: ignore[attr-defined]  # ccxt's

    def parse_ohlcvs(self, candles: Any, market: Any = None, *_: Any, **__: Any) -> Rows:  # noqa: ANN401 - ccxt's signature
        """Every candle as it came, oldest first, so that the check at the door sees them all.

        Text that is not JSON is none; ccxt would read it letter by letter.
        """
        if not isinstance(candles, list) or not (candles or _holds(_seen.get().document, candles)):
            raise ccxt.BadResponse("an answer without candles")
        rows = [self._row(candle, market) for candle in candles]
        newest_first = len(rows) > 1 and (rows[0][0] or 0) > (rows[-1][0] or 0)
        return rows[::-1] if newest_first else rows

    def _row(self, candle: Any, market: Any) -> Row:  # noqa: ANN401 - any JSON
        if not isinstance(candle, list | dict):
            return as_row([])
        return as_row(self.parse_ohlcv(candle, market))  # type: ignore[attr-defined]  # ccxt's

    ids: dict[str, str]


def _holds(document: Any, part: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether `part` came in `document`; ccxt puts a new list where the answer has none."""
    values = document.values() if isinstance(document, dict) else ()
    return document is part or any(_holds(value, part) for value in values)


def as_row(candle: list[Any]) -> Row:
    """Six numbers, null for whatever is none."""
    row = [value if _is_number(value) else None for value in candle[:COLUMNS]]
    return row + [None] * (COLUMNS - len(row))


def _is_number(value: Any) -> bool:  # noqa: ANN401 - whatever ccxt made of it
    return isinstance(value, int | float) and math.isfinite(value)


def configuration(endpoint: str) -> dict[str, Any]:
    """What to make ccxt's exchange with, sync or async: certificates and proxies as all have them.

    The environment names them: HTTPS_PROXY, NO_PROXY, and the first of `CA_VARIABLES`.
    """
    ca_file = next((os.environ[name] for name in CA_VARIABLES if os.environ.get(name)), None)
    trust = {"cafile": ca_file, "validateServerSsl": ca_file} if ca_file else {}
    place = MIRROR if endpoint == "binance_mirror" else {}
    options = OPTIONS.get(exchange_at(endpoint), {})
    common = {"enableRateLimit": True, "aiohttp_trust_env": True, "requests_trust_env": True}
    return {**common, **trust, **place, "timeout": _NO_READ_TIMEOUT_MS, "options": dict(options)}


def exchange_at(endpoint: str) -> str:
    """Ccxt's name of the exchange that answers at `endpoint`."""
    return EXCHANGE_AT.get(endpoint, endpoint)


def open_exchange(endpoint: str) -> Exchange:
    """A new instance; its rate limit is its own."""
    vendor = getattr(ccxt, exchange_at(endpoint))
    exchange = type(f"Watched{vendor.__name__}", (Watched, vendor), {})(configuration(endpoint))
    exchange.markets = {}  # not None: nothing is to be loaded before the first bar
    exchange.ids = {}
    exchange.timeout_on_exit = 0
    return exchange


async def asked(call: Awaitable[Any]) -> Any:  # noqa: ANN401 - whatever ccxt's method returns
    """What `call` returns; Refused where it raises, by the HTTP answer that was seen."""
    seen = Seen()
    _seen.set(seen)
    try:
        return await call
    except Exception as error:
        raise refusal(error, seen) from error


def refusal(error: Exception, seen: Seen) -> Refused:
    """Why there was no answer, from the status rather than from ccxt's exception.

    ccxt raises the same for 451, which nothing can cure, and for 503, which passes.
    """
    message = _in_short(error, seen)
    if seen.status == 451 or _BLOCKED.search(seen.body[:_BODY_READ]):
        return Refused("blocked", message)
    until = _BANNED_UNTIL.search(seen.body[:_BODY_READ])
    throttled = isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection)
    if seen.status in (418, 429) or throttled:
        banned = until[1] if until else None
        return Refused("rate_limited", message, retry_after=seen.retry_after, until_ms=banned)
    if isinstance(error, ccxt.BadSymbol) or (
        seen.status == 200 and _UNKNOWN.search(seen.body[:_BODY_READ])
    ):
        return Refused("unknown_symbol", message)
    return Refused("unavailable", message)


def _in_short(error: Exception, seen: Seen) -> str:
    cause = error.__cause__ or error
    if seen.status is None:
        return f"{type(cause).__name__}: {cause}"[:_LONGEST_MESSAGE]
    body = "a page of HTML" if seen.body.startswith("<") else " ".join(seen.body.split())
    return f"HTTP {seen.status}, {body or error}"[:_LONGEST_MESSAGE]


async def markets(exchange: Exchange) -> list[list[str]]:
    """Symbol and the exchange's own name of each active spot market, in one call."""
    if exchange.id == "coinbase":  # its fetch_markets asks for futures too
        document = await exchange.v3PublicGetBrokerageMarketProducts({"product_type": "SPOT"})
        found = [exchange.parse_spot_market(row, {}) for row in document["products"]]
    else:
        found = await exchange.fetch_markets()
    return [
        [market["symbol"], market["id"]]
        for market in found
        if market and market["spot"] and market["active"] is not False
    ]


@dataclass(frozen=True, slots=True)
class Series:
    """What bars are asked for, in milliseconds since the epoch.

    Bars of `windows`, each [begin, end), newest first and `page` a call; no bar is shorter than
    `step`. Asked for are those from `ahead` before: Bybit rounds long bars to another grid.
    """

    symbol: str
    timeframe: str
    windows: list[tuple[int, int]]
    page: int
    step: int
    ahead: int = 0


async def newest_windows(exchange: Exchange, series: Series, seconds: float) -> tuple[Rows, bool]:
    """The rows of as many windows as there is time for, oldest first, and whether those are all.

    Raises TimeoutError or Refused where there is not even the newest, and Refused wherever the
    exchange says that it wants no more calls.
    """
    gate = asyncio.Semaphore(WINDOWS_AT_ONCE)

    async def fetch(window: tuple[int, int]) -> Rows:
        async with gate:
            return await window_rows(exchange, series, *window)

    tasks = [asyncio.create_task(fetch(window)) for window in series.windows]
    windows: list[Rows] = []
    try:
        async with asyncio.timeout(seconds):
            for task in tasks:
                windows.append(await task)  # noqa: PERF401 - those before a failure are kept
    except (TimeoutError, Refused) as error:
        if not windows or (isinstance(error, Refused) and error.is_command):
            raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [row for rows in reversed(windows) for row in rows], len(windows) == len(tasks)


async def window_rows(exchange: Exchange, series: Series, begin: int, end: int) -> Rows:
    """Page after page, until the window is full or nothing new comes.

    Rows past the window's end belong to a newer one; past the newest there is none to leave them
    to. Rows without a time stay, for the check at the door.
    """
    newest = end == series.windows[0][1]
    found: Rows = []
    while begin < end:
        since = begin - series.ahead
        limit = min(series.page, math.ceil((end - since) / series.step))
        rows = await asked(exchange.fetch_ohlcv(series.symbol, series.timeframe, since, limit))
        new = [row for row in rows if row[0] is None or row[0] >= begin]
        found += [row for row in new if newest or row[0] is None or row[0] < end]
        opens = [row[0] for row in new if row[0] is not None]
        if not opens:
            break
        begin = int(max(opens)) + series.step
    return found


class Exchanges:
    """Answers requests, each by an exchange that is opened when first asked."""

    def __init__(self) -> None:
        self._open: dict[str, Exchange] = {}

    async def answer(self, request: Document) -> Document:
        """What was asked for, or an error, within the request's `seconds`."""
        seconds = request["seconds"]
        try:
            exchange = self._exchange(request["endpoint"])
            if request["op"] == "markets":
                async with asyncio.timeout(seconds):
                    return {"markets": await asked(markets(exchange))}
            exchange.ids[request["symbol"]] = request["market"]
            names = ("symbol", "timeframe", "windows", "page", "step", "ahead")
            series = Series(*(request[name] for name in names))
            rows, complete = await newest_windows(exchange, series, seconds)
        except Refused as refused:
            return {"error": refused.answer}
        except TimeoutError:
            return {"error": Refused("unavailable", f"no answer within {seconds:g} s").answer}
        return {"rows": rows, "complete": complete}

    def _exchange(self, endpoint: str) -> Exchange:
        if endpoint not in self._open:
            self._open[endpoint] = open_exchange(endpoint)
        return self._open[endpoint]

    async def close(self) -> None:
        """Ends all connections."""
        closing = (exchange.close() for exchange in self._open.values())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await asyncio.gather(*closing, return_exceptions=True)


def main() -> None:
    """Serves until the parent ends."""
    exchanges = Exchanges()
    run(exchanges.answer, exchanges.close)


if __name__ == "__main__":
    main()
