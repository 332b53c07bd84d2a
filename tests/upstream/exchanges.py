"""Kraken, Coinbase, OKX, Bybit, KuCoin and Bitstamp on loopback; with Binance, all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.clock import Clock
from upstream.binance import BINANCE, MIRROR, milliseconds
from upstream.candles import CLOCK, DAY_MS, MINUTE_MS, Asked, Candle, Coin
from upstream.speaker import Speaker, SpeakersUpstream, coin_with, text
from upstream.wire import Reply, Request

_KRAKEN_NAMES = {"BTC": "XXBT", "ETH": "XETH", "USD": "ZUSD"}


def _joined(coin: Coin) -> str:
    return coin.base + coin.quote


def _dashed(coin: Coin) -> str:
    return f"{coin.base}-{coin.quote}"


def _in_seconds(row: Candle) -> int:
    return int((row[0] or 0) // 1000)


def _kraken_id(coin: Coin) -> str:
    names = [_KRAKEN_NAMES.get(name, name) for name in (coin.base, coin.quote)]
    return "".join(names) if "ZUSD" in names or coin.quote == "BTC" else _kraken_altname(coin)


def _kraken_altname(coin: Coin) -> str:
    return _joined(coin).replace("BTC", "XBT")


def _kraken_asked(request: Request, coins: Sequence[Coin]) -> Asked | None:
    """Its newest 720, and of them those after `since`."""
    query = request.query
    coin = coin_with(coins, _kraken_id, query["pair"])
    if coin is None:
        return None
    step = int(query["interval"]) * MINUTE_MS
    return Asked(coin, step, None, None, 720)


def _kraken_candles(asked: Asked, rows: list[Candle]) -> dict[str, Any]:
    table = [
        [
            _in_seconds(row),
            *map(text, row[1:5]),
            *([text(row[4]), text(row[5]), 7] if row[5:] else []),
        ]
        for row in rows
    ]
    last = _in_seconds(rows[-1]) if rows else 0
    return {"error": [], "result": {_kraken_id(asked.coin): table, "last": last}}


def _kraken_markets(coins: Sequence[Coin]) -> dict[str, Any]:
    return {
        "error": [],
        "result": {
            _kraken_id(coin): {
                "altname": _kraken_altname(coin),
                "wsname": f"{coin.base}/{coin.quote}",
                "aclass_base": "currency",
                "base": _KRAKEN_NAMES.get(coin.base, coin.base),
                "aclass_quote": "currency",
                "quote": _KRAKEN_NAMES.get(coin.quote, coin.quote),
                "pair_decimals": 1,
                "lot_decimals": 8,
                "leverage_buy": [2, 3],
                "leverage_sell": [2, 3],
                "fees": [[0, 0.4]],
                "fees_maker": [[0, 0.25]],
                "ordermin": "0.00005",
                "costmin": "0.5",
                "tick_size": "0.1",
                "status": "online" if coin.active else "delisted",
            }
            for coin in coins
        },
    }


_COINBASE_STEPS = {
    "ONE_MINUTE": 1, "FIVE_MINUTE": 5, "FIFTEEN_MINUTE": 15, "THIRTY_MINUTE": 30, "ONE_HOUR": 60,
    "TWO_HOUR": 120, "SIX_HOUR": 360, "ONE_DAY": 1440,
}  # fmt: skip
_COINBASE_CANDLES = "/api/v3/brokerage/market/products/"


def _coinbase_asked(request: Request, coins: Sequence[Coin]) -> Asked | None:
    name = request.path.removeprefix(_COINBASE_CANDLES).removesuffix("/candles")
    coin = coin_with(coins, _dashed, name)
    if coin is None:
        return None
    start, end = int(request.query["start"]) * 1000, int(request.query["end"]) * 1000
    step = _COINBASE_STEPS[request.query["granularity"]] * MINUTE_MS
    return Asked(coin, step, start, end + 1, 350)


def _coinbase_candles(asked: Asked, rows: list[Candle]) -> dict[str, Any]:
    names = ("open", "high", "low", "close", "volume")
    return {
        "candles": [
            {"start": str(_in_seconds(row)), **dict(zip(names, map(text, row[1:]), strict=False))}
            for row in reversed(rows)
        ]
    }


def _coinbase_markets(coins: Sequence[Coin]) -> dict[str, Any]:
    products = [
        {
            "product_id": _dashed(coin),
            "price": text(coin.price),
            "base_increment": "0.00000001",
            "quote_increment": "0.01",
            "quote_min_size": "1",
            "quote_max_size": "150000000",
            "base_min_size": "0.00000001",
            "base_max_size": "3400",
            "status": "online",
            "trading_disabled": not coin.active,
            "product_type": "SPOT",
            "quote_currency_id": coin.quote,
            "base_currency_id": coin.base,
            "alias_to": [],
            "price_increment": "0.01",
        }
        for coin in coins
    ]
    return {"products": products, "num_products": len(products)}


def _okx_asked(request: Request, coins: Sequence[Coin]) -> Asked | None:
    """`before` and `after` are both left out of the answer, which goes back from `after`."""
    query = request.query
    coin = coin_with(coins, _dashed, query["instId"])
    if coin is None:
        return None
    bar = query["bar"].removesuffix("utc")
    step = milliseconds(bar if bar.endswith(("m", "M")) else bar.lower())
    since = int(query["before"]) + 1 if "before" in query else None
    until = int(query["after"]) if "after" in query else None
    return Asked(coin, step, since, until, min(int(query.get("limit", 100)), 300))


def _okx_candles(asked: Asked, rows: list[Candle]) -> dict[str, Any]:
    table = [
        [str(row[0]), *map(text, row[1:]), *(["1.0", "1.0", "1"] if row[5:] else [])]
        for row in reversed(rows)
    ]
    return {"code": "0", "msg": "", "data": table}


def _okx_markets(coins: Sequence[Coin]) -> dict[str, Any]:
    return {
        "code": "0",
        "msg": "",
        "data": [
            {
                "alias": "",
                "baseCcy": coin.base,
                "category": "1",
                "expTime": "",
                "instId": _dashed(coin),
                "instType": "SPOT",
                "lever": "10",
                "listTime": "1548133413000",
                "lotSz": "0.00000001",
                "minSz": "0.00001",
                "quoteCcy": coin.quote,
                "settleCcy": "",
                "state": "live" if coin.active else "suspend",
                "tickSz": "0.1",
                "uly": "",
            }
            for coin in coins
        ],
    }


_BYBIT_STEPS = {"D": DAY_MS, "W": 7 * DAY_MS, "M": 30 * DAY_MS}


def _bybit_asked(request: Request, coins: Sequence[Coin]) -> Asked | None:
    query = request.query
    coin = coin_with(coins, _joined, query["symbol"])
    if coin is None:
        return None
    interval = query["interval"]
    step = _BYBIT_STEPS[interval] if interval in _BYBIT_STEPS else int(interval) * MINUTE_MS
    since = int(query["start"]) if "start" in query else None
    return Asked(coin, step, since, None, min(int(query.get("limit", 200)), 1000))


def _bybit_candles(asked: Asked, rows: list[Candle]) -> dict[str, Any]:
    table = [
        [str(row[0]), *map(text, row[1:]), *(["1.0"] if row[5:] else [])] for row in reversed(rows)
    ]
    return _bybit({"category": "spot", "symbol": _joined(asked.coin), "list": table})


def _bybit_markets(coins: Sequence[Coin]) -> dict[str, Any]:
    rows = [
        {
            "symbol": _joined(coin),
            "baseCoin": coin.base,
            "quoteCoin": coin.quote,
            "innovation": "0",
            "status": "Trading" if coin.active else "Closed",
            "marginTrading": "both",
            "lotSizeFilter": {"basePrecision": "0.000001", "quotePrecision": "0.0000001"},
            "priceFilter": {"tickSize": "0.1"},
        }
        for coin in coins
    ]
    return _bybit({"category": "spot", "list": rows})


def _bybit(result: dict[str, Any]) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1672025956592}


_KUCOIN_UNITS = {"min": "m", "hour": "h", "day": "d", "week": "w", "month": "M"}


def _kucoin_asked(request: Request, coins: Sequence[Coin]) -> Asked | None:
    query = request.query
    coin = coin_with(coins, _dashed, query["symbol"])
    if coin is None:
        return None
    amount = "".join(filter(str.isdigit, query["type"]))
    step = milliseconds(amount + _KUCOIN_UNITS[query["type"].removeprefix(amount)])
    return Asked(coin, step, int(query["startAt"]) * 1000, int(query["endAt"]) * 1000, 1500)


def _kucoin_candles(asked: Asked, rows: list[Candle]) -> dict[str, Any]:
    return {"code": "200000", "data": [_kucoin_row(row) for row in reversed(rows)]}


def _kucoin_row(row: Candle) -> list[Any]:
    if len(row) < 6:
        return [str(_in_seconds(row)), *map(text, row[1:2])]
    _, open_, high, low, close, volume = row
    return [str(_in_seconds(row)), *map(text, (open_, close, high, low, volume)), "1.0"]


def _kucoin_markets(coins: Sequence[Coin]) -> dict[str, Any]:
    return {
        "code": "200000",
        "data": [
            {
                "symbol": _dashed(coin),
                "name": _dashed(coin),
                "baseCurrency": coin.base,
                "quoteCurrency": coin.quote,
                "feeCurrency": coin.quote,
                "market": "USDS",
                "baseMinSize": "0.00001",
                "quoteMinSize": "0.1",
                "baseMaxSize": "10000000000",
                "quoteMaxSize": "99999999",
                "baseIncrement": "0.00000001",
                "quoteIncrement": "0.000001",
                "priceIncrement": "0.1",
                "isMarginEnabled": True,
                "enableTrading": coin.active,
            }
            for coin in coins
        ],
    }


_BITSTAMP_CANDLES = "/api/v2/ohlc/"


def _bitstamp_asked(request: Request, coins: Sequence[Coin]) -> Asked | None:
    name = request.path.removeprefix(_BITSTAMP_CANDLES).strip("/")
    coin = coin_with(coins, lambda each: _joined(each).lower(), name)
    if coin is None:
        return None
    query = request.query
    since, until = int(query["start"]) * 1000, int(query["end"]) * 1000 + 1
    return Asked(coin, int(query["step"]) * 1000, since, until, min(int(query["limit"]), 1000))


def _bitstamp_candles(asked: Asked, rows: list[Candle]) -> dict[str, Any]:
    names = ("open", "high", "low", "close", "volume")
    table = [
        {"timestamp": str(_in_seconds(row)), **dict(zip(names, map(text, row[1:]), strict=False))}
        for row in rows
    ]
    return {"data": {"pair": asked.coin.symbol, "ohlc": table}}


def _bitstamp_markets(coins: Sequence[Coin]) -> list[dict[str, Any]]:
    return [
        {
            "name": coin.symbol,
            "market_symbol": _joined(coin).lower(),
            "base_currency": coin.base,
            "base_decimals": 8,
            "counter_currency": coin.quote,
            "counter_decimals": 0,
            "minimum_order_value": "10",
            "trading": "Enabled" if coin.active else "Disabled",
            "instant_and_market_orders": "Enabled",
            "description": coin.symbol,
            "market_type": "SPOT",
        }
        for coin in coins
    ]


KRAKEN = Speaker(
    name="kraken",
    host="api.kraken.com",
    markets_path="/0/public/AssetPairs",
    candles_path="/0/public/OHLC",
    asked=_kraken_asked,
    candles=_kraken_candles,
    markets=_kraken_markets,
    payload="result",
    unknown=Reply(body=b'{"error":["EQuery:Unknown asset pair"]}'),
    oldest_first=False,
    replies={"429": Reply(body=b'{"error":["EGeneral:Too many requests"]}')},
)
COINBASE = Speaker(
    name="coinbase",
    host="api.coinbase.com",
    markets_path="/api/v3/brokerage/market/products",
    candles_path=_COINBASE_CANDLES,
    asked=_coinbase_asked,
    candles=_coinbase_candles,
    markets=_coinbase_markets,
    payload="candles",
    unknown=Reply(404, b'{"error":"NOT_FOUND","error_details":"valid product_id is required"}'),
)
OKX = Speaker(
    name="okx",
    host="www.okx.com",
    markets_path="/api/v5/public/instruments",
    candles_path="/api/v5/market/",
    asked=_okx_asked,
    candles=_okx_candles,
    markets=_okx_markets,
    payload="data",
    unknown=Reply(
        body=b'{"code":"51001","data":[],"msg":"Instrument ID, Instrument ID code, or Spread ID '
        b"doesn't exist.\"}"
    ),
    oldest_first=False,
    replies={"429": Reply(429, b'{"code":"50011","data":[],"msg":"Too Many Requests"}')},
)
BYBIT = Speaker(
    name="bybit",
    host="api.bybit.com",
    markets_path="/v5/market/instruments-info",
    candles_path="/v5/market/kline",
    asked=_bybit_asked,
    candles=_bybit_candles,
    markets=_bybit_markets,
    payload="result",
    unknown=Reply(
        body=b'{"retCode":10001,"retMsg":"params error: Symbol Is Invalid","result":{},'
        b'"retExtInfo":{},"time":1672025956592}'
    ),
    replies={
        "429": Reply(403, b'{"retCode":10006,"retMsg":"Too many visits!","result":{}}'),
    },
)
KUCOIN = Speaker(
    name="kucoin",
    host="api.kucoin.com",
    markets_path="/api/v2/symbols",
    candles_path="/api/v1/market/candles",
    asked=_kucoin_asked,
    candles=_kucoin_candles,
    markets=_kucoin_markets,
    payload="data",
    unknown=Reply(body=b'{"msg":"Unsupported trading pair.","code":"400100"}'),
    replies={
        "429": Reply(429, b'{"code":"429000","msg":"Too many requests."}'),
        "451": Reply(
            400,
            b'{"code":"400302","msg":"Our services are currently unavailable in the U.S. To ensure '
            b'a seamless experience, please access our platform from a non-restricted country."}',
        ),
    },
)
BITSTAMP = Speaker(
    name="bitstamp",
    host="www.bitstamp.net",
    markets_path="/api/v2/markets/",
    candles_path=_BITSTAMP_CANDLES,
    asked=_bitstamp_asked,
    candles=_bitstamp_candles,
    markets=_bitstamp_markets,
    payload="data",
    unknown=Reply(404, b"<html>Not found</html>", "text/html"),
)

SPEAKERS = (BINANCE, MIRROR, KRAKEN, COINBASE, OKX, BYBIT, KUCOIN, BITSTAMP)


class ExchangesUpstream(SpeakersUpstream):
    """All exchanges behind one proxy: `upstream.faults["kraken"] = "503-html"` and so on."""

    def __init__(self, *, clock: Clock = CLOCK) -> None:
        super().__init__(SPEAKERS, clock=clock)
