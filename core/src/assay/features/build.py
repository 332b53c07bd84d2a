"""Bars in, features out: the function that training and serving share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.calendars import Days, SessionCalendar, gold_calendar
from assay.features import spec
from assay.features.events import fomc_statement_days, payrolls_sessions
from assay.features.transforms import (
    Floats,
    ewma,
    garman_klass,
    lag,
    log_returns,
    rolling_sum,
    true_range_variance,
)
from assay.market.bars import Bars

# Keeps ratios finite: variances of a market that stood still, and their ratios.
_LEAST_VARIANCE = 1e-10
_LEAST_RATIO = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMatrix:
    """One row an origin: shape (n, k) of `values`, columns as in `spec.FEATURES`.

    `session` is the origin's session, `next_session` the calendar's next; `sigma` the running
    volatility (EWMA .94 of squared log returns, its root) that returns are scaled by; `close` the
    last close. Rows before all inputs exist hold NaN; `usable` says which do not.
    """

    session: Days
    next_session: Days
    close: Floats
    sigma: Floats
    values: Floats

    def __len__(self) -> int:
        return len(self.session)

    @property
    def usable(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which rows are free of NaN, shape (n,)."""
        return np.isfinite(self.values).all(axis=1) & np.isfinite(self.sigma)

    def next_returns(self) -> Floats:
        """ln(close_{t+1} / close_t), the target of each row, NaN for the last: never a feature."""
        return np.append(np.diff(np.log(self.close)), np.nan)


def build_features(
    gold: Bars, sp500: Bars, *, calendar: SessionCalendar | None = None
) -> FeatureMatrix:
    """The features of every origin in `gold`, each from bars closed at or before it.

    S&P 500 is joined as of the origin: its last session on or before gold's. Where it is older,
    `sp500_age` says so. O(n) in the bars; a later bar changes no earlier row.
    """
    calendar = calendar or gold_calendar()
    session = gold.session
    next_session = calendar.next_sessions(session)
    sigma = _volatility(ewma(log_returns(gold.close) ** 2, [spec.SCALE_DECAY])[:, 0])
    columns = {
        **_gold_columns(gold, sigma),
        **_sp500_columns(sp500, session, sigma),
        **_next_session_columns(session, next_session, calendar),
    }
    values = np.column_stack([columns[name] for name in spec.FEATURE_NAMES])
    return FeatureMatrix(session, next_session, gold.close, sigma, values)


def _gold_columns(gold: Bars, sigma: Floats) -> dict[str, Floats]:
    returns = log_returns(gold.close)
    squared = returns**2
    columns: dict[str, Floats] = {}
    for decay, mean in zip(spec.GOLD_DECAYS, ewma(squared, spec.GOLD_DECAYS).T, strict=True):
        columns[f"gold_ewma_{decay}"] = _log_ratio(mean, sigma**2)
    for k in spec.ABS_RETURN_LAGS:
        columns[f"gold_abs_return_{k}"] = np.minimum(
            np.abs(lag(returns, k)) / sigma, spec.ABS_RETURN_CAP
        )
    for k in spec.SIGNED_RETURN_LAGS:
        columns[f"gold_return_{k}"] = lag(returns, k) / sigma
    for k in spec.MOMENTUM_SESSIONS:
        columns[f"gold_momentum_{k}"] = rolling_sum(returns, k) / (sigma * np.sqrt(k))
    columns["gold_ma5_gap"] = _gap_to_mean(gold.close) / sigma
    columns["gold_volatility_5"] = _log_ratio(
        rolling_sum(squared, spec.MEAN_SESSIONS) / spec.MEAN_SESSIONS, sigma**2
    )
    gap = np.log(gold.open / lag(gold.close, 1))
    columns["gold_overnight_gap"] = np.minimum(np.abs(gap) / sigma, spec.ABS_RETURN_CAP)
    klass = garman_klass(gold.open, gold.high, gold.low, gold.close) + gap**2
    true_range = true_range_variance(gold.high, gold.low, gold.close)
    for name, variance in (("gk", klass), ("tr", true_range)):
        means = ewma(_trusted_range(gold, variance, squared), spec.RANGE_DECAYS)
        for decay, mean in zip(spec.RANGE_DECAYS, means.T, strict=True):
            columns[f"gold_range_{name}_{decay}"] = _log_ratio(mean, sigma**2)
    return columns


