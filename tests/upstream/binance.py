"""Binance on loopback, and its public mirror."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from assay.clock import Clock
from upstream.candles import CLOCK, DAY_MS, MINUTE_MS, RETRY_AFTER_SECONDS, Asked, Candle, Coin
from upstream.speaker import Speaker, SpeakersUpstream, coin_with, text
from upstream.wire import Reply, Request

COINS = (
    Coin("BTC", "USDT", 90_000.0),
    Coin("ETH", "USDT", 3_000.0),
    Coin("ETH", "BTC", 0.033),
    Coin("SOL", "USDT", 140.0),
    Coin("BTC", "FDUSD", 90_100.0),
    Coin("LUNA", "USDT", 0.6, active=False),
)
MOST, USUAL = 1000, 500
_UNITS = {"s": 1000, "m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_UNITS["M"] = 30 * DAY_MS
_RETRY = {"Retry-After": str(RETRY_AFTER_SECONDS)}
_RESTRICTED = (
    b'{"code":0,"msg":"Service unavailable from a restricted location according to '
    b"'b. Eligibility' in https://www.binance.com/en/terms. Please contact customer service if "
    b'you believe you received this message in error."}'
)
_REPLIES = {
    "429": Reply(
        429,
        b'{"code":-1003,"msg":"Too much request weight used; current limit is 6000 request weight '
        b'per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."}',
        headers=_RETRY,
    ),
    "418": Reply(
        418,
        b'{"code":-1003,"msg":"Way too much request weight used; IP banned until BAN. Please use '
        b'WebSocket Streams for live updates to avoid bans."}',
    ),
    "451": Reply(451, _RESTRICTED),
    "500": Reply(500, b'{"code":-1000,"msg":"An unknown error occurred."}'),
}


def market_id(coin: Coin) -> str:
    return coin.base + coin.quote


def milliseconds(interval: str) -> int:
    """How long `1m`, `4h` or `1M` lasts; a month is 30 days here."""
    return int(interval[:-1]) * _UNITS[interval[-1]]


def _asked(request: Request, coins: Sequence[Coin]) -> Asked | None:
    query = request.query
    coin = coin_with(coins, market_id, query["symbol"])
    if coin is None:
        return None
    since, until = query.get("startTime"), query.get("endTime")
    return Asked(
        coin,
        milliseconds(query["interval"]),
        int(since) if since else None,
        int(until) + 1 if until else None,
        min(int(query.get("limit", USUAL)), MOST),
    )


def _klines(asked: Asked, rows: list[Candle]) -> list[list[Any]]:
    return [_kline(row, asked.step_ms) for row in rows]


def _kline(row: Candle, step_ms: int) -> list[Any]:
    head = [row[0], *map(text, row[1:])]
    if len(row) < 6:
        return head
    quote_volume = text((row[5] or 0.0) * (row[4] or 0.0))
    return [*head, row[0] + step_ms - 1, quote_volume, 100, "1.0", "1.0", "0"]


def _exchange_info(coins: Sequence[Coin]) -> dict[str, Any]:
    return {
        "timezone": "UTC",
        "serverTime": 1_575_416_692_969,
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": 6000,
            }
        ],
        "exchangeFilters": [],
        "symbols": [_symbol_info(coin) for coin in coins],
    }


def _symbol_info(coin: Coin) -> dict[str, Any]:
    return {
        "symbol": market_id(coin),
        "status": "TRADING" if coin.active else "BREAK",
        "baseAsset": coin.base,
        "baseAssetPrecision": 8,
        "quoteAsset": coin.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": "0.01",
                "maxPrice": "1e6",
                "tickSize": "0.01",
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": "0.00001",
                "maxQty": "9000",
                "stepSize": "0.00001",
            },
            {"filterType": "NOTIONAL", "minNotional": "5.0", "maxNotional": "9000000.0"},
        ],
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN"]],
    }


BINANCE = Speaker(
    name="binance",
    host="api.binance.com",
    markets_path="/api/v3/exchangeInfo",
    candles_path="/api/v3/klines",
    asked=_asked,
    candles=_klines,
    markets=_exchange_info,
    payload="symbols",
    unknown=Reply(400, b'{"code":-1121,"msg":"Invalid symbol."}'),
    replies=_REPLIES,
    coins=COINS,
)
MIRROR = replace(BINANCE, name="binance_mirror", host="data-api.binance.vision")


class BinanceUpstream(SpeakersUpstream):
    """`with BinanceUpstream() as upstream:`, then `upstream.environment()`.

    `upstream.faults["binance"] = "451"` spoils one place, `["binance_mirror"]` the other.
    """

    def __init__(self, *, clock: Clock = CLOCK) -> None:
        super().__init__((BINANCE, MIRROR), clock=clock)

    def klines_calls(self) -> int:
        """How many requests were for candles, at either place."""
        return self.calls(BINANCE.candles_path)
