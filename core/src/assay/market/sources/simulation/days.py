"""A simulated coin's price from midnight to midnight.

The log return of coin c on day d is s z, its deviation s and its shock z:

    s = A_c / sqrt(365) w exp(a + b + o_c - var a - var b - var o_c)
    z = r_c Z + sqrt(1 - r_c^2) Z_c

A_c is the annualized volatility, w a weekday's share (weekends are calm), r_c the correlation with
BTC; Z, the market's shock and BTC's own, and Z_c are Student-t of 8 degrees and unit variance. a
and b are first-order autoregressions that all coins share, one slow and one quick, which a fall of
the market raises a little (leverage); o_c is the coin's own. ln price returns to the usual price
with a half-life of half a year, which explains about a five-hundredth of a day's variance and keeps
every seed at believable prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.market.bars import Floats
from assay.market.sources.simulation.chance import normals, students
from assay.market.sources.simulation.coins import COINS, Coin

# Days since 1970-01-01, the last one excluded.
FIRST_DAY: Final = int(np.datetime64("2017-01-01").astype("int64"))
END_DAY: Final = int(np.datetime64("2050-01-01").astype("int64"))
DAYS: Final = END_DAY - FIRST_DAY

_DEGREES_OF_FREEDOM = 8.0
_SLOW = (0.985, 0.30)  # autoregression and standard deviation, of log volatility
_QUICK = (0.75, 0.28)
_OWN = (0.97, 0.20)
_LEVERAGE = 0.2
_PULL_PER_DAY = 2.0 * log(2.0) / 365
_WEEK = np.array([1.02, 1.06, 1.07, 1.07, 1.04, 0.76, 0.82])  # from Monday on
_WEEK /= sqrt(np.mean(_WEEK**2))


@dataclass(frozen=True, slots=True)
class DailyPath:
    """`level` is ln price in dollars at each midnight, (DAYS + 1,); `deviation` the standard
    deviation that each day's log return was drawn with, (DAYS,).
    """

    level: Floats
    deviation: Floats


@dataclass(frozen=True, slots=True)
class Pair:
    """A coin in dollars, or in another coin."""

    seed: int
    base: Coin
    quote: Coin | None = None

    @property
    def name(self) -> str:
        return f"{self.base.name}/{self.quote.name if self.quote else 'USD'}"

    @property
    def correlation(self) -> float:
        """Of the two coins."""
        return self.base.correlation * self.quote.correlation if self.quote else 0.0


@lru_cache(maxsize=2 * len(COINS))
def daily_path(seed: int, coin: Coin) -> DailyPath:
    """All days, also the coming ones: nothing depends on when it is asked."""
    shared, variance = _market_unrest(seed)
    own = _autoregression(_OWN[0], normals(seed, f"{coin.name} unrest", 0, DAYS), _OWN[1])
    usual = coin.annualized_volatility / sqrt(365) * exp(-variance - _OWN[1] ** 2)
    weekday = (np.arange(FIRST_DAY, END_DAY) + 3) % 7  # 1970-01-01 was a Thursday
    deviation = usual * _WEEK[weekday] * np.exp(shared + own)
    shocks = coin.correlation * _day_shocks(seed, "BTC")
    if coin.correlation < 1.0:
        shocks += sqrt(1.0 - coin.correlation**2) * _day_shocks(seed, coin.name)
    away = _recursion(1.0 - _PULL_PER_DAY, deviation * shocks)
    return DailyPath(log(coin.usual_price) + np.append(0.0, away), deviation)


def deviation_of(pair: Pair, days: NDArray[np.int64]) -> Floats:
    """Standard deviation of the days' log returns."""
    base = daily_path(pair.seed, pair.base).deviation[days - FIRST_DAY]
    if pair.quote is None:
        return base
    quote = daily_path(pair.seed, pair.quote).deviation[days - FIRST_DAY]
    together: Floats = np.sqrt(base**2 + quote**2 - 2.0 * pair.correlation * base * quote)
    return together


def usual_deviation(pair: Pair) -> float:
    """What the deviation is around."""
    base = pair.base.annualized_volatility
    quote = pair.quote.annualized_volatility if pair.quote else 0.0
    return sqrt((base**2 + quote**2 - 2.0 * pair.correlation * base * quote) / 365)


@lru_cache(maxsize=4)
def _market_unrest(seed: int) -> tuple[Floats, float]:
    """What all coins' log volatility shares, (DAYS,), and its variance."""
    falls = -np.append(0.0, _day_shocks(seed, "BTC")[:-1])
    parts = []
    for name, (memory, deviation) in (("slow", _SLOW), ("quick", _QUICK)):
        news = sqrt(1.0 - _LEVERAGE**2) * normals(seed, f"{name} unrest", 0, DAYS)
        parts.append(_autoregression(memory, news + _LEVERAGE * falls, deviation))
    return parts[0] + parts[1], _SLOW[1] ** 2 + _QUICK[1] ** 2


def _day_shocks(seed: int, coin: str) -> Floats:
    return students(seed, f"{coin} days", 0, DAYS, degrees=_DEGREES_OF_FREEDOM)


def _autoregression(memory: float, news: Floats, deviation: float) -> Floats:
    """Of that standard deviation from the first value on."""
    scaled = deviation * sqrt(1.0 - memory**2) * news
    scaled[0] = deviation * news[0]
    return _recursion(memory, scaled)


def _recursion(memory: float, steps: Floats) -> Floats:
    """x_t = memory x_{t-1} + step_t, from 0."""
    path, value = [], 0.0
    for step in steps.tolist():
        value = memory * value + step
        path.append(value)
    return np.array(path)
