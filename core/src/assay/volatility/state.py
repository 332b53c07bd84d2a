"""A coin at its newest hourly close: the heavy part made once, then any horizon in microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from math import exp, sqrt
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from assay.errors import TooLittleHistory
from assay.market.bars import Bars
from assay.volatility.assessment import CONFIDENCES, REGIMES, Assessment, Fallback, Regime
from assay.volatility.explanation import Parts, benchmark_of, explain
from assay.volatility.features import LEAST_HOURS, Features, features_of
from assay.volatility.hours import DAY_HOURS, YEAR_HOURS, Hours, hours_of, hours_of_days, joined
from assay.volatility.model import LONGEST_HOURS, VolatilityModel, measure_of
from assay.volatility.past import LEAST_KNOWN_SHARE, Past
from assay.volatility.regime import NORMAL, UNKNOWN, newest_regime
from assay.volatility.risk import (
    ENOUGH_SHARE,
    LOGISTIC,
    log_threshold,
    scores,
)
from assay.volatility.rolling import Floats
from assay.volatility.season import Seasons
from assay.volatility.tails import price_loss, probability_below, tail_quantiles

LONGEST_MINUTES: Final = LONGEST_HOURS * 60
HISTORY_HOURS: Final = 730 * DAY_HOURS
_RECENT_HOURS = 720
_GAPS_SHARE = 0.1
_INNER_80 = 1.2816
_TAIL = 0.05
# How much wider, in logs, each thing done without makes the residuals; docs/adr/0011.
_WIDER: Final[Mapping[Fallback, float]] = {
    "short_history": 1.1,
    "season_of_model": 1.05,
    "daily_bars": 1.05,
    "gaps": 1.1,
    "no_movement": 1.5,
    "no_volume": 1.1,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Horizon:
    """What a whole number of hours ahead needs of the past; variances in logs."""

    hours: int
    parts: Parts
    log_forecast: float
    mean: float
    percentile: float
    full_year: bool
    tails: tuple[tuple[float, float], ...]
    mass: Floats
    tail_return: float
    benchmark: tuple[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class CoinState:
    """A coin seen at `origin`, the close of its newest hourly bar.

    Kept between requests: the first `assess` over a horizon takes milliseconds, later ones none.
    """

    origin: datetime
    model: VolatilityModel
    features: Features
    regime: Regime
    fallbacks: tuple[Fallback, ...]
    hours_used: int
    _horizons: dict[int, _Horizon] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, model: VolatilityModel, hourly: Bars, daily: Bars | None = None) -> Self:
        """From closed bars, oldest first; `daily` ones stand in before the first hourly one.

        Raises TooLittleHistory where there are under 50 of either kind.
        """
        hours = _grid(model, hourly, daily)
        features = features_of(hours, model)
        regime = newest_regime(model, features)
        fallbacks = _fallbacks(features)
        if _untraded(hourly if len(hourly) or daily is None else daily):
            fallbacks = (*fallbacks, "no_volume")
        if regime == UNKNOWN:
            fallbacks = (*fallbacks, "no_regime")
        return cls(
            origin=hours.close_time[-1].item().replace(tzinfo=UTC),
            model=model,
            features=features,
            regime=REGIMES[NORMAL if regime == UNKNOWN else regime],
            fallbacks=fallbacks,
            hours_used=len(hourly),
        )

    def assess(self, horizon_minutes: int) -> Assessment:
        """The coming `horizon_minutes`, 1 to 43,200; ValueError for others.

        Below an hour and between hours variance is linear in time; all else is as over the whole
        hours within, at least one.
        """
        if not 1 <= horizon_minutes <= LONGEST_MINUTES:
            raise ValueError(f"horizon {horizon_minutes} is not within 1 and {LONGEST_MINUTES}")
        whole, minutes = divmod(horizon_minutes, 60)
        found = self._horizon(max(whole, 1))
        variance = exp(found.log_forecast)
        if whole == 0:
            variance *= minutes / 60
        elif minutes:
            variance += (exp(self._horizon(whole + 1).log_forecast) - variance) * minutes / 60
        return self._assessment(horizon_minutes, found, variance)

    def prepare(self, *horizon_minutes: int) -> None:
        """Does the first work of `assess` for these horizons now."""
        for minutes in horizon_minutes:
            self.assess(minutes)

    @property
    def nbytes(self) -> int:
        """What its arrays take in memory: 2.2 MB for two years of hours."""
        of = (self.features, self.features.hours, self.features.seasons)
        columns = [value for each in of for value in _columns_of(each)]
        return sum(column.nbytes for column in columns)

    def _horizon(self, hours: int) -> _Horizon:
        found = self._horizons.get(hours)
        if found is None:
            found = self._horizons[hours] = _horizon(self.model, self.features, hours)
        return found

    def _assessment(self, minutes: int, found: _Horizon, variance: float) -> Assessment:
        volatility = sqrt(variance)
        part = volatility / exp(0.5 * found.log_forecast)
        threshold = part * exp(0.5 * found.parts.log_threshold)
        fallbacks = self.fallbacks if found.full_year else (*self.fallbacks, "no_threshold")
        spread = found.parts.deviation
        for fallback in fallbacks:
            spread *= _WIDER.get(fallback, 1.0)
        centre = volatility * exp(0.5 * found.mean)
        reach = exp(0.5 * _INNER_80 * spread)
        tail_return = part * found.tail_return
        rival, rival_volatility = found.benchmark
        return Assessment(
            origin=self.origin,
            horizon_minutes=minutes,
            volatility=volatility,
            annualized=volatility * sqrt(YEAR_HOURS * 60 / minutes),
            percentile=found.percentile,
            lower=min(centre / reach, volatility),
            upper=max(centre * reach, volatility),
            measure=measure_of(found.hours),
            risk_score=found.parts.risk_score,
            threshold_volatility=threshold,
            vol_regime=self.regime,
            value_at_risk=_losses(volatility, [quantile for quantile, _ in found.tails]),
            expected_shortfall=_losses(volatility, [mean for _, mean in found.tails]),
            tail_loss_probability=probability_below(found.mass, tail_return / volatility),
            tail_loss_return=tail_return,
            fallbacks=fallbacks,
            explanation=explain(
                found.parts,
                threshold_volatility=threshold,
                benchmark=rival,
                benchmark_volatility=part * rival_volatility,
            ),
            hours_used=self.hours_used,
        )


def _columns_of(of: Features | Hours | Seasons) -> list[NDArray[Any]]:
    values = (getattr(of, item.name) for item in fields(of))
    return [value for value in values if isinstance(value, np.ndarray)]


def _losses(volatility: float, tails: list[float]) -> dict[float, float]:
    losses = price_loss(volatility * np.array(tails))
    return dict(zip(CONFIDENCES, losses.tolist(), strict=True))


def _grid(model: VolatilityModel, hourly: Bars, daily: Bars | None) -> Hours:
    """The hourly bars' grid, with days in front of it where they are few."""
    days = 0 if daily is None else len(daily)
    if len(hourly) < LEAST_HOURS and days < LEAST_HOURS:
        raise TooLittleHistory(
            f"a volatility forecast needs {LEAST_HOURS} hourly or daily bars, there are "
            f"{len(hourly)} and {days}",
            needed=LEAST_HOURS,
            available=max(len(hourly), days),
        )
    hours = hours_of(hourly)
    if daily is None or not days:
        return hours
    earlier = daily
    if len(hours):
        day = daily.session.astype(np.int64)
        begins = -(-(hours.first + len(hours) - HISTORY_HOURS) // DAY_HOURS)
        earlier = daily.take((day >= begins) & ((day + 1) * DAY_HOURS <= hours.first))
    else:
        earlier = daily.take(slice(-HISTORY_HOURS // DAY_HOURS, None))
    if not len(earlier):
        return hours
    spread = hours_of_days(earlier, model.season, share=model.daily_share, gap=model.gap)
    return joined(spread, hours) if len(hours) else spread


def _fallbacks(features: Features) -> tuple[Fallback, ...]:
    """What was done without, whatever the horizon."""
    hours = features.hours
    recent = slice(-_RECENT_HOURS, None)
    real = int(np.count_nonzero(hours.real[-YEAR_HOURS:]))
    begun = int(np.argmax(hours.known))
    newest = hours.known[max(begun, len(hours) - _RECENT_HOURS) :]
    day = slice(-DAY_HOURS, None)
    still = not (hours.garman_klass[day].any() or hours.squared[day].any())
    found: dict[Fallback, bool] = {
        "short_history": real < LEAST_KNOWN_SHARE * YEAR_HOURS,
        "season_of_model": bool(features.seasons.own[features.seasons.version[-1]] == 0.0),
        "daily_bars": bool((hours.known[recent] & ~hours.real[recent]).any()),
        "gaps": bool(1.0 - newest.mean() >= _GAPS_SHARE),
        "no_movement": still,
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _untraded(bars: Bars) -> bool:
    """Whether most of the newest bars whose prices moved have no volume."""
    newest = slice(-_RECENT_HOURS, None)
    moved = bars.high[newest] > bars.low[newest]
    without = moved & ~(bars.volume[newest] > 0.0)
    return bool(2 * np.count_nonzero(without) > np.count_nonzero(moved))


def _horizon(model: VolatilityModel, features: Features, horizon: int) -> _Horizon:
    past = Past(model, features, horizon)
    forecasts, season = past.log_forecast[-YEAR_HOURS:], past.log_season[-YEAR_HOURS:]
    seen = np.isfinite(forecasts)
    mean, deviation = (float(series[-1]) for series in past.residuals)
    own, share = past.threshold_at_end()
    threshold = float(log_threshold(np.array(own), np.array(share), past.prior_threshold[-1]))
    log_forecast = float(forecasts[-1])
    raw = LOGISTIC * (log_forecast + mean - threshold) / deviation
    mass = past.tail_masses(newest_only=True)
    quantiles, shortfalls = tail_quantiles(mass)
    parts = Parts(
        x=features.x[-1],
        usual_x=features.x[-YEAR_HOURS:][seen].mean(axis=0),
        weights=model.coefficients_at(horizon)[1:],
        log_season=float(season[-1]),
        usual_log_season=float(season[seen].mean()),
        log_threshold=threshold,
        deviation=deviation,
        risk_score=float(scores(np.array(raw), np.array(share))),
        raw_log_odds=raw,
    )
    return _Horizon(
        hours=horizon,
        parts=parts,
        log_forecast=log_forecast,
        mean=mean,
        percentile=_rank_of_last(forecasts[seen]),
        full_year=share >= ENOUGH_SHARE,
        tails=tuple(zip(quantiles[0].tolist(), shortfalls[0].tolist(), strict=True)),
        mass=mass[0],
        tail_return=_tail_return(past, float(quantiles[0, 0])),
        benchmark=benchmark_of(features.hours, horizon),
    )


def _rank_of_last(values: Floats) -> float:
    """The share below the last one plus half the share equal."""
    below, equal = np.sum(values < values[-1]), np.sum(values == values[-1])
    return float((below + 0.5 * equal) / len(values))


def _tail_return(past: Past, quantile: float) -> float:
    """The 5 % quantile of the year's returns; what its level suggests where that is not full, or
    where prices stood still.
    """
    returns = past.returns[-YEAR_HOURS:]
    known = returns[np.isfinite(returns)]
    if len(known) >= ENOUGH_SHARE * YEAR_HOURS and (own := float(np.quantile(known, _TAIL))):
        return own
    typical = past.features.level[-1] + np.log(past.horizon)
    return quantile * float(np.exp(0.5 * typical))
