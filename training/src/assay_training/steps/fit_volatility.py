"""The fit of volatility.json: log-HAR by ridge regression, its season, and how it errs.

Up to three days ahead from hourly bars, beyond from daily ones, which reach back over more spells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
from numpy.typing import NDArray

from assay.errors import TooLittleHistory
from assay.market.bars import Bars
from assay.volatility.features import Features, features_of
from assay.volatility.hours import (
    DAY_HOURS,
    YEAR_HOURS,
    Hours,
    daily_variance,
    hours_of,
)
from assay.volatility.model import MEASURES, NAMES, Residuals, VolatilityModel
from assay.volatility.rolling import Floats, trailing_sum
from assay.volatility.season import hour_of_week_profile
from assay_training.steps.volatility_errors import (
    DAILY_NODES,
    FIRST_DAILY_ORIGIN,
    FIRST_HOURLY_ORIGIN,
    HOURLY_NODES,
    TAIL_QUANTILES,
    sum_ahead,
    with_errors,
)

HOURLY_RIDGE, DAILY_RIDGE = 0.1, 0.03
LEAST_HOURLY = YEAR_HOURS
LEAST_DAILY = 730
YEAR_DAYS = 365
# Weekends have grown calmer over the years: what lies further back does not say how calm.
PROFILE_DAYS = 5 * YEAR_DAYS
# A coin of which nothing is known yet, and how many of its own hours weigh as much.
TYPICAL_ANNUALIZED, LEVEL_HOURS = 0.6, 200.0
_DAILY_WINDOWS = (1, 7, 30)
_DAILY_COLUMNS = (NAMES.index("x24"), NAMES.index("x168"), NAMES.index("x720"))


@dataclass(frozen=True, slots=True, eq=False)
class VolatilityBars:
    """What is fitted on: one coin's hours, and the days of one or more coins."""

    hourly: Bars
    daily: tuple[Bars, ...]

    def check(self) -> None:
        """TooLittleHistory below a year of hours, or two of days since 2018-06."""
        since = np.datetime64(FIRST_DAILY_ORIGIN)
        for name, available, needed in (
            ("hourly bars", len(self.hourly), LEAST_HOURLY),
            *(
                (f"daily bars since {since}", int(np.sum(bars.session >= since)), LEAST_DAILY)
                for bars in self.daily
            ),
        ):
            if available < needed:
                raise TooLittleHistory(
                    f"the volatility model is fitted on {needed} {name} or more, there are "
                    f"{available}",
                    needed=needed,
                    available=available,
                )


def fit_volatility(bars: VolatilityBars) -> VolatilityModel:
    """The model fitted on all of `bars`; TooLittleHistory where they are few.

    ln f_H = b0 + b x + lR + ln S_H is fitted on (ln sum r² + ln sum GK)/2, b0 then raised so that
    realized variance over forecast averages 1.
    """
    bars.check()
    hours = hours_of(bars.hourly)
    model = _untrained(hours, bars.hourly)
    features = features_of(hours, model)
    rows = [_hourly_node(features, horizon) for horizon in HOURLY_NODES]
    rows += [_daily_node(bars.daily, horizon) for horizon in DAILY_NODES]
    model = replace(model, coefficients=np.array(rows))
    return rounded(with_errors(model, features, bars.daily))


def rounded(model: VolatilityModel) -> VolatilityModel:
    """To six decimals, four of tails: what is published is what was judged."""
    residuals = {
        measure: Residuals(
            found.hours, *(np.round(c, 6) for c in (found.mean, found.deviation, found.threshold))
        )
        for measure, found in model.residuals.items()
    }
    return replace(
        model,
        season=np.round(model.season, 6),
        gap=round(model.gap, 6),
        daily_share=round(model.daily_share, 6),
        coefficients=np.round(model.coefficients, 6),
        residuals=residuals,
        tails=np.round(model.tails, 4),
    )


def _untrained(hours: Hours, hourly: Bars) -> VolatilityModel:
    """Season, level and ratios, measured; all else still blank."""
    season = hour_of_week_profile(hours.garman_klass, hours.known, hours.phase)
    if season is None:
        raise TooLittleHistory("the hourly bars never move", needed=LEAST_HOURLY, available=0)
    known, usual = hours.known, season[hours.phase]
    squared, spread = (variance / usual for variance in (hours.squared, hours.garman_klass))
    gap = log(squared[known].mean() / spread[known].mean())
    blank = Residuals(np.array([1.0]), np.zeros(1), np.ones(1), np.zeros(1))
    nodes = np.array([*HOURLY_NODES, *DAILY_NODES], dtype=np.float64)
    return VolatilityModel(
        season=season,
        level=log(TYPICAL_ANNUALIZED**2 / YEAR_HOURS),
        gap=gap,
        level_hours=LEVEL_HOURS,
        daily_share=_daily_share(hours, hourly),
        nodes=nodes,
        coefficients=np.zeros((len(nodes), len(NAMES) + 1)),
        residuals=dict.fromkeys(MEASURES, blank),
        tail_hours=np.array([1.0]),
        tails=np.zeros((1, TAIL_QUANTILES)),
    )