def _trusted_range(gold: Bars, variance: Floats, squared: Floats) -> Floats:
    """Range variance brought to the scale of squared returns; those themselves where the range
    is not to be trusted (before 2010, and on days whose high equals their low).
    """
    trusted = (gold.session >= np.datetime64(spec.RANGES_FROM)) & (gold.high > gold.low)
    ranges = ewma(np.where(trusted, variance, np.nan), [spec.RANGE_SCALE_DECAY])[:, 0]
    returns = ewma(np.where(trusted, squared, np.nan), [spec.RANGE_SCALE_DECAY])[:, 0]
    with np.errstate(invalid="ignore"):
        scaled = variance * returns / ranges
    return np.where(trusted & np.isfinite(scaled), scaled, squared)


def _sp500_columns(sp500: Bars, session: Days, gold_sigma: Floats) -> dict[str, Floats]:
    returns = log_returns(sp500.close)
    means = ewma(returns**2, [0.8, spec.SCALE_DECAY, spec.LEVEL_DECAY])
    sigma = _volatility(means[:, 1])
    level = means[:, 2]
    klass = garman_klass(sp500.open, sp500.high, sp500.low, sp500.close)
    own = {
        "sp500_ewma_0.8": _log_ratio(means[:, 0], level),
        "sp500_ewma_0.94": _log_ratio(means[:, 1], level),
        "sp500_abs_return_0": np.minimum(np.abs(returns) / sigma, spec.ABS_RETURN_CAP),
        "sp500_return_0": returns / sigma,
        "sp500_return_1": lag(returns, 1) / sigma,
        "sp500_ma5_gap": _gap_to_mean(sp500.close) / sigma,
        "sp500_range_gk": _log_ratio(klass, level),
        "level": level,
    }
    at = np.searchsorted(sp500.session, session, side="right") - 1
    joined = {name: _as_of(column, at) for name, column in own.items()}
    joined["sp500_level"] = _log_ratio(joined.pop("level"), gold_sigma**2)
    joined["sp500_age"] = np.where(
        at >= 0, (session - sp500.session[np.maximum(at, 0)]).astype(np.float64), np.nan
    )
    return joined


def _as_of(column: Floats, at: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Floats:
    return np.where(at >= 0, column[np.maximum(at, 0)], np.nan)


def _next_session_columns(
    session: Days, following: Days, calendar: SessionCalendar
) -> dict[str, Floats]:
    weekday = (following.astype("int64") + 3) % 7
    columns = {
        f"next_{name}": (weekday == number).astype(np.float64)
        for number, name in enumerate(spec.WEEKDAYS, start=1)
    }
    apart = np.busday_count(session, following).astype(np.float64)
    columns["next_holiday_gap"] = (apart > 1).astype(np.float64)
    columns["next_year_end"] = _year_end(following).astype(np.float64)
    payrolls = payrolls_sessions(calendar, session[0].item(), following[-1].item())
    columns["next_payrolls"] = np.isin(following, payrolls).astype(np.float64)
    statements = fomc_statement_days()
    columns["next_fomc"] = np.isin(following, statements).astype(np.float64)
    seen = np.searchsorted(statements, following)  # statements before the next session
    before = np.searchsorted(statements, session)
    columns["next_after_fomc"] = (seen > before).astype(np.float64)
    return columns


def _year_end(days: Days) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """24 December to 2 January."""
    month = days.astype("datetime64[M]")
    day = (days - month.astype("datetime64[D]")).astype("int64") + 1
    number = month.astype("int64") % 12 + 1
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = ((number == 12) & (day >= 24)) | (
        (number == 1) & (day <= 2)
    )
    return result


def _gap_to_mean(close: Floats) -> Floats:
    mean = rolling_sum(close, spec.MEAN_SESSIONS) / spec.MEAN_SESSIONS
    return np.log(close / mean)


def _volatility(variance: Floats) -> Floats:
    result: Floats = np.sqrt(np.maximum(variance, _LEAST_VARIANCE))
    return result


def _log_ratio(variance: Floats, reference: Floats) -> Floats:
    """Half the log ratio (the scale of volatilities), floored so that a still day is finite."""
    ratio = np.maximum(variance, _LEAST_VARIANCE) / np.maximum(reference, _LEAST_VARIANCE)
    result: Floats = 0.5 * np.log(np.maximum(ratio, _LEAST_RATIO))
    return result
