"""The model along all past hours, each row knowing bars closed by then only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.errors import TooLittleHistory
from assay.market.bars import Bars
from assay.volatility.features import LEAST_HOURS, features_of
from assay.volatility.hours import Hours, hours_of
from assay.volatility.model import LONGEST_HOURS, VolatilityModel
from assay.volatility.past import Past, midnights_until
from assay.volatility.regime import regimes_of
from assay.volatility.risk import LOGISTIC, log_threshold, scores
from assay.volatility.rolling import Floats, lagged
from assay.volatility.tails import price_loss, tail_quantiles

# With less of a year to take the 80th percentile of, a past row has no threshold and no score.
LEAST_SHARE = 60 / 365


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """One row for each hourly bar, arrays of shape (n,), NaN or -1 where it is not known.

    `time` (datetime64[ms]) is the bar's close, the origin; `variance` the forecast over the
    horizon; `realized` what it came to and `log_return` the price's move, NaN near the end;
    `threshold` the 80th percentile of the past year's realized variance, blended with what training
    suggests until there is a year, and `risk_score` the probability of ending above it. Value at
    risk and expected shortfall are fractions of the price lost; -ln(1 - v) makes log returns of
    them. `regime` is 0 calm, 1 normal, 2 turbulent.
    """

    time: NDArray[np.datetime64]
    close: Floats
    variance: Floats
    realized: Floats
    threshold: Floats
    risk_score: Floats
    value_at_risk_95: Floats
    value_at_risk_99: Floats
    expected_shortfall_95: Floats
    expected_shortfall_99: Floats
    regime: NDArray[np.int8]
    log_return: Floats

    def __len__(self) -> int:
        return len(self.time)


def walk(model: VolatilityModel, hourly: Bars, *, horizon_hours: int) -> Walk:
    """Forecasts over `horizon_hours` at every bar's close, as `CoinState` would have given them.

    Raises ValueError for a horizon outside 1 to 720, TooLittleHistory below 50 bars.
    """
    if not 1 <= horizon_hours <= LONGEST_HOURS:
        raise ValueError(f"horizon {horizon_hours} is not within 1 and {LONGEST_HOURS} hours")
    if len(hourly) < LEAST_HOURS:
        raise TooLittleHistory(
            f"volatility needs {LEAST_HOURS} hourly bars, there are {len(hourly)}",
            needed=LEAST_HOURS,
            available=len(hourly),
        )
    hours = hours_of(hourly)
    features = features_of(hours, model)
    past = Past(model, features, horizon_hours)
    rows = hours.bars
    threshold, share = _thresholds(past)
    mean, deviation = past.residuals
    raw = LOGISTIC * (past.log_forecast + mean - threshold) / deviation
    risk = np.where(np.isfinite(threshold), scores(raw, share), np.nan)
    losses = _losses(past, hours)
    return Walk(
        time=hours.close_time[rows],
        close=hourly.close,
        variance=np.exp(past.log_forecast)[rows],
        realized=_ahead(past.realized, horizon_hours)[rows],
        threshold=np.exp(threshold)[rows],
        risk_score=risk[rows],
        value_at_risk_95=losses[0][rows],
        value_at_risk_99=losses[1][rows],
        expected_shortfall_95=losses[2][rows],
        expected_shortfall_99=losses[3][rows],
        regime=regimes_of(model, features)[rows],
        log_return=_ahead(past.returns, horizon_hours)[rows],
    )


def _ahead(until: Floats, horizon: int) -> Floats:
    """What is known at the window's end, at its beginning."""
    return lagged(until[::-1], horizon)[::-1]


def _thresholds(past: Past) -> tuple[Floats, Floats]:
    own, share = past.thresholds()
    blended = log_threshold(own, share, past.prior_threshold)
    known = (share >= LEAST_SHARE) & past.features.usable
    return np.where(known, blended, np.nan), share


def _losses(past: Past, hours: Hours) -> tuple[Floats, Floats, Floats, Floats]:
    """VaR at 95 and 99 %, then expected shortfall at both."""
    quantiles, shortfalls = tail_quantiles(past.tail_masses())
    refresh = midnights_until(hours)
    scale = np.exp(0.5 * past.log_forecast)[:, None]
    var = price_loss(scale * quantiles[refresh])
    shortfall = price_loss(scale * shortfalls[refresh])
    return var[:, 0], var[:, 1], shortfall[:, 0], shortfall[:, 1]