def _daily_share(hours: Hours, hourly: Bars) -> float:
    """Squared hourly returns summed over all days, over the days' Garman-Klass summed."""
    days = hourly.session
    first = np.flatnonzero(np.append(True, days[1:] != days[:-1]))
    daily = Bars(
        time=days[first].astype("datetime64[ms]"),
        open=hourly.open[first],
        high=np.maximum.reduceat(hourly.high, first),
        low=np.minimum.reduceat(hourly.low, first),
        close=hourly.close[np.append(first[1:], len(days)) - 1],
        volume=np.add.reduceat(hourly.volume, first),
    )
    return float(hours.squared.sum() / daily_variance(daily).sum())


def _hourly_node(features: Features, horizon: int) -> Floats:
    """b0 and b over `horizon` hours, shape (7,)."""
    hours = features.hours
    squared = sum_ahead(hours.squared, horizon)
    spread = sum_ahead(hours.garman_klass, horizon)
    rows = np.flatnonzero(
        features.usable & (np.arange(len(hours)) >= FIRST_HOURLY_ORIGIN) & (squared > 0.0)
        & (spread > 0.0)
    )  # fmt: skip
    offset = features.level[rows] + np.log(features.seasons.sums_ahead(horizon, rows))
    target = 0.5 * (np.log(squared[rows]) + np.log(spread[rows])) - offset
    b0, b = ridge(features.x[rows], target, HOURLY_RIDGE)
    forecast = np.exp(b0 + features.x[rows] @ b + offset)
    return np.concatenate([[b0 + np.log(np.mean(squared[rows] / forecast))], b])


def _daily_node(coins: Sequence[Bars], horizon: int) -> Floats:
    """The same from days; hours within the day and the fall of the last one have no say.

    All is on Garman-Klass, its own level too: of a week's seven squared returns little is to be
    learned.
    """
    parts = [_daily_design(bars, horizon // DAY_HOURS) for bars in coins]
    x, realized, offset = (np.concatenate(column) for column in zip(*parts, strict=True))
    b0, b = ridge(x, np.log(realized) - offset, DAILY_RIDGE)
    row = np.zeros(len(NAMES) + 1)
    row[0] = b0 + np.log(np.mean(realized / np.exp(b0 + x @ b + offset)))
    row[1 + np.array(_DAILY_COLUMNS)] = b
    return row


def _daily_design(bars: Bars, days: int) -> tuple[Floats, Floats, Floats]:
    """The x (n, 3), Garman-Klass summed over `days` ahead, and the log of the usual sum."""
    variance = daily_variance(bars)
    weekday = (bars.session.astype(np.int64) + 3) % 7
    season = weekday_profile(variance, weekday)
    spread = variance / season[weekday]
    seen = np.arange(1, len(bars) + 1)
    level = np.log(trailing_sum(spread, YEAR_DAYS) / np.minimum(seen, YEAR_DAYS))
    means = [trailing_sum(spread, window) / np.minimum(seen, window) for window in _DAILY_WINDOWS]
    ahead = np.array([season[(weekday + step) % 7] for step in range(1, days + 1)]).sum(axis=0)
    realized = sum_ahead(variance, days)
    rows = (bars.session >= np.datetime64(FIRST_DAILY_ORIGIN)) & (seen > days) & (realized > 0.0)
    x = np.log(np.column_stack(means)) - level[:, None]
    return x[rows], realized[rows], (level + np.log(ahead))[rows]


def weekday_profile(variance: Floats, weekday: NDArray[np.int64]) -> Floats:
    """Variance by weekday against the week around it, averaged in logs, shape (7,), mean 1.

    Of the newest five years of `variance` and `weekday` (n,) alone.
    """
    variance, weekday = variance[-PROFILE_DAYS:], weekday[-PROFILE_DAYS:]
    around = np.convolve(variance, np.ones(7), "same") / np.convolve(
        np.ones(len(variance)), np.ones(7), "same"
    )
    logs = np.log(np.maximum(variance / np.maximum(around, 1e-300), 1e-4))
    counts = np.maximum(np.bincount(weekday, minlength=7), 1)
    profile: Floats = np.exp(np.bincount(weekday, logs, minlength=7) / counts)
    profile /= profile.mean()
    return profile


def ridge(x: Floats, y: Floats, penalty: float) -> tuple[float, Floats]:
    """Intercept and coefficients (k,) that least squares plus `penalty` on standardised x give.

    Minimises mean (y - b0 - x b)² + penalty sum (b sd(x))².
    """
    mean, scale = x.mean(axis=0), x.std(axis=0)
    z = (x - mean) / scale
    gram = z.T @ z / len(z) + penalty * np.eye(x.shape[1])
    b = np.linalg.solve(gram, z.T @ (y - y.mean()) / len(z)) / scale
    return float(y.mean() - mean @ b), b
