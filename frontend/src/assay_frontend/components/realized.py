"""Volatility as it was: the square root of realized variance over past spans of the horizon.

Garman-Klass variance of a bar: (1/2) ln(high/low)^2 - (2 ln 2 - 1) ln(close/open)^2, never below
zero where open and close lie between low and high (Garman and Klass, 1980). Squared returns:
ln(close / previous close)^2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from assay_frontend.api.crypto_models import TimedBar
from assay_frontend.markets import DAY_MINUTES, MINUTES, CoinChoice

MOST_BARS = 5000
_LEAST_SHOWN, _SPANS_SHOWN = 240, 24
_GK_CLOSE = 2 * math.log(2) - 1


def past_bars(choice: CoinChoice) -> tuple[str, int]:
    """Which bars, and how many, show the past of `choice`: hourly ones, as realized volatility is
    measured on; the chosen ones where the horizon is no whole number of hours.
    """
    name = "1h" if choice.horizon_minutes % 60 == 0 else choice.timeframe
    window = choice.horizon_minutes // MINUTES[name]
    return name, min(MOST_BARS, window + 1 + max(_LEAST_SHOWN, _SPANS_SHOWN * window))


def measure_of(horizon_minutes: int) -> str:
    """Below a day a single span has too few returns to square."""
    return "squared_returns" if horizon_minutes >= DAY_MINUTES else "garman_klass"


def realized_path(
    bars: Sequence[TimedBar], *, bar_minutes: int, horizon_minutes: int, measure: str
) -> list[float | None]:
    """For each bar the volatility over the span of the horizon that ended with it.

    None where the bars do not reach back far enough without a gap.
    """
    window = horizon_minutes // bar_minutes
    step = timedelta(minutes=bar_minutes)
    squares = measure == "squared_returns"
    path: list[float | None] = []
    sums, unbroken = [0.0], 0  # running sums of variance, and how many bars of it have no gap
    previous: TimedBar | None = None
    for bar in bars:
        follows = previous is not None and bar.opened - previous.opened == step
        if previous is not None and follows:
            unbroken += 1
        else:
            unbroken = 0 if squares else 1
        variance = garman_klass(bar)
        if squares:
            variance = squared_return(previous, bar) if previous is not None and follows else 0.0
        sums.append(sums[-1] + variance)
        whole = unbroken >= window > 0
        path.append(math.sqrt(max(sums[-1] - sums[-1 - window], 0.0)) if whole else None)
        previous = bar
    return path


def garman_klass(bar: TimedBar) -> float:
    """A bar's variance of log prices."""
    wide, moved = math.log(bar.high / bar.low), math.log(bar.close / bar.open)
    return max(0.5 * wide * wide - _GK_CLOSE * moved * moved, 0.0)


def squared_return(previous: TimedBar, bar: TimedBar) -> float:
    """The same from two closes."""
    return math.log(bar.close / previous.close) ** 2
