"""How a fitted model of volatility errs on the bars it was fitted on: residuals and tails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import numpy as np

from assay.market.bars import Bars
from assay.volatility.assessment import Measure
from assay.volatility.features import Features, features_of
from assay.volatility.forecast import log_forecasts
from assay.volatility.hours import DAY_HOURS, Positions, hours_of_days
from assay.volatility.model import Residuals, VolatilityModel
from assay.volatility.risk import LEVEL
from assay.volatility.rolling import Floats, lagged, trailing_sum

HOURLY_NODES: Final = (1, 4, 24, 72)
DAILY_NODES: Final = (168, 336, 720)
RESIDUAL_NODES: Final[dict[Measure, tuple[int, ...]]] = {
    "garman_klass": (1, 4, 24),
    "squared_returns": (24, 72, 168, 336, 720),
}
FIRST_HOURLY_ORIGIN = 960
FIRST_DAILY_ORIGIN = date(2018, 6, 1)
TAIL_QUANTILES = 401


def with_errors(model: VolatilityModel, hourly: Features, daily: Sequence[Bars]) -> VolatilityModel:
    """`model` with what is known of its residuals and tails on the bars that it was fitted on."""
    horizons = (*HOURLY_NODES, *DAILY_NODES)
    coins = [_daily_features(model, bars) for bars in daily]
    tails = [
        tail_shape(model, [hourly] if h < DAY_HOURS else [hourly, *coins], h) for h in horizons
    ]
    return replace(
        model,
        residuals={
            measure: _residuals(model, measure, nodes, hourly)
            for measure, nodes in RESIDUAL_NODES.items()
        },
        tail_hours=np.array(horizons, dtype=np.float64),
        tails=np.array(tails),
    )


def _daily_features(model: VolatilityModel, bars: Bars) -> Features:
    hours = hours_of_days(bars, model.season, share=model.daily_share, gap=model.gap)
    return features_of(hours, model)


def _residuals(
    model: VolatilityModel, measure: Measure, horizons: Sequence[int], features: Features
) -> Residuals:
    """Of hours alone at all horizons, since in service too realized variance is that of hours."""
    hours, rows = features.hours, _origins(features)
    values = hours.garman_klass if measure == "garman_klass" else hours.squared
    mean, deviation, threshold = [], [], []
    for horizon in horizons:
        realized = sum_ahead(values, horizon)[rows]
        seen = rows[realized > 0.0]
        log_realized = np.log(realized[realized > 0.0])
        e = log_realized - log_forecasts(model, features, horizon, seen)
        mean.append(e.mean())
        deviation.append(e.std())
        above = log_realized - features.level[seen] - np.log(horizon)
        threshold.append(np.quantile(above, LEVEL))
    columns = (horizons, mean, deviation, threshold)
    return Residuals(*(np.array(column, dtype=np.float64) for column in columns))


def _origins(features: Features) -> Positions:
    """Hours with enough behind them; of days their ends, from the first trusted one on."""
    hours = features.hours
    row = np.arange(len(hours))
    if hours.real.any():
        return np.flatnonzero(features.usable & (row >= FIRST_HOURLY_ORIGIN))
    since = np.datetime64(FIRST_DAILY_ORIGIN).astype("datetime64[D]").astype(int) * DAY_HOURS
    ends = (hours.open_hours + 1) % DAY_HOURS == 0
    return np.flatnonzero(features.usable & ends & (hours.open_hours >= since))


def tail_shape(model: VolatilityModel, series: Sequence[Features], horizon: int) -> Floats:
    """Quantiles of return / sqrt(forecast), made symmetric: no drift lasts.

    From a day on one a day, so that no series outweighs another that is as long. Of days the shape
    alone counts, brought to a mean square of one: sources differ in what a day's high and low are.
    """
    zeta = []
    for features in series:
        rows = _origins(features)
        if horizon >= DAY_HOURS:
            rows = rows[(features.hours.open_hours[rows] + 1) % DAY_HOURS == 0]
        moved = lagged(features.hours.log_close[::-1], horizon)[::-1][rows]
        moved = moved - features.hours.log_close[rows]
        found = moved / np.exp(0.5 * log_forecasts(model, features, horizon, rows))
        found = found[np.isfinite(found)]
        zeta.append(found if features.hours.real.any() else found / np.sqrt(np.mean(found**2)))
    both = np.concatenate([*zeta, *(-part for part in zeta)])
    levels = (np.arange(TAIL_QUANTILES) + 0.5) / TAIL_QUANTILES
    result: Floats = np.quantile(both, levels)
    return result


def sum_ahead(values: Floats, window: int) -> Floats:
    """The sum of the `window` rows after each, NaN near the end."""
    until = trailing_sum(values, window)
    return lagged(until[::-1], window)[::-1]
