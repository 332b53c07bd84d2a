"""What exchanges on loopback have in common: a host, markets, candles, and a fault for each."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay.clock import Clock
from upstream.candles import (
    BAN_SECONDS,
    CLOCK,
    MAINTENANCE,
    MANNERS,
    RETRY_AFTER_SECONDS,
    Asked,
    Candle,
    Coin,
    Fault,
    Faults,
    candles,
    damaged,
)
from upstream.wire import Reply, Request, Upstream

COINS = (
    Coin("BTC", "USDT", 90_000.0),
    Coin("ETH", "USDT", 3_000.0),
    Coin("BTC", "USD", 90_050.0),
    Coin("ETH", "BTC", 0.033),
    Coin("OLD", "USDT", 1.0, active=False),
)

_RETRY = {"Retry-After": str(RETRY_AFTER_SECONDS)}
_STATUS_REPLIES = {
    "500": Reply(500, b"Internal Server Error", "text/plain"),
    "503-html": Reply(503, MAINTENANCE, "text/html"),
    "429": Reply(429, b"Too Many Requests", "text/plain", _RETRY),
    "418": Reply(418, b"I'm a teapot", "text/plain", _RETRY),
    "451": Reply(451, b"Unavailable For Legal Reasons", "text/plain"),
    "403-region": Reply(
        403,
        b"<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>"
        b"The Amazon CloudFront distribution is configured to block access from your country."
        b"</BODY></HTML>",
        "text/html",
    ),
    "html-200": Reply(body=MAINTENANCE, content_type="text/html"),
    "object-200": Reply(body=b"{}"),
}


@dataclass(frozen=True, slots=True)
class Speaker:
    """How an exchange speaks.

    `asked` reads a request for candles, None where it has no such market; `candles` and `markets`
    are the documents of an answer, `payload` the key in them that "missing-key" takes away.
    `replies` are its own words for statuses. It gives the first `most` candles, or the last.
    """

    name: str
    host: str
    markets_path: str
    candles_path: str
    asked: Callable[[Request, Sequence[Coin]], Asked | None]
    candles: Callable[[Asked, list[Candle]], Any]
    markets: Callable[[Sequence[Coin]], Any]
    payload: str
    unknown: Reply
    replies: dict[str, Reply] = field(default_factory=dict)
    coins: Sequence[Coin] = COINS
    oldest_first: bool = True
    most: int = 5000

    def is_for_candles(self, request: Request) -> bool:
        return request.host == self.host and request.path.startswith(self.candles_path)

    def is_for_markets(self, request: Request) -> bool:
        return request.host == self.host and request.path == self.markets_path

    def answer(self, request: Request, fault: Fault | None, clock: Clock) -> Reply:
        """What the exchange says, `fault` and all."""
        if fault in _STATUS_REPLIES:
            ban = f"{int((clock.now().timestamp() + BAN_SECONDS) * 1000)}".encode()
            reply = self.replies.get(fault, _STATUS_REPLIES[fault])
            return Reply(
                reply.status, reply.body.replace(b"BAN", ban), reply.content_type, reply.headers
            )
        document = self._document(request, fault, clock)
        if document is None:
            return self.unknown
        if fault == "missing-key":
            items = document.items() if isinstance(document, dict) else ()
            document = {key: value for key, value in items if key != self.payload}
        body = json.dumps(document).encode()
        if fault == "truncated-json":
            return Reply(body=body[: len(body) // 2])
        return Reply(body=body, manner=MANNERS.get(fault or "", "whole"))

    def _document(self, request: Request, fault: Fault | None, clock: Clock) -> Any:
        if self.is_for_markets(request):
            return self.markets([] if fault == "empty" else self.coins)
        asked = self.asked(request, self.coins) if self.is_for_candles(request) else None
        if asked is None:
            return None
        asked = replace(asked, limit=min(asked.limit, self.most))
        now = clock.now()
        rows = candles(asked, now, oldest_first=self.oldest_first)
        return self.candles(asked, damaged(rows, fault, step_ms=asked.step_ms, now=now))


class SpeakersUpstream(Upstream):
    """Exchanges behind one proxy; `faults` by their names, `clock` tells their time."""

    def __init__(self, speakers: Sequence[Speaker], *, clock: Clock = CLOCK) -> None:
        super().__init__([speaker.host for speaker in speakers], self._reply)
        self._speakers = {speaker.host: speaker for speaker in speakers}
        self._by_name = {speaker.name: speaker for speaker in speakers}
        self.clock = clock
        self.faults: Faults = {}

    @contextlib.contextmanager
    def speaking(self, name: str, **changes: Any) -> Iterator[None]:
        """The exchange with other fields of `Speaker` for a while, such as `most`."""
        speaker = self._by_name[name]
        self._speakers[speaker.host] = replace(speaker, **changes)
        try:
            yield
        finally:
            self._speakers[speaker.host] = speaker

    def candle_calls(self, name: str) -> int:
        """How many requests for candles the exchange has had."""
        return sum(map(self._by_name[name].is_for_candles, self.requests))

    def market_calls(self, name: str) -> int:
        """How many requests for its markets."""
        return sum(map(self._by_name[name].is_for_markets, self.requests))

    def _reply(self, request: Request) -> Reply:
        speaker = self._speakers[request.host]
        fault = self.faults.get(speaker.name)
        if callable(fault):
            fault = fault(request)
        return speaker.answer(request, fault, self.clock)


def coin_with(coins: Sequence[Coin], name: Callable[[Coin], str], asked: str) -> Coin | None:
    """The coin that `name` calls `asked`."""
    return next((coin for coin in coins if name(coin) == asked), None)


def text(value: float | None) -> str | None:
    """A price as exchanges send it."""
    return None if value is None else f"{value:.8f}".rstrip("0")
