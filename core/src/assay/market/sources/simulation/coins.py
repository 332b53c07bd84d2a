"""What can be traded at the simulated exchanges: a fixed table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, log10
from typing import Final

from assay.market.markets import Market, MarketList

# A day's usual volume is this many lots, so that even a second's is more than a few.
LOTS_A_DAY: Final = 1_000_000_000
_MOST_DECIMALS: Final = 8
_CROSS_SHARE: Final = 0.05  # of the coin's trade in dollars
_DOLLARS: Final = ("USD", "USDT")


@dataclass(frozen=True, slots=True)
class Coin:
    """The price in dollars it is pulled to, its volatility, and how it moves with BTC.

    `daily_dollars` change hands at the largest exchange; prices in dollars have `decimals`.
    """

    name: str
    usual_price: float
    annualized_volatility: float
    correlation: float
    daily_dollars: float
    decimals: int


COINS: Final = {
    coin.name: coin
    for coin in (
        Coin("BTC", 40_000.0, 0.60, 1.00, 1.5e9, 2),
        Coin("ETH", 2_400.0, 0.75, 0.80, 8e8, 2),
        Coin("SOL", 120.0, 1.00, 0.70, 4e8, 2),
        Coin("XRP", 0.8, 0.95, 0.65, 4e8, 4),
        Coin("BNB", 450.0, 0.75, 0.70, 1.5e8, 2),
        Coin("DOGE", 0.15, 1.05, 0.65, 2.5e8, 5),
        Coin("ADA", 0.6, 0.95, 0.70, 1e8, 4),
        Coin("LTC", 90.0, 0.85, 0.75, 8e7, 2),
        Coin("LINK", 15.0, 1.00, 0.70, 8e7, 3),
        Coin("AVAX", 28.0, 1.05, 0.70, 6e7, 2),
        Coin("DOT", 7.0, 0.95, 0.70, 5e7, 3),
        Coin("TRX", 0.18, 0.75, 0.55, 6e7, 5),
        Coin("BCH", 350.0, 0.90, 0.70, 4e7, 2),
        Coin("XLM", 0.25, 0.95, 0.65, 3e7, 5),
        Coin("UNI", 8.0, 1.05, 0.65, 3e7, 3),
        Coin("ATOM", 9.0, 1.00, 0.70, 3e7, 3),
    )
}
_CROSS_DECIMALS: Final = {"ETH": 5, "BNB": 6, "LTC": 6, "SOL": 7, "XRP": 8}


@dataclass(frozen=True, slots=True)
class Listing:
    """A market of an exchange; `quote` is None where it is dollars of some kind.

    A volume is a whole number of `lot`s.
    """

    market: Market
    base: Coin
    quote: Coin | None
    decimals: int
    lot: float
    lot_decimals: int


def _listing(base: str, quote: str, market_id: str, share: float) -> Listing:
    coin = COINS[base]
    crossed = quote not in _DOLLARS
    amount = coin.daily_dollars / coin.usual_price * share * (_CROSS_SHARE if crossed else 1.0)
    lot_decimals = min(max(1 - floor(log10(amount / LOTS_A_DAY)), 0), _MOST_DECIMALS)
    return Listing(
        Market(f"{base}/{quote}", market_id),
        coin,
        COINS[quote] if crossed else None,
        decimals=_CROSS_DECIMALS[base] if crossed else coin.decimals,
        lot=round(amount / LOTS_A_DAY, lot_decimals),
        lot_decimals=lot_decimals,
    )


def _all_but(*absent: str) -> list[str]:
    return [name for name in COINS if name not in absent]


# Kraken keeps its old long names where both sides have one.
_KRAKEN_LONG = {
    "BTC": "XXBT", "ETH": "XETH", "LTC": "XLTC", "XLM": "XXLM", "XRP": "XXRP", "USD": "ZUSD",
}  # fmt: skip
_KRAKEN_SHORT = {"BTC": "XBT", "DOGE": "XDG"}


def _kraken_id(base: str, quote: str) -> str:
    if base in _KRAKEN_LONG and quote in _KRAKEN_LONG:
        return _KRAKEN_LONG[base] + _KRAKEN_LONG[quote]
    return _KRAKEN_SHORT.get(base, base) + _KRAKEN_SHORT.get(quote, quote)


def _market_id(exchange: str, base: str, quote: str) -> str:
    if exchange == "kraken":
        return _kraken_id(base, quote)
    if exchange in ("coinbase", "okx", "kucoin"):
        return f"{base}-{quote}"
    return f"{base}{quote}".lower() if exchange == "bitstamp" else f"{base}{quote}"


def _exchange(
    name: str,
    share: float,
    *,
    usdt: Iterable[str],
    usd: Iterable[str] = (),
    btc: Iterable[str] = _CROSS_DECIMALS,
) -> dict[str, Listing]:
    """Its markets by symbol; `share` of the largest exchange's trade is its own."""
    pairs = [(base, "USDT") for base in usdt]
    pairs += [(base, "USD") for base in usd]
    pairs += [(base, "BTC") for base in btc]
    found = [_listing(*pair, _market_id(name, *pair), share) for pair in pairs]
    return {listing.market.symbol: listing for listing in found}


# By exchange and symbol.
LISTINGS: Final = {
    "binance": _exchange("binance", 1.0, usdt=COINS),
    "kraken": _exchange(
        "kraken",
        0.08,
        usdt=["BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC", "LINK", "AVAX", "DOT", "BCH"],
        usd=_all_but("BNB"),
        btc=["ETH", "LTC", "SOL", "XRP"],
    ),
    "coinbase": _exchange(
        "coinbase",
        0.25,
        usdt=["BTC", "ETH", "SOL", "XRP", "DOGE", "ADA"],
        usd=_all_but("BNB", "TRX"),
        btc=["ETH", "LTC", "SOL"],
    ),
    "okx": _exchange("okx", 0.2, usdt=COINS, btc=["ETH", "LTC", "SOL", "XRP"]),
    "bybit": _exchange("bybit", 0.25, usdt=COINS, btc=["ETH", "SOL", "XRP"]),
    "kucoin": _exchange("kucoin", 0.1, usdt=COINS),
    "bitstamp": _exchange(
        "bitstamp",
        0.03,
        usdt=["BTC", "ETH", "XRP"],
        usd=_all_but("BNB", "TRX", "ATOM"),
        btc=["ETH", "LTC", "XRP"],
    ),
}
MARKETS: Final = {
    name: MarketList(name, tuple(listing.market for listing in listings.values()))
    for name, listings in LISTINGS.items()
}
