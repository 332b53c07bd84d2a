"""What the crypto page offers: exchanges, coins, timeframes, and horizons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

EXCHANGES: Final = {
    "binance": "Binance",
    "kraken": "Kraken",
    "coinbase": "Coinbase",
    "okx": "OKX",
    "bybit": "Bybit",
    "kucoin": "KuCoin",
    "bitstamp": "Bitstamp",
}
# Up to a day; a test holds the table against the exchanges that the backend knows.
MINUTES: Final = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "6h": 360,
    "8h": 480, "12h": 720, "1d": 1440,
}  # fmt: skip
_LACKING: Final = {
    "kraken": {"3m", "2h", "6h", "8h", "12h"},
    "coinbase": {"3m", "4h", "8h", "12h"},
    "okx": {"8h"},
    "bybit": {"8h"},
    "bitstamp": {"8h"},
}
_IN_DOLLARS: Final = frozenset({"kraken", "coinbase", "bitstamp"})
_COINS: Final = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC", "LINK", "AVAX", "DOT", "BCH")

DAY_MINUTES: Final = 1440
LONGEST_HORIZON_MINUTES: Final = 30 * DAY_MINUTES
_HORIZONS: Final = (5, 15, 60, 240, DAY_MINUTES, 3 * DAY_MINUTES, 7 * DAY_MINUTES, 30 * DAY_MINUTES)
_SPELLING = re.compile(r"[A-Za-z0-9]+(?:[/_-][A-Za-z0-9]+)?")
_SEPARATOR = re.compile("[-_]")
_LONGEST_SPELLING: Final = 30


@dataclass(frozen=True, slots=True)
class CoinChoice:
    """What a reader looks at; `symbol` in any common spelling."""

    exchange: str = "binance"
    symbol: str = "BTC/USDT"
    timeframe: str = "1h"
    horizon_minutes: int = DAY_MINUTES


DEFAULT: Final = CoinChoice()


def timeframes_of(exchange: str) -> tuple[str, ...]:
    """Those of at most a day, shortest first."""
    lacking = _LACKING.get(exchange, set())
    return tuple(name for name in MINUTES if name not in lacking)


def symbols_of(exchange: str) -> tuple[str, ...]:
    """Suggestions, none of them a promise: the exchange's own list decides."""
    tether = ("BTC/USDT", "ETH/USDT")
    if exchange in _IN_DOLLARS:
        return (*(f"{coin}/USD" for coin in _COINS), *tether, "ETH/BTC")
    return (*tether, "SOL/USDT", "BNB/USDT", *(f"{coin}/USDT" for coin in _COINS[3:]), "ETH/BTC")


def horizons_of(timeframe: str) -> tuple[int, ...]:
    """The offered horizons that are whole numbers of bars, in minutes."""
    return tuple(minutes for minutes in _HORIZONS if is_horizon(minutes, timeframe))


def is_horizon(minutes: int, timeframe: str) -> bool:
    return 0 < minutes <= LONGEST_HORIZON_MINUTES and minutes % MINUTES[timeframe] == 0


def is_spelling(text: str) -> bool:
    """Whether `text` could be a market's name at all; which ones there are, the exchange says."""
    return len(text) <= _LONGEST_SPELLING and _SPELLING.fullmatch(text) is not None


def as_symbol(text: str) -> str:
    """`btc-usdt` as `BTC/USDT`."""
    return _SEPARATOR.sub("/", text.upper())
