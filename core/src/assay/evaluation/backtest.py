"""The signals on past hours: how good they were, and what an exposure led by them earned.

Walk-forward: the signal of each hour is that of `volatility.walk`, which knows bars closed by then
only. A decision at a bar's close is traded at the next bar's open, with fees and slippage.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.errors import TooLittleHistory
from assay.evaluation.exposure import HOURS_A_YEAR, Held, Terms, hold, wanted_exposure
from assay.evaluation.performance import Performance, performance
from assay.evaluation.signal_quality import (
    HAR_OLS,
    YESTERDAY,
    RegimeQuality,
    RiskQuality,
    Rows,
    TailQuality,
    VarianceQuality,
    origins_apart,
    regime_quality,
    risk_quality,
    tail_quality,
    variance_quality,
)
from assay.market.bars import Bars, Floats
from assay.volatility.features import LEAST_HOURS as WARM_UP_HOURS
from assay.volatility.har import har_ols, last_realized
from assay.volatility.hours import hours_of
from assay.volatility.model import VolatilityModel, measure_of
from assay.volatility.walk import Walk, walk

__all__ = ["LEAST_HOURS", "MOST_POINTS", "Backtest", "Curve", "backtest", "judge"]

MOST_POINTS: Final = 500
LEAST_JUDGED_HOURS: Final = 168
# Fewer hourly bars than this leave no week to trade after the first forecast.
LEAST_HOURS: Final = WARM_UP_HOURS + LEAST_JUDGED_HOURS
_CONSTANT_WITHIN: Final = 0.01
_HOUR: Final = np.timedelta64(1, "h")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Equities from 1, and the share of it that the strategy held, at closes: at most 500 points,
    evenly spread, first and last bar among them.
    """

    time: NDArray[np.datetime64]
    volatility_target: Floats
    buy_and_hold: Floats
    exposure: Floats


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Backtest:
    """What came out of `bars` hourly bars, traded after the close at `first_origin`.

    `warm_up_bars` came before it. `constant_exposure` always holds, within a hundredth, what the
    strategy held on average, which nobody could know beforehand: what the timing alone was worth
    shows beside it. `origins_apart` is how many origins there are whose horizons do not overlap:
    those the signals are judged at, as far as their outcomes are known.
    """

    horizon_hours: int
    terms: Terms
    first_origin: np.datetime64
    last_origin: np.datetime64
    bars: int
    warm_up_bars: int
    years: float
    volatility_target: Performance
    buy_and_hold: Performance
    constant_exposure: Performance
    curve: Curve
    origins_apart: int
    variance: VarianceQuality
    risk: RiskQuality
    tails: tuple[TailQuality, ...]
    regimes: RegimeQuality


def backtest(
    model: VolatilityModel,
    hourly: Bars,
    *,
    horizon_hours: int,
    terms: Terms,
    start: np.datetime64 | None = None,
) -> Backtest:
    """Walks `model` over `hourly`, the signals of `horizon_hours` ahead, and judges them.

    The first origin is the first close at or after `start` (datetime64, UTC) that has a forecast;
    bars before only warm the model up. Raises TooLittleHistory where less than a week of bars
    follows it, and ValueError for a horizon outside 1 to 720 hours.
    """
    if len(hourly) < LEAST_HOURS:
        raise _too_little(LEAST_HOURS, len(hourly))
    signals = walk(model, hourly, horizon_hours=horizon_hours)
    return judge(signals, hourly, horizon_hours=horizon_hours, terms=terms, start=start)


