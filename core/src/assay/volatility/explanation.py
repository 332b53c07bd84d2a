"""Why the score is what it is: shares in log-odds that add up, and what HAR-OLS would have said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.volatility.assessment import Contribution, Explanation
from assay.volatility.hours import DAY_HOURS, Hours
from assay.volatility.model import measure_of
from assay.volatility.risk import BASE_RATE, LOGISTIC, log_odds
from assay.volatility.rolling import Floats, lagged, trailing_sum

INPUTS = ("last_hour", "last_6_hours", "last_day", "last_week", "last_month", "fall_of_last_day")
CALENDAR, THRESHOLD, LIMITS = "calendar", "threshold_of_the_year", "limits"
BENCHMARK = "har_ols"
_HAR_WINDOWS = (24, 168, 720)
_LEAST_HAR_ROWS = 60


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
    parts: Parts, *, threshold_volatility: float, benchmark_volatility: float
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
        benchmark=BENCHMARK,
        benchmark_volatility=benchmark_volatility,
    )


def har_ols_volatility(hours: Hours, realized: Floats, horizon: int) -> float:
    """HAR-OLS (Corsi 2009) at the last row: the root of its forecast variance over `horizon` hours.

    `realized` (n,) is that of the window up to each row. Regressed on the mean hourly variance of
    the last day, week and month, at the origin's hour of the day; floored at the smallest training
    value. With under 60 such windows it is the month's mean.
    """
    intraday = measure_of(horizon) == "garman_klass"
    variance = hours.garman_klass if intraday else hours.squared
    counts = hours.known.astype(np.float64)
    rows = np.arange((len(hours) - 1) % DAY_HOURS, len(hours), DAY_HOURS)
    design = np.ones((len(rows), len(_HAR_WINDOWS) + 1))
    for column, window in enumerate(_HAR_WINDOWS, start=1):
        mean = trailing_sum(variance, window) / np.maximum(trailing_sum(counts, window), 1.0)
        design[:, column] = np.maximum(mean[rows], 0.0) * horizon
    target = lagged(realized[::-1], horizon)[::-1][rows]
    seen = np.isfinite(target) & (rows >= _HAR_WINDOWS[-1] - 1) & hours.known[rows]
    if np.count_nonzero(seen) < _LEAST_HAR_ROWS:
        return float(np.sqrt(design[-1, -1]))
    b, *_ = np.linalg.lstsq(design[seen], target[seen], rcond=None)
    return float(np.sqrt(max(float(design[-1] @ b), float(target[seen].min()), 0.0)))
