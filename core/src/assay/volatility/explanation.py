"""Why the score is what it is: shares in log-odds that add up, and what its rival says."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt

import numpy as np

from assay.volatility.assessment import Contribution, Explanation
from assay.volatility.har import newest_har_ols
from assay.volatility.hours import Hours
from assay.volatility.model import measure_of
from assay.volatility.risk import BASE_RATE, LOGISTIC, log_odds
from assay.volatility.rolling import Floats

INPUTS = ("last_hour", "last_6_hours", "last_day", "last_week", "last_month", "fall_of_last_day")
CALENDAR, THRESHOLD, LIMITS = "calendar", "threshold_of_the_year", "limits"
HAR_OLS, MONTH_MEAN = "har_ols", "month_mean"
MONTH_HOURS = 720


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What a score was made of; `x` and `usual_x` (6,), the logs of variances.

    `usual_…` are means over the past year. `weights` are b without b0.
    """

    x: Floats
    usual_x: Floats
    weights: Floats
    log_season: float
    usual_log_season: float
    log_threshold: float
    deviation: float
    risk_score: float
    raw_log_odds: float


def explain(
    parts: Parts, *, threshold_volatility: float, benchmark: str, benchmark_volatility: float
) -> Explanation:
    """Log-odds(score) = log-odds(.2) + inputs' shares + calendar + threshold + limits, exactly.

    An input's share is k b (x - its usual)/sigma, the calendar's k (ln S - its usual)/sigma, with
    k = 1.8138; the year's threshold has what an hour as usual would score; `limits` is what
    bounding the score, a lack of history or a longer horizon's floor took or gave.
    """
    scale = LOGISTIC / parts.deviation
    effects = scale * parts.weights * (parts.x - parts.usual_x)
    calendar = scale * (parts.log_season - parts.usual_log_season)
    base = float(log_odds(np.array(BASE_RATE)))
    threshold = parts.raw_log_odds - base - float(effects.sum()) - calendar
    score = float(log_odds(np.array(parts.risk_score)))
    shares = [
        *zip(INPUTS, parts.x.tolist(), effects.tolist(), strict=True),
        (CALENDAR, parts.log_season, calendar),
        (THRESHOLD, threshold_volatility, threshold),
        (LIMITS, parts.risk_score, score - parts.raw_log_odds),
    ]
    return Explanation(
        base_log_odds=base,
        contributions=tuple(Contribution(*share) for share in shares),
        benchmark=benchmark,
        benchmark_volatility=benchmark_volatility,
    )


def benchmark_of(hours: Hours, horizon: int) -> tuple[str, float]:
    """The name and the forecast volatility over `horizon` hours of whom the model is judged by:
    HAR-OLS (`assay.volatility.har`), or the month's mean where there is too little to fit it on.
    """
    measure = measure_of(horizon)
    variance = newest_har_ols(hours, horizon, measure)
    if isfinite(variance):
        return HAR_OLS, sqrt(max(variance, 0.0))
    values = hours.garman_klass if measure == "garman_klass" else hours.squared
    month = slice(-MONTH_HOURS, None)
    mean = values[month].sum() / max(np.count_nonzero(hours.known[month]), 1)
    return MONTH_MEAN, sqrt(max(float(mean), 0.0) * horizon)
