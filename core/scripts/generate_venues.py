"""Writes core/src/assay/market/venues.json, the table that `assay.market.venues` reads.

ccxt is the authority, but a service should not wait for its import.
Run: uv run python core/scripts/generate_venues.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ccxt

from assay.errors import UnknownTimeframe
from assay.market.timeframes import timeframe

EXCHANGES = ("binance", "kraken", "coinbase", "okx", "bybit", "kucoin", "bitstamp")
ENDPOINTS = {"binance": ["binance", "binance_mirror"]}
# Kraken gives its newest bars only, wherever one asks to begin.
MOST_BARS = {"kraken": 720}
# Where an exchange counts a timeframe in numbers, how many seconds each is.
UNIT_SECONDS = {"kraken": 60, "bybit": 60, "bitstamp": 1}
TARGET = Path(__file__).parents[1] / "src" / "assay" / "market" / "venues.json"


def lasts_as_named(exchange: str, name: str, value: str | int) -> bool:
    """Whether `name` is a timeframe, and the exchange means the same length by it.

    Kraken's 2w lasts 15 days and Bitstamp's 1w lasts 3.
    """
    try:
        length = timeframe(name)
    except UnknownTimeframe:
        return False
    counted = str(value).isdigit() and exchange in UNIT_SECONDS
    return not counted or int(value) * UNIT_SECONDS[exchange] == length.seconds


def venue_row(exchange: str) -> dict[str, Any]:
    """The exchange as it stands in the table."""
    known = getattr(ccxt, exchange)()
    names = [
        name for name, value in known.timeframes.items() if lasts_as_named(exchange, name, value)
    ]
    return {
        "title": known.name,
        "timeframes": names,
        "page_bars": known.features["spot"]["fetchOHLCV"]["limit"],
        "most_bars": MOST_BARS.get(exchange),
        "endpoints": ENDPOINTS.get(exchange, [exchange]),
    }


def venues_table() -> dict[str, dict[str, Any]]:
    """All exchanges, in the order in which they stand in for one another."""
    return {exchange: venue_row(exchange) for exchange in EXCHANGES}


if __name__ == "__main__":
    TARGET.write_text(json.dumps(venues_table(), indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET}: {', '.join(EXCHANGES)}")
