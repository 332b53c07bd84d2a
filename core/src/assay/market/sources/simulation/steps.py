"""The simulated bars of five minutes: a walk from midnight to midnight.

Closes are a Brownian bridge in a time that runs unevenly: step k has the share

    q_k = p_k exp(2 (n_k + m_k)) / 288,  over the exponential's mean

of its day's variance. p is the hour of the day's profile, highest about 15:00 UTC; n and m are
lines between normal knots an hour and six hours apart, the same for all coins, so that volatility
clusters within the day too. A coin in BTC is the difference of two coins' walks.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from assay.market.bars import Bars, Floats
from assay.market.sources.simulation.chance import normals
from assay.market.sources.simulation.coins import LOTS_A_DAY, Coin
from assay.market.sources.simulation.days import (
    FIRST_DAY,
    Pair,
    daily_path,
    deviation_of,
    usual_deviation,
)
from assay.market.sources.simulation.draws import Rows, Span, business, extremes, shocks
from assay.market.timeframes import DAY_MS

STEPS: Final = 288
_STEP_MS: Final = DAY_MS // STEPS
_UNREST = ((12, 0.30), (72, 0.25))  # steps between knots, and the knots' standard deviation


def five_minutes(pair: Pair, first_day: int, end_day: int) -> Rows:
    """All bars of those days, given by their count since 1970."""
    span = Span(first_day * STEPS, (end_day - first_day) * STEPS, _STEP_MS)
    shares = _shares(pair.seed, span)
    closes = _walk(pair.seed, pair.base, span, shares)
    if pair.quote:
        closes = closes - _walk(pair.seed, pair.quote, span, shares)
    opens, closes = closes[:-1], closes[1:]
    of_day = deviation_of(pair, span.days)
    deviations = of_day * np.sqrt(shares)
    high, low = extremes(pair, span, opens, closes, deviations)
    unrest = of_day / usual_deviation(pair) * np.sqrt(STEPS * shares)
    busy = unrest * business(pair, span, closes - opens, deviations)
    lots = np.rint(LOTS_A_DAY / STEPS * busy)
    return Rows(span, Bars(span.times, opens, high, low, closes, lots), shares)


def _shares(seed: int, span: Span) -> Floats:
    """Each step's share of its day's variance, (n,)."""
    unrest, variance = np.zeros(span.count), 0.0
    for apart, deviation in _UNREST:
        knots = normals(seed, f"unrest by {apart}", span.first // apart, span.count // apart + 1)
        way = np.arange(apart) / apart
        lines = knots[:-1, None] * (1.0 - way) + knots[1:, None] * way
        unrest += deviation * lines.ravel()
        variance += deviation**2 * float(np.mean((1.0 - way) ** 2 + way**2))
    hours = np.tile(_profile(), span.count // STEPS)
    shares: Floats = hours * np.exp(2.0 * unrest - 2.0 * variance) / STEPS
    return shares


@cache
def _profile() -> Floats:
    """The hour of the day's part in a step's variance, (STEPS,), of mean 1."""
    turn = 2.0 * np.pi * (np.arange(STEPS) + 0.5) / STEPS
    hour = 2.0 * np.pi / 24
    profile = np.exp(0.45 * np.cos(turn - 15.0 * hour) + 0.2 * np.cos(2.0 * (turn - 14.5 * hour)))
    scaled: Floats = profile / np.mean(profile)
    return scaled


def _walk(seed: int, coin: Coin, span: Span, shares: Floats) -> Floats:
    """Logarithms of the price in dollars at the first open and at each close, (n + 1,)."""
    path, at = daily_path(seed, coin), span.first // STEPS - FIRST_DAY
    midnights = path.level[at : at + span.count // STEPS + 1]
    of_day = shares.reshape(-1, STEPS)
    moves = shocks(seed, coin, span).reshape(-1, STEPS) * np.sqrt(of_day)
    moves *= path.deviation[at : at + len(moves), None]
    left = np.diff(midnights) - moves.sum(axis=1)
    moves += (left / of_day.sum(axis=1))[:, None] * of_day
    closes = midnights[:-1, None] + np.cumsum(moves, axis=1)
    closes[:, -1] = midnights[1:]
    return np.append(midnights[0], closes)
