"""A frozen model of volatility on days it never saw, beside rivals that are refitted every day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.clock import Clock
from assay.errors import TooLittleHistory
from assay.features.transforms import Floats
from assay.market.bars import CheckedBars
from assay.market.csv_bars import read_bars_csv
from assay.market.timeframes import timeframe
from assay.volatility.benchmarks import (
    LEAST_DAYS,
    Tail,
    ewma94,
    filtered_tail,
    har_ols,
    log_har,
    normal_tail,
    student_t_tail,
    yesterday,
)
from assay.volatility.days import UtcDays, utc_days
from assay.volatility.model import VolatilityModel
from assay.volatility.walk import Walk, walk
from assay_training.steps.evaluate import undefined_as_null
from assay_training.steps.volatility_benchmarks import GarchForecasts, garch_t, weekday_garch_t
from assay_training.steps.volatility_report import ASSAY, TAIL_LEVELS, Judged, report

# Sound days before the first one scored, where no start is asked for: a threshold needs a year.
WARM_UP_DAYS = 365

Progress = Callable[[str, int, int], None]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class HourlyFile:
    """Hourly bars, and where in which file they stand."""

    path: Path
    checked: CheckedBars

    @property
    def summary(self) -> str:
        return f"{self.path}: {self.checked.summary()}"

    def place_of(self, row: int) -> str:
        """Line and time of a bar, for people."""
        stamp = np.datetime_as_string(self.checked.bars.time[row], unit="m")
        return f"line {self.checked.lines[row]}, {stamp}Z"


def read_hourly(path: Path, clock: Clock) -> HourlyFile:
    """Hourly bars of a file; rows off the hour, of the future or of an hour not over set aside."""
    now = np.datetime64(clock.now().replace(tzinfo=None), "ms")
    return HourlyFile(path, read_bars_csv(path, timeframe=timeframe("1h"), now=now))


def evaluate_volatility(
    model: VolatilityModel,
    file: HourlyFile,
    *,
    start: date | None,
    end: date | None,
    on_progress: Progress = lambda what, done, of: None,
) -> dict[str, Any]:
    """The `volatility` report on the UTC days from `start` to `end`, both included.

    Judged are the sound days (`assay.volatility.days`) whose forecasts exist, the same for all. The
    model stays as it is, what it learns of a coin advances as in service; rivals are refitted at
    every day on all sound days before. Raises TooLittleHistory where no day can be judged, or fewer
    than 90 sound days lie before the first.
    """
    bars = file.checked.bars
    days = utc_days(bars)
    rows = _origin_rows(file, days, start, end)
    day_walk, hour_walk = (walk(model, bars, horizon_hours=hours) for hours in (24, 1))
    at = _rows_before(day_walk, days.day[rows + 1])
    known = np.isfinite(day_walk.variance[at]) & (day_walk.variance[at] > 0.0)
    if not known.any():
        raise TooLittleHistory(
            f"{file.path}: the model has no forecast for any day from {days.day[rows[0] + 1]} to "
            f"{days.day[rows[-1] + 1]}; the first bar is {file.place_of(0)}",
            needed=1,
            available=0,
            file=str(file.path),
        )
    rows, at = rows[known], at[known]
    target = days.day[rows + 1]
    forecasts, tails = rivals(days, rows, on_progress)
    judged = Judged(
        target=target,
        realized=days.realized[rows + 1],
        log_return=days.log_return[rows + 1],
        forecasts={ASSAY: day_walk.variance[at]} | forecasts,
        tails={
            level: {ASSAY: _tail_of(day_walk, at, level)} | tails[level] for level in TAIL_LEVELS
        },
    )
    inside = (days.left_out >= target[0]) & (days.left_out <= target[-1])
    scored: dict[str, Any] = undefined_as_null(
        report(
            judged,
            day_walk,
            at,
            hour_walk,
            left_out=days.left_out[inside],
            not_forecast=int((~known).sum()),
        )
    )
    return scored


def _origin_rows(file: HourlyFile, days: UtcDays, start: date | None, end: date | None) -> Rows:
    """Days before the sound ones from `start` to `end`."""
    bars = file.checked.bars
    if not len(days):
        raise TooLittleHistory(
            f"{file.path}: no UTC day has bars of 18 of its hours and a price that moves, from "
            f"{file.place_of(0)}, to {file.place_of(len(bars) - 1)}",
            needed=LEAST_DAYS + 1,
            available=0,
            file=str(file.path),
        )
    first = WARM_UP_DAYS if start is None else int(np.searchsorted(days.day, np.datetime64(start)))
    last = days.day[-1] if end is None else np.datetime64(end)
    targets = np.arange(first, np.searchsorted(days.day, last, side="right"))
    needed, before = (WARM_UP_DAYS, len(days)) if start is None else (LEAST_DAYS, first)
    if before < needed or not len(targets):
        asked = f"from {start or days.day[min(first, len(days) - 1)]} to {last}"
        raise TooLittleHistory(
            f"{file.path}: no day {asked} can be scored: that takes a whole UTC day with {needed} "
            f"before it, and the file holds {len(days)}, from {file.place_of(0)}, to "
            f"{file.place_of(len(bars) - 1)}",
            needed=needed + 1,
            available=len(days),
            file=str(file.path),
        )
    return targets - 1


def _rows_before(walked: Walk, target: NDArray[np.datetime64]) -> Rows:
    """The newest rows whose close is at or before the midnight that each target begins with."""
    midnight = target.astype("datetime64[ms]")
    return np.searchsorted(walked.time, midnight, side="right") - 1


def _tail_of(walked: Walk, at: Rows, level: float) -> Tail:
    """Fractions of the price lost as log returns."""
    lost = {
        0.05: (walked.value_at_risk_95, walked.expected_shortfall_95),
        0.01: (walked.value_at_risk_99, walked.expected_shortfall_99),
    }[level]
    quantile, mean = (np.log1p(-fraction[at]) for fraction in lost)
    return Tail(quantile, mean)


def rivals(
    days: UtcDays, rows: Rows, on_progress: Progress = lambda what, done, of: None
) -> tuple[dict[str, Floats], dict[float, dict[str, Tail]]]:
    """Variances and tails of every benchmark at `rows`."""
    plain = garch_t(
        days.log_return, rows, on_progress=lambda done, of: on_progress("garch_t", done, of)
    )
    by_weekday = weekday_garch_t(
        days.day,
        days.log_return,
        days.realized,
        rows,
        target=days.day[rows + 1],
        on_progress=lambda done, of: on_progress("weekday_garch_t", done, of),
    )
    garch: dict[str, GarchForecasts] = {"garch_t": plain, "weekday_garch_t": by_weekday}
    simulated = {
        "har_ols": har_ols(days.realized),
        "log_har": log_har(days.realized),
        "yesterday": yesterday(days.realized),
    }
    ewma = ewma94(days.log_return)[rows]
    forecasts = {
        "ewma94": ewma,
        **{name: found.variance for name, found in garch.items()},
        **{name: variance[rows] for name, variance in simulated.items()},
    }
    tails = {
        level: {
            "ewma94": normal_tail(ewma, level),
            **{
                name: student_t_tail(found.variance, found.df, level)
                for name, found in garch.items()
            },
            **{
                name: _at(filtered_tail(days.log_return, variance, level), rows)
                for name, variance in simulated.items()
            },
        }
        for level in TAIL_LEVELS
    }
    return forecasts, tails


def _at(tail: Tail, rows: Rows) -> Tail:
    return Tail(tail.quantile[rows], tail.mean[rows])
