"""What bars of every length are drawn with: their shocks, their extremes and their volume.

Shocks are Student-t of 4 degrees and unit variance, correlated as the days' are. High and low are
the extremes of a Brownian bridge from open to close. Volume follows the deviation, the size of the
move and chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from assay.market.bars import Bars, Floats
from assay.market.sources.simulation.chance import normals, students, uniforms
from assay.market.sources.simulation.coins import Coin
from assay.market.sources.simulation.days import Pair
from assay.market.timeframes import DAY_MS, Stamps

_DEGREES_OF_FREEDOM = 4.0
_CHANCE_OF_VOLUME = 0.5


@dataclass(frozen=True, slots=True)
class Span:
    """The bars from `first` on, by their count since 1970."""

    first: int
    count: int
    length_ms: int

    @property
    def times(self) -> Stamps:
        """The bars' opens."""
        counts = np.arange(self.first, self.first + self.count)
        return (counts * self.length_ms).astype("datetime64[ms]")

    @property
    def days(self) -> NDArray[np.int64]:
        """The days since 1970 that the bars fall into."""
        found: NDArray[np.int64] = self.times.astype("int64") // DAY_MS
        return found

    def divided(self, parts: int) -> Span:
        """Bars of a part of the length, in the same time."""
        return Span(self.first * parts, self.count * parts, self.length_ms // parts)


@dataclass(frozen=True, slots=True)
class Rows:
    """Bars with logarithms for prices and lots for volumes, and their `shares` of the variance of
    the day they are in, (n,).
    """

    span: Span
    bars: Bars
    shares: Floats

    def between(self, first: int, end: int) -> Rows:
        """The bars from one count up to another."""
        kept = slice(first - self.span.first, end - self.span.first)
        span = Span(first, end - first, self.span.length_ms)
        return Rows(span, self.bars.take(kept), self.shares[kept])


def shocks(seed: int, coin: Coin, span: Span) -> Floats:
    """One a bar, of unit variance."""

    def drawn(name: str) -> Floats:
        stream = f"{name} by {span.length_ms}"
        return students(seed, stream, span.first, span.count, degrees=_DEGREES_OF_FREEDOM)

    of_market = coin.correlation * drawn("BTC")
    if coin.correlation == 1.0:
        return of_market
    return of_market + sqrt(1.0 - coin.correlation**2) * drawn(coin.name)


def extremes(
    pair: Pair, span: Span, opens: Floats, closes: Floats, deviations: Floats
) -> tuple[Floats, Floats]:
    """High and low of bars whose log returns have those standard deviations."""
    stream = f"{pair.name} extremes by {span.length_ms}"
    above, below = uniforms(pair.seed, stream, 2 * span.first, 2 * span.count).reshape(-1, 2).T
    moves, variances = closes - opens, deviations**2
    up = np.sqrt(moves**2 - 2.0 * variances * np.log(above))
    down = np.sqrt(moves**2 - 2.0 * variances * np.log(below))
    high = np.maximum(opens + (moves + up) / 2.0, np.maximum(opens, closes))
    low = np.minimum(opens + (moves - down) / 2.0, np.minimum(opens, closes))
    return high, low


def business(pair: Pair, span: Span, moves: Floats, deviations: Floats) -> Floats:
    """How much more or less is traded than the deviation lets expect; of mean about 1."""
    stream = f"{pair.name} business by {span.length_ms}"
    chance = normals(pair.seed, stream, span.first, span.count)
    lively = 0.5 + 0.7 * np.abs(moves) / deviations
    found: Floats = lively * np.exp(_CHANCE_OF_VOLUME * chance - _CHANCE_OF_VOLUME**2 / 2.0)
    return found