def judge(
    signals: Walk,
    hourly: Bars,
    *,
    horizon_hours: int,
    terms: Terms,
    start: np.datetime64 | None = None,
) -> Backtest:
    """As `backtest`, of signals that were walked over `hourly`. ValueError where they were not."""
    if not np.array_equal(signals.time, hourly.time + _HOUR):
        raise ValueError("the signals are not those of these bars")
    wanted = wanted_exposure(signals.variance, horizon_hours=horizon_hours, terms=terms)
    first = _first_origin(signals.time, wanted, start)
    wanted[~_decided_at(signals.time, first, terms)] = np.nan
    # Decided at a bar's close, traded at the open of the next one: the only place that shifts.
    bars, wanted = hourly.take(slice(first + 1, None)), wanted[first:-1]
    years = float((bars.time[-1] + _HOUR - bars.time[0]) / _HOUR) / HOURS_A_YEAR
    strategy = hold(bars, wanted, cost_rate=terms.cost_rate, band=terms.no_trade_band)
    once = np.where(np.arange(len(bars)) == 0, 1.0, np.nan)
    bought = hold(bars, once, cost_rate=terms.cost_rate)
    alike = np.where(np.isnan(wanted), np.nan, strategy.exposure.mean())
    constant = hold(bars, alike, cost_rate=terms.cost_rate, band=_CONSTANT_WITHIN)

    def figures(held: Held) -> Performance:
        return performance(
            held, years=years, fee_bps=terms.fee_bps, slippage_bps=terms.slippage_bps
        )

    judged = _since(signals, first)
    origins = origins_apart(judged.time, horizon_hours)
    return Backtest(
        horizon_hours=horizon_hours,
        terms=terms,
        first_origin=signals.time[first],
        last_origin=signals.time[-1],
        bars=len(bars),
        warm_up_bars=first + 1,
        years=years,
        volatility_target=figures(strategy),
        buy_and_hold=figures(bought),
        constant_exposure=figures(constant),
        curve=_curve(bars, strategy, bought),
        origins_apart=len(origins),
        variance=variance_quality(judged, _rivals(hourly, horizon_hours, first), origins),
        risk=risk_quality(judged, origins),
        tails=tail_quality(judged, origins),
        regimes=regime_quality(judged, origins, horizon_hours=horizon_hours),
    )


def _first_origin(time: NDArray[np.datetime64], wanted: Floats, start: np.datetime64 | None) -> int:
    """The first row from `start` on whose forecast is known."""
    from_ = 0 if start is None else int(np.searchsorted(time, start))
    known = np.flatnonzero(~np.isnan(wanted[from_:]))
    first = from_ + int(known[0]) if len(known) else len(wanted)
    if len(wanted) - 1 - first < LEAST_JUDGED_HOURS:
        raise _too_little(first + 1 + LEAST_JUDGED_HOURS, len(wanted))
    return first


def _decided_at(time: NDArray[np.datetime64], first: int, terms: Terms) -> NDArray[np.bool_]:
    """The first origin, and the closes on the grid of `rebalance_hours`."""
    found = np.zeros(len(time), dtype=np.bool_)
    found[first] = True
    found[origins_apart(time, terms.rebalance_hours)] = True
    return found


def _too_little(needed: int, available: int) -> TooLittleHistory:
    return TooLittleHistory(
        f"A back-test needs {needed} hourly bars: those up to its first forecast, and "
        f"{LEAST_JUDGED_HOURS} to trade after it. There are {available}",
        needed=needed,
        available=available,
    )


def _rivals(hourly: Bars, horizon_hours: int, first: int) -> dict[str, Floats]:
    hours, measure = hours_of(hourly), measure_of(horizon_hours)
    return {
        HAR_OLS: har_ols(hours, horizon_hours, measure)[hours.bars][first:],
        YESTERDAY: last_realized(hours, horizon_hours, measure)[hours.bars][first:],
    }


def _since(signals: Walk, first: int) -> Walk:
    return Walk(*(getattr(signals, field.name)[first:] for field in fields(signals)))


def _curve(bars: Bars, strategy: Held, bought: Held) -> Curve:
    points: Rows = np.unique(
        np.linspace(0, len(bars) - 1, min(len(bars), MOST_POINTS)).round().astype(np.intp)
    )
    return Curve(
        time=bars.time[points] + _HOUR,
        volatility_target=strategy.equity[points],
        buy_and_hold=bought.equity[points],
        exposure=strategy.exposure[points],
    )
