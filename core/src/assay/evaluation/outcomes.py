"""What came of one forecast: gold's next close, or a coin's next hours. Pure, one at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from assay.evaluation import scores
from assay.features.transforms import garman_klass
from assay.forecast.distribution import (
    INTERVAL_LEVELS,
    LEVELS,
    MEDIAN_AT,
    REPORTED_LEVELS,
    Floats,
    level_index,
)
from assay.market.bars import Bars
from assay.market.crypto.series import stamp
from assay.market.timeframes import Timeframe, timeframe
from assay.volatility.assessment import CONFIDENCES, Measure

HOUR = timedelta(hours=1)
HOURLY = timeframe("1h")

_REPORTED_AT = [level_index(level) for level in REPORTED_LEVELS]


@dataclass(frozen=True, slots=True)
class GoldOutcome:
    """The close that came, beside the forecast and beside the random walk.

    `error` and `random_walk_error` are actual minus forecast, in price. `inside` says by level
    whether the central interval held the close, ends included. `pit` is where the outcome stood in
    the forecast distribution, linear on the grid, within [.005, .995]. `crps` and `pinball` (the
    mean over the reported levels) are on log returns, as on the leaderboard; those of the random
    walk are None where its spread was not recorded. `direction_hit` is None where the median or
    the close did not leave the last close.
    """

    actual: float
    log_return: float
    error: float
    random_walk_error: float
    inside: Mapping[float, bool]
    pit: float
    crps: float
    pinball: float
    random_walk_crps: float | None
    random_walk_pinball: float | None
    direction_hit: bool | None


def gold_outcome(
    *, last_close: float, actual: float, quantiles: Floats, random_walk: Floats | None
) -> GoldOutcome:
    """Scores log-return `quantiles` at LEVELS, shape (199,), by the close that came.

    Raises ValueError where a price is not positive and finite, or a grid has another shape.
    """
    for name, price in (("last_close", last_close), ("actual", actual)):
        if not (math.isfinite(price) and price > 0.0):
            raise ValueError(f"{name} is {price}, which is no price")
    moved = math.log(actual / last_close)
    grid, outcome = _grid(quantiles), np.array([moved])
    median = float(grid[0, MEDIAN_AT])
    rival = None if random_walk is None else _grid(random_walk)
    return GoldOutcome(
        actual=actual,
        log_return=moved,
        error=actual - last_close * math.exp(median),
        random_walk_error=actual - last_close,
        inside={level: bool(scores.covered(grid, outcome, level)[0]) for level in INTERVAL_LEVELS},
        pit=float(scores.pit(grid, outcome)[0]),
        crps=float(scores.crps(grid, outcome)[0]),
        pinball=_pinball(grid, outcome),
        random_walk_crps=None if rival is None else float(scores.crps(rival, outcome)[0]),
        random_walk_pinball=None if rival is None else _pinball(rival, outcome),
        direction_hit=None if median == 0.0 or moved == 0.0 else (median > 0.0) == (moved > 0.0),
    )


@dataclass(frozen=True, slots=True)
class Realized:
    """What a coin did from an origin to a target: variance as `measure` says, log return, and of
    how many bars this is known.
    """

    variance: float
    log_return: float
    bars: int

    @property
    def volatility(self) -> float:
        """Over the window, a standard deviation of log returns."""
        return math.sqrt(self.variance)


def measuring_timeframe(origin: datetime, target: datetime, own: Timeframe) -> Timeframe:
    """The bars that measure what was realized: hourly ones, or the signal's own where the window is
    shorter than an hour or does not begin and end on the hour.
    """
    if target - origin < HOUR or _off_hour(origin) or _off_hour(target):
        return own
    return HOURLY


def realized(
    bars: Bars, of: Timeframe, *, origin: datetime, target: datetime, measure: Measure
) -> Realized | None:
    """What `bars` (of timeframe `of`, UTC) say happened after `origin`, up to `target`.

    Shorter bars are first gathered into hours from `origin` on, the last one shorter where the
    window ends off the hour: thresholds are percentiles of what hourly bars measure, and a sum over
    minutes is so much less noisy that it seldom exceeds them. A window below an hour is one bar.

    `garman_klass`: the sum over these bars; `squared_returns`: the sum of squared log returns from
    close to close, the first from the close at `origin`. None unless every bar of the window is
    there, and the one that closes at `origin`. Raises ValueError where the window is not a whole
    number of bars.
    """
    first, last = stamp(origin), stamp(target)
    length = np.timedelta64(of.milliseconds, "ms")
    count, rest = divmod(int((last - first) / np.timedelta64(1, "ms")), of.milliseconds)
    if count < 1 or rest:
        raise ValueError(f"{origin} to {target} is no whole number of {of.name} bars")
    begin = int(np.searchsorted(bars.time, first - length))
    window = bars.take(slice(begin, begin + count + 1))
    wanted = first + length * np.arange(-1, count)
    if len(window) != count + 1 or not np.array_equal(window.time, wanted):
        return None
    hours = _hours_from(window.take(slice(1, None)), first)
    closes = np.log(np.concatenate([window.close[:1], hours.close]))
    if measure == "garman_klass":
        spread = garman_klass(hours.open, hours.high, hours.low, hours.close)
        variance = float(spread.sum())
    else:
        variance = float((np.diff(closes) ** 2).sum())
    return Realized(variance, float(closes[-1] - closes[0]), count)


def _hours_from(bars: Bars, first: np.datetime64) -> Bars:
    """`bars` gathered into hours, of which the first begins at `first`; longer ones as they are.

    Not `resample`, whose hours begin on the hour.
    """
    hour = (bars.time - first) // np.timedelta64(1, "h")
    begin = np.flatnonzero(np.append(True, hour[1:] != hour[:-1]))
    return Bars(
        time=bars.time[begin],
        open=bars.open[begin],
        high=np.maximum.reduceat(bars.high, begin),
        low=np.minimum.reduceat(bars.low, begin),
        close=bars.close[np.append(begin[1:], len(bars)) - 1],
        volume=np.add.reduceat(bars.volume, begin),
    )


@dataclass(frozen=True, slots=True)
class SignalForecast:
    """What a signal said of the window from `origin` to `target`.

    `lower` to `upper` is its 80 % interval of the volatility over the window, `threshold` what the
    risk event exceeds. `value_at_risk` are positive fractions of the price, by confidence;
    `tail_loss_return` is a log return.
    """

    origin: datetime
    target: datetime
    measure: Measure
    volatility: float
    lower: float
    upper: float
    risk_score: float
    threshold: float
    value_at_risk: Mapping[float, float]
    tail_loss_probability: float
    tail_loss_return: float


@dataclass(frozen=True, slots=True)
class SignalOutcome:
    """What came of a signal.

    `above_threshold` is the risk event, `brier` (risk score - event)^2; `inside` says whether the
    realized volatility lay within the interval, ends included. `var_hit` says by confidence whether
    more of the price was lost than the value at risk; `tail_loss` whether the return fell below
    the tail's.
    """

    realized_volatility: float
    above_threshold: bool
    brier: float
    inside: bool
    log_return: float
    var_hit: Mapping[float, bool]
    tail_loss: bool
    tail_brier: float
    bars: int


def signal_outcome(said: SignalForecast, found: Realized) -> SignalOutcome:
    """Scores a signal by what was realized in its window."""
    volatility = found.volatility
    above = volatility > said.threshold
    lost = -math.expm1(found.log_return)
    tail = found.log_return < said.tail_loss_return
    return SignalOutcome(
        realized_volatility=volatility,
        above_threshold=above,
        brier=(said.risk_score - above) ** 2,
        inside=said.lower <= volatility <= said.upper,
        log_return=found.log_return,
        var_hit={level: lost > said.value_at_risk[level] for level in CONFIDENCES},
        tail_loss=tail,
        tail_brier=(said.tail_loss_probability - tail) ** 2,
        bars=found.bars,
    )


def _grid(quantiles: Floats) -> Floats:
    grid = np.asarray(quantiles, dtype=np.float64)
    if grid.shape != LEVELS.shape or not np.isfinite(grid).all():
        raise ValueError(f"{len(LEVELS)} finite quantiles are needed, not shape {grid.shape}")
    return grid[None, :]


def _pinball(grid: Floats, outcome: Floats) -> float:
    return float(scores.pinball(grid[:, _REPORTED_AT], outcome, LEVELS[_REPORTED_AT]).mean())


def _off_hour(instant: datetime) -> bool:
    return bool(instant.minute or instant.second or instant.microsecond)
