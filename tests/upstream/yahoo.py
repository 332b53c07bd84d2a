"""Yahoo Finance on loopback, with simulated bars and the ways in which it has been seen to fail."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal
from urllib.parse import unquote

from assay.calendars import NEW_YORK
from assay.clock import FixedClock
from assay.errors import UnknownSymbol
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay.market.symbols import SP500, daily_symbol
from upstream.wire import Manner, Reply, Request, Upstream

WireFault = Literal["blackhole", "drip", "reset", "cut"]
StatusFault = Literal["500", "503-html", "429", "404", "418", "451"]
BodyFault = Literal["truncated-json", "html-200", "empty", "nan", "missing-key"]
CookieFault = Literal["no-cookie", "crumb-401", "crumb-429"]
Fault = WireFault | StatusFault | BodyFault | CookieFault
Damage = Literal[
    "nulls", "zero", "negative", "high-below-low", "duplicate", "future", "unfinished", "unsorted",
    "gap", "stale",
]  # fmt: skip

NOW = datetime(2025, 6, 12, 22, 30, tzinfo=UTC)
RETRY_AFTER_SECONDS = 77
CHART = "/v8/finance/chart/"
# How many of the newest sessions a feed that has stopped lacks.
STALE_SESSIONS = 3
# The first damage hits this row of an answer, the next ones the rows before it.
DAMAGED_ROW = -3

_HOSTS = (
    "fc.yahoo.com",
    "guce.yahoo.com",
    "consent.yahoo.com",
    "finance.yahoo.com",
    "query1.finance.yahoo.com",
    "query2.finance.yahoo.com",
)
_MANNERS: dict[str, Manner] = {
    "blackhole": "silent",
    "drip": "drip",
    "reset": "reset",
    "cut": "cut",
}
_MAINTENANCE = b"<!DOCTYPE html><html><body>Will be right back</body></html>"
_NOT_FOUND = Reply(
    404,
    b'{"chart":{"result":null,"error":{"code":"Not Found",'
    b'"description":"No data found, symbol may be delisted"}}}',
)
_REPLIES = {
    "500": Reply(500, b'{"chart":null}'),
    "503-html": Reply(503, _MAINTENANCE, "text/html"),
    "429": Reply(
        429, b"Too Many Requests\r\n", "text/plain", {"Retry-After": str(RETRY_AFTER_SECONDS)}
    ),
    "404": _NOT_FOUND,
    "html-200": Reply(body=_MAINTENANCE, content_type="text/html"),
    "418": Reply(418, b"I'm a teapot", "text/plain", {"Retry-After": str(RETRY_AFTER_SECONDS)}),
    "451": Reply(451, b"Unavailable For Legal Reasons", "text/plain"),
}
_CRUMB_REPLIES = {
    "no-cookie": Reply(401, b'{"finance":{"result":null,"error":{"code":"Unauthorized",'
                       b'"description":"Invalid Cookie"}}}'),
    "crumb-401": Reply(401, b'{"finance":{"result":null,"error":{"code":"Unauthorized",'
                       b'"description":"Invalid Crumb"}}}'),
    "crumb-429": Reply(429, b"Too Many Requests", "text/plain"),
}  # fmt: skip

Row = dict[str, Any]


class YahooUpstream(Upstream):
    """`with YahooUpstream() as upstream:`, then `upstream.environment()`.

    `fault` spoils an answer as a whole, `damages` spoil one row each. Both touch charts only, and
    cookies and crumbs keep coming, as they do in reality, but for the faults named after them.
    """

    def __init__(self, *, now: datetime = NOW) -> None:
        super().__init__(_HOSTS, self._reply)
        self.now = now
        self.fault: Fault | None = None
        self.damages: tuple[Damage, ...] = ()

    def chart_calls(self) -> int:
        """How many requests were for bars."""
        return self.calls(CHART)

    def _reply(self, request: Request) -> Reply:
        if request.path.startswith(CHART):
            return self._chart(request)
        if request.path == "/v1/test/getcrumb":
            if self.fault in _CRUMB_REPLIES:
                return _CRUMB_REPLIES[self.fault]
            return Reply(body=b"cRuMb.0123", content_type="text/plain")
        if request.host == "fc.yahoo.com" and self.fault != "no-cookie":
            expires = "Fri, 31 Dec 2100 23:59:59 GMT"
            cookie = f"A3=d=loopback; Expires={expires}; Domain=.yahoo.com; Path=/; Secure"
            return Reply(404, b"", "text/html", {"Set-Cookie": cookie})
        return Reply(404, b"<html></html>", "text/html")

    def _chart(self, request: Request) -> Reply:
        symbol = unquote(request.path.removeprefix(CHART))
        try:
            rows = [] if self.fault == "empty" else chart_rows(symbol, request.query, self.now)
        except UnknownSymbol:
            return _NOT_FOUND
        if len(rows) >= len(self.damages) - DAMAGED_ROW:
            for position, damage in enumerate(self.damages):
                spoil(rows, DAMAGED_ROW - position, damage, now=self.now)
        if self.fault == "nan":
            rows[0]["close"] = float("nan")
        body = chart_body(symbol, rows, now=self.now)
        if self.fault == "missing-key":
            body = body.replace(b'"indicators"', b'"signs"')
        if self.fault == "truncated-json":
            return Reply(body=body[: len(body) // 2])
        if self.fault in ("crumb-401", "no-cookie"):
            return Reply(401, b"", "text/plain")
        if self.fault in _REPLIES:
            return _REPLIES[self.fault]
        return Reply(body=body, manner=_MANNERS.get(self.fault or "", "whole"))


def chart_body(symbol: str, rows: list[Row], *, now: datetime) -> bytes:
    """The chart's JSON."""
    market = daily_symbol(symbol)
    meta = {
        "currency": market.currency,
        "symbol": symbol,
        "instrumentType": "INDEX" if market is SP500 else "FUTURE",
        "regularMarketTime": int(now.timestamp()),
        "gmtoffset": -14400,
        "timezone": "EDT",
        "exchangeTimezoneName": "America/New_York",
        "priceHint": 2,
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "5d", "1mo", "max"],
    }
    result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}
    if rows:
        result["timestamp"] = [row["stamp"] for row in rows]
        names = ("open", "high", "low", "close", "volume")
        result["indicators"]["quote"] = [{name: [row[name] for row in rows] for name in names}]
        result["indicators"]["adjclose"] = [{"adjclose": [row["close"] for row in rows]}]
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def spoil(rows: list[Row], at: int, damage: Damage, *, now: datetime) -> None:
    """Spoils the row `at`, or adds one that is no closed bar, or disorders them all."""
    row = rows[at]
    if damage == "nulls":
        row.update(open=None, high=None, low=None, close=None, volume=None)
    elif damage == "zero":
        row.update(open=0.0, high=0.0, low=0.0, close=0.0)
    elif damage == "negative":
        row.update(low=-row["low"])
    elif damage == "high-below-low":
        row.update(high=row["low"] * 0.9)
    elif damage == "duplicate":
        rows.insert(at, dict(row))
    elif damage == "unsorted":
        rows.reverse()
    elif damage == "gap":
        del rows[at]
    elif damage == "stale":
        del rows[-STALE_SESSIONS:]
    else:
        ahead = timedelta(days=400) if damage == "future" else timedelta(hours=20)
        rows.append(rows[-1] | {"stamp": int((now + ahead).timestamp()), "close": 1.0})


def chart_rows(symbol: str, query: dict[str, str], now: datetime) -> list[Row]:
    """Rows of [period1, period2), or the last one where only a `range` is asked."""
    source = SimulatedSource(FixedClock(now))
    bars = source.fetch(symbol, start=FIRST_SESSION, deadline_seconds=1).bars
    opens_at = time(9, 30) if symbol == SP500.name else time(0)
    stamps = [
        int(datetime.combine(session, opens_at, tzinfo=NEW_YORK).timestamp())
        for session in bars.session.tolist()
    ]
    columns = (column.tolist() for column in (bars.open, bars.high, bars.low, bars.close))
    rows = [
        {"stamp": at, "open": o, "high": h, "low": lo, "close": c, "volume": int(v)}
        for at, o, h, lo, c, v in zip(stamps, *columns, bars.volume.tolist(), strict=True)
    ]
    if "period1" not in query:
        return rows[-1:]
    start, end = int(query["period1"]), int(query["period2"])
    return [row for row in rows if start <= row["stamp"] < end]
