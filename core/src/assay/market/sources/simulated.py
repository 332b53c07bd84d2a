"""A seeded market for where no real one answers: gold and the S&P 500, believable and false.

Each market's daily log return is a GJR-GARCH(1,1) with Student-t shocks, one from the last close to
the open and one from the open to the close; the gap is wider after days off. A pull with a
half-life of three years towards a straight line in the logarithm keeps every seed at believable
levels; it explains less than a thousandth of a day's variance. Shocks belong to calendar days, so
the bar of a session is the same whenever it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from assay.clock import Clock
from assay.market.bars import Bars, CheckedBars, Floats
from assay.market.keys import SIMULATED
from assay.market.sources.base import since
from assay.market.symbols import GOLD, SP500, daily_symbol

FIRST_SESSION = date(2000, 8, 30)

_CORRELATION = 0.15
_DEGREES_OF_FREEDOM = 5.0
_WIDER_GAP_PER_DAY_OFF = 0.5  # of the gap's variance
_PULL_PER_SESSION = log(2.0) / (3 * 252)
_TREND_DAYS = (date(2026, 6, 30) - FIRST_SESSION).days


@dataclass(frozen=True, slots=True)
class _Market:
    """A trend from one price to another, and the variance around it (daily, of log returns)."""

    first_price: float
    last_price: float
    variance: float
    alpha: float
    gamma: float
    beta: float
    gap_share: float
    tick: float
    typical_volume: float
    column: int


_SP500 = _Market(1503.0, 6500.0, 0.0115**2, 0.02, 0.12, 0.90, 0.15, 0.01, 3.6e9, column=0)
_GOLD = _Market(274.0, 4200.0, 0.0105**2, 0.04, 0.0, 0.945, 0.35, 0.1, 250.0, column=1)
_MARKETS = {GOLD.name: _GOLD, SP500.name: _SP500}


@dataclass(frozen=True, slots=True)
class _Shocks:
    """A row for each calendar day from `FIRST_SESSION`, a column for each market: (days, 2)."""

    gap: Floats  # Student-t of unit variance
    move: Floats  # the same
    above: Floats  # uniform in (0, 1]
    below: Floats  # the same
    volume: Floats  # standard normal


@dataclass(frozen=True, slots=True)
class _Path:
    """Log prices of the sessions, and the variance each session was expected to have: (n,)."""

    opens: Floats
    closes: Floats
    variances: Floats


@dataclass(frozen=True, slots=True)
class SimulatedSource:
    """The seeded market up to the last session that has closed by `clock`."""

    clock: Clock
    seed: int = 4
    name: str = SIMULATED

    def fetch(self, symbol: str, *, start: date, deadline_seconds: float) -> CheckedBars:
        calendar = daily_symbol(symbol).calendar
        closed = _history(self.seed, symbol).until(calendar.last_closed(self.clock.now()))
        return since(CheckedBars(closed, rows=len(closed)), start)


@lru_cache(maxsize=8)
def _history(seed: int, symbol: str) -> Bars:
    """Every session of the calendar, also the coming ones: nothing depends on when it is asked."""
    market, calendar = _MARKETS[symbol], daily_symbol(symbol).calendar
    sessions = calendar.between(FIRST_SESSION, calendar.last_known)
    days = (sessions - np.datetime64(FIRST_SESSION)).astype(np.int64)
    shocks = _shocks(seed, days=(calendar.last_known - FIRST_SESSION).days + 1)
    path = _path(market, shocks, days)
    high, low = _extremes(market, shocks, days, path)
    opens, highs, lows, closes = (
        _on_tick(log_price, market.tick) for log_price in (path.opens, high, low, path.closes)
    )
    return Bars(
        time=sessions.astype("datetime64[ms]"),
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=_volumes(market, shocks, days, path),
    )


def _shocks(seed: int, *, days: int) -> _Shocks:
    # A generator for each kind, filled row by row: more days never change the earlier ones.
    of_returns, of_extremes, of_volume = (
        np.random.default_rng(sequence) for sequence in np.random.SeedSequence(seed).spawn(3)
    )
    unit = sqrt((_DEGREES_OF_FREEDOM - 2.0) / _DEGREES_OF_FREEDOM)
    returns = unit * of_returns.standard_t(_DEGREES_OF_FREEDOM, size=(days, 2, 2))
    own = sqrt(1.0 - _CORRELATION**2)
    returns[..., _GOLD.column] *= own
    returns[..., _GOLD.column] += _CORRELATION * returns[..., _SP500.column]
    extremes = 1.0 - of_extremes.random(size=(days, 2, 2))
    return _Shocks(
        gap=returns[:, 0],
        move=returns[:, 1],
        above=extremes[:, 0],
        below=extremes[:, 1],
        volume=of_volume.standard_normal(size=(days, 2)),
    )


def _path(market: _Market, shocks: _Shocks, days: NDArray[np.int64]) -> _Path:
    omega = market.variance * (1.0 - market.alpha - market.gamma / 2.0 - market.beta)
    start, slope = log(market.first_price), log(market.last_price / market.first_price)
    trend = (start + slope * days / _TREND_DAYS).tolist()
    width = market.gap_share * (
        1.0 + _WIDER_GAP_PER_DAY_OFF * (np.diff(days, prepend=days[0] - 1) - 1)
    )
    gaps = (np.sqrt(width) * shocks.gap[days, market.column]).tolist()
    moves = (sqrt(1.0 - market.gap_share) * shocks.move[days, market.column]).tolist()
    usual = (width + 1.0 - market.gap_share).tolist()
    level, variance = trend[0], market.variance
    path = np.empty((len(days), 3))
    for row, (gap, move) in enumerate(zip(gaps, moves, strict=True)):
        deviation = sqrt(variance)
        pulled = level + (trend[row] - trend[row - 1] if row else 0.0)
        pulled += _PULL_PER_SESSION * (trend[row] - pulled)
        opened = pulled + deviation * gap
        level = opened + deviation * move
        path[row] = opened, level, variance
        leverage = market.gamma if gap + move < 0.0 else 0.0
        squared = variance * (gap + move) ** 2 / usual[row]
        variance = omega + (market.alpha + leverage) * squared + market.beta * variance
    return _Path(*path.T.copy())


def _extremes(
    market: _Market, shocks: _Shocks, days: NDArray[np.int64], path: _Path
) -> tuple[Floats, Floats]:
    """Log high and low: the extremes of a Brownian bridge from the open to the close."""
    move = path.closes - path.opens
    spread = -2.0 * (1.0 - market.gap_share) * path.variances
    up = spread * np.log(shocks.above[days, market.column])
    down = spread * np.log(shocks.below[days, market.column])
    high = path.opens + (move + np.sqrt(move**2 + up)) / 2.0
    low = path.opens + (move - np.sqrt(move**2 + down)) / 2.0
    return high, low


def _volumes(market: _Market, shocks: _Shocks, days: NDArray[np.int64], path: _Path) -> Floats:
    """Busier when volatile."""
    unrest = np.log(path.variances / market.variance) / 2.0
    volume: Floats = np.ceil(
        market.typical_volume * np.exp(0.3 * shocks.volume[days, market.column] + unrest)
    )
    return volume


def _on_tick(log_prices: Floats, tick: float) -> Floats:
    prices: Floats = np.round(np.maximum(np.round(np.exp(log_prices) / tick), 1.0) * tick, 2)
    return prices
