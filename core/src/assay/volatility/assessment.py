"""What is said of a coin at one origin: volatility, risk, tails, regime, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Regime = Literal["calm", "normal", "turbulent"]
Measure = Literal["garman_klass", "squared_returns"]

REGIMES: Final[tuple[Regime, ...]] = ("calm", "normal", "turbulent")
CONFIDENCES: Final = (0.95, 0.99)

# What was done without, and what stands in for it; all but the marked (*) widen the interval of
# volatility, and never the losses.
Fallback = Literal[
    "short_history",  # fewer hourly bars than a year: running levels lean on the model's
    "season_of_model",  # under four weeks: the hour-of-week profile is the model's alone
    "daily_bars",  # no, or hardly any, hourly bars: daily ones stand for them
    "no_threshold",  # (*) less than a year for the 80th percentile: the score is halved to .2
    "gaps",  # a tenth or more of the newest 30 days' bars are missing
    "no_movement",  # prices stood still: the floor of the model speaks
    "no_volume",  # prices moved, mostly without a trade: a broken or made-up market
    "no_regime",  # (*) under 30 days of forecasts: regime and percentile say nothing
    "stale",  # newer bars are overdue, or the time it speaks of is over
]


@dataclass(frozen=True, slots=True)
class Contribution:
    """One input's share of the score's distance from its base rate, in log-odds."""

    name: str
    value: float
    effect: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """log-odds(risk score) = `base_log_odds` + the sum of all effects, exactly."""

    base_log_odds: float
    contributions: tuple[Contribution, ...]
    benchmark: str
    benchmark_volatility: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """A coin's next `horizon_minutes`, from the bars closed at or before `origin`.

    Volatilities are standard deviations of log returns: `volatility` over the horizon, its 80 %
    prediction interval `lower` to `upper`, and `annualized` = `volatility` times the root of the
    horizons in 365 days. `percentile` is its rank, 0 to 1, among the past year's forecasts. With
    the fallback `no_regime` it and `vol_regime` stand for nothing.

    `risk_score` is the probability that realized volatility over the horizon, measured as `measure`
    says, ends above `threshold_volatility`, its 80th percentile of the past year.

    `value_at_risk` and `expected_shortfall` are positive fractions of the price lost.
    `tail_loss_probability` is that of a log return below `tail_loss_return`, the 5 % quantile of
    the past year's returns over that horizon.
    """

    origin: datetime
    horizon_minutes: int
    volatility: float
    annualized: float
    percentile: float
    lower: float
    upper: float
    measure: Measure
    risk_score: float
    threshold_volatility: float
    vol_regime: Regime
    value_at_risk: Mapping[float, float]
    expected_shortfall: Mapping[float, float]
    tail_loss_probability: float
    tail_loss_return: float
    fallbacks: tuple[Fallback, ...]
    explanation: Explanation
    hours_used: int
