"""Simulated bars divided into shorter ones, of which they are then made exactly.

The closes within a bar are a Brownian bridge about an uneven way from its open to its close, which
is the same for all coins: a jump is made in a part or two. What the shorter bars reach above the
higher of the two is stretched, or pressed, to the bar's high, and what they reach below to its low;
what lies between stays. The bar's lots are divided as business is.
"""

from __future__ import annotations

import numpy as np

from assay.market.bars import Bars, Floats
from assay.market.sources.simulation.chance import uniforms
from assay.market.sources.simulation.coins import Coin
from assay.market.sources.simulation.days import FIRST_DAY, Pair, daily_path, deviation_of
from assay.market.sources.simulation.draws import Rows, Span, business, extremes, shocks


def divided(pair: Pair, parents: Rows, parts: int) -> Rows:
    """Each parent's bars, `parts` of them."""
    span, bars = parents.span.divided(parts), parents.bars
    shares = np.repeat(parents.shares / parts, parts)
    deviations = deviation_of(pair, span.days) * np.sqrt(shares)
    moves = _moves(pair, span, shares).reshape(-1, parts)
    opens, closes = _bridge(bars, moves, _haste(pair.seed, span).reshape(-1, parts))
    high, low = (
        side.reshape(-1, parts)
        for side in extremes(pair, span, opens.ravel(), closes.ravel(), deviations)
    )
    busy = business(pair, span, (closes - opens).ravel(), deviations).reshape(-1, parts)
    fit = _Fit(bars, high, low)
    columns = (fit(opens), fit.high(), fit.low(), fit(closes), _portions(bars.volume, busy))
    return Rows(span, Bars(span.times, *(column.ravel() for column in columns)), shares)


def _moves(pair: Pair, span: Span, shares: Floats) -> Floats:
    """Log returns before they are tied to their parents' ends."""

    def of(coin: Coin) -> Floats:
        deviations = daily_path(pair.seed, coin).deviation[span.days - FIRST_DAY]
        return deviations * np.sqrt(shares) * shocks(pair.seed, coin, span)

    return of(pair.base) - of(pair.quote) if pair.quote else of(pair.base)


def _haste(seed: int, span: Span) -> Floats:
    """Exponential numbers, the same for all coins."""
    haste: Floats = -np.log(uniforms(seed, f"haste by {span.length_ms}", span.first, span.count))
    return haste


def _bridge(parents: Bars, moves: Floats, haste: Floats) -> tuple[Floats, Floats]:
    """Opens and closes, (parents, parts), from each parent's open to its close."""
    even = 1.0 / moves.shape[1]
    whole = (parents.close - parents.open)[:, None]
    # The parts' own moves come back evenly; the parent's move, which may be a jump, is made in
    # uneven parts.
    steps = moves - moves.sum(axis=1, keepdims=True) * even
    steps += whole * haste / haste.sum(axis=1, keepdims=True)
    closes = parents.open[:, None] + np.cumsum(steps, axis=1)
    closes[:, -1] = parents.close
    return np.column_stack([parents.open, closes[:, :-1]]), closes


class _Fit:
    """Maps prices within parents, (parents, parts), onto what the parents span."""

    def __init__(self, parents: Bars, high: Floats, low: Floats) -> None:
        self._parents, self._high, self._low = parents, high, low
        self._top = np.maximum(parents.open, parents.close)
        self._bottom = np.minimum(parents.open, parents.close)
        self._up = _ratio(parents.high - self._top, high.max(axis=1) - self._top)
        self._down = _ratio(self._bottom - parents.low, self._bottom - low.min(axis=1))

    def __call__(self, prices: Floats) -> Floats:
        top, bottom = self._top[:, None], self._bottom[:, None]
        higher = top + (prices - top) * self._up[:, None]
        lower = bottom - (bottom - prices) * self._down[:, None]
        inside: Floats = np.where(prices > top, higher, np.where(prices < bottom, lower, prices))
        return np.clip(inside, self._parents.low[:, None], self._parents.high[:, None])

    def high(self) -> Floats:
        """The highest of each parent's reaches the parent's high to the last bit."""
        fitted = self(self._high)
        np.put_along_axis(
            fitted, self._high.argmax(axis=1)[:, None], self._parents.high[:, None], axis=1
        )
        return fitted

    def low(self) -> Floats:
        """As `high`, below."""
        fitted = self(self._low)
        np.put_along_axis(
            fitted, self._low.argmin(axis=1)[:, None], self._parents.low[:, None], axis=1
        )
        return fitted


def _ratio(wanted: Floats, reached: Floats) -> Floats:
    """0 where nothing was reached."""
    return np.divide(wanted, reached, out=np.zeros_like(wanted), where=reached > 0)


def _portions(lots: Floats, weights: Floats) -> Floats:
    """Each parent's lots in whole portions, as near to `weights` as they come."""
    part = np.cumsum(weights, axis=1)
    until = np.floor(lots[:, None] * (part / part[:, -1:]))
    return np.diff(until, axis=1, prepend=0.0)
