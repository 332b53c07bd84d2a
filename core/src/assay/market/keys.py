"""What names a series of bars."""

from __future__ import annotations

from typing import NamedTuple

# The source of bars that are no market's.
SIMULATED = "simulated"


class SeriesKey(NamedTuple):
    """Bars of one market at one source: `("binance", "BTC/USDT", "1h")`.

    `source` is a vendor or an exchange, so bars of different venues are never one series.
    """

    source: str
    symbol: str
    timeframe: str

    def __str__(self) -> str:
        return f"{self.source} {self.symbol} {self.timeframe}"
