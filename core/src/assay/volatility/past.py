"""What came of the past hours' forecasts over one horizon, and what is learned from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from assay.volatility.features import LEAST_VARIANCE, Features
from assay.volatility.forecast import log_forecasts
from assay.volatility.hours import DAY_HOURS, Hours
from assay.volatility.model import VolatilityModel, measure_of
from assay.volatility.risk import LEVEL, running_residuals, threshold_windows
from assay.volatility.rolling import Floats, lagged, trailing_quantile, trailing_sum
from assay.volatility.tails import EVERY_HOURS, LOOKBACK_DAYS, distributions

LEAST_KNOWN_SHARE = 0.9


def realized_until(hours: Hours, horizon: int) -> Floats:
    """Realized variance of the `horizon` hours up to each row, (n,), NaN where a tenth is missing.

    Below a day the sum of Garman-Klass, scaled up for missing hours, of hourly bars alone; from a
    day on that of squared returns, whose next one spans a gap.
    """
    intraday = measure_of(horizon) == "garman_klass"
    values, counted = (hours.garman_klass, hours.real) if intraday else (hours.squared, hours.known)
    known = trailing_sum(counted.astype(np.float64), horizon)
    total = np.maximum(trailing_sum(np.where(counted, values, 0.0), horizon), 0.0)
    if intraday:
        total = total * horizon / np.maximum(known, 1.0)
    enough = (known >= LEAST_KNOWN_SHARE * horizon) & (np.arange(len(hours)) >= horizon - 1)
    return np.where(enough, total, np.nan)


def returns_until(hours: Hours, horizon: int) -> Floats:
    """Log return of the `horizon` hours up to each row, (n,), NaN where an end is not known.

    Below a day hourly bars alone count: a day's bar does not say when in the day it moved.
    """
    known = hours.real if horizon < DAY_HOURS else hours.known
    close = np.where(known, hours.log_close, np.nan)
    return close - lagged(close, horizon)


@dataclass(frozen=True, eq=False)
class Past:
    """Forecasts over `horizon` whole hours at every row, with what was known of them at each row.

    All arrays are (n,); row t knows bars closed by then only.
    """

    model: VolatilityModel
    features: Features
    horizon: int

    @cached_property
    def log_forecast(self) -> Floats:
        return log_forecasts(self.model, self.features, self.horizon)

    @cached_property
    def log_season(self) -> Floats:
        return np.log(self.features.seasons.sums_ahead(self.horizon))

    @cached_property
    def realized(self) -> Floats:
        """Of the window that ends at the row."""
        return realized_until(self.features.hours, self.horizon)

    @cached_property
    def returns(self) -> Floats:
        """Of the window that ends at the row."""
        return returns_until(self.features.hours, self.horizon)

    @cached_property
    def residuals(self) -> tuple[Floats, Floats]:
        """Running mean and deviation of ln(realized / forecast)."""
        least = LEAST_VARIANCE * self.horizon
        known = np.log(np.maximum(self.realized, least)) - lagged(self.log_forecast, self.horizon)
        return running_residuals(self.model, self.horizon, known)

    @cached_property
    def prior_threshold(self) -> Floats:
        """Log of the 80th percentile that the year's level and training suggest."""
        *_, above_level = self.model.residuals_at(self.horizon)
        result: Floats = self.features.level + np.log(self.horizon) + above_level
        return result

    def threshold_at_end(self) -> tuple[float, float]:
        """Log of the year's 80th percentile at the last row, NaN for none, and the share known.

        There is none where prices stood still too long for one.
        """
        windows, apart = threshold_windows(self.horizon)
        past = self.realized[::-1][: windows * apart : apart]
        known = past[np.isfinite(past)]
        if not len(known):
            return float("nan"), 0.0
        own = float(_log_or_none(np.quantile(known, [LEVEL]), self.horizon)[0])
        return own, len(known) / windows if isfinite(own) else 0.0

    def thresholds(self) -> tuple[Floats, Floats]:
        """The same at every row."""
        windows, apart = threshold_windows(self.horizon)
        n = len(self.realized)
        padded = np.full(-(-n // apart) * apart, np.nan)
        padded[:n] = self.realized
        own, count = np.empty_like(padded), np.empty_like(padded)
        for phase in range(apart):
            column = padded[phase::apart]
            own[phase::apart] = trailing_quantile(column, windows, LEVEL)
            count[phase::apart] = trailing_sum(np.isfinite(column).astype(np.float64), windows)
        log_own = _log_or_none(own[:n], self.horizon)
        return log_own, np.where(np.isfinite(log_own), count[:n] / windows, 0.0)

    def tail_masses(self, *, newest_only: bool = False) -> Floats:
        """The distribution of return / sqrt(forecast) at each midnight UTC, (midnights + 1, 401).

        The first row, before any midnight, is the model's alone.
        """
        hours, n = self.features.hours, len(self.features.hours)
        rows = np.arange(-(hours.first + 1) % EVERY_HOURS, n, EVERY_HOURS)
        next_midnight = -(-(hours.first + 1 + rows) // DAY_HOURS)
        day = next_midnight - hours.first // DAY_HOURS
        days = int(midnights_until(hours)[-1]) + 1
        rows, day = rows[day < days], day[day < days]
        if newest_only:
            recent = day > days - 1 - LOOKBACK_DAYS
            rows, day, days = rows[recent], np.zeros(int(recent.sum()), dtype=np.intp), 1
        scale = np.exp(0.5 * lagged(self.log_forecast, self.horizon)[rows])
        return distributions(self.model, self.horizon, self.returns[rows] / scale, day, days)


def midnights_until(hours: Hours) -> NDArray[np.int64]:
    """How many midnights UTC have passed by each row's close since before the first row's."""
    closes = hours.open_hours + 1
    return closes // DAY_HOURS - hours.first // DAY_HOURS


def _log_or_none(variance: Floats, horizon: int) -> Floats:
    """The log of variances, NaN where no larger than the floor."""
    moved = variance > LEAST_VARIANCE * horizon
    return np.log(np.where(moved, variance, np.nan))
