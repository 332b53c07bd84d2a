"""Figures of a portfolio's path: return, volatility, Sharpe, drawdown, turnover, costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from assay.evaluation.exposure import Held
from assay.market.bars import Floats

# Figures a year of a shorter span say nothing about a year.
LEAST_YEARS: Final = 30.0 / 365.0
_LARGEST_LOG: Final = 700.0
_ROUNDING: Final = 1e-14


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Shares of the starting equity, not percent; None where undefined.

    `annualized_*`, `sharpe`, `calmar` and `annual_turnover` are None below 30 days. `turnover` is
    the sum over trades of value traded / equity at the time (a share: 1 = all of it once);
    `costs_paid` is money, in starting equities, `fees_paid` and `slippage_paid` its parts.
    """

    total_return: float
    annualized_return: float | None
    annualized_volatility: float | None
    sharpe: float | None
    max_drawdown: float
    calmar: float | None
    turnover: float
    annual_turnover: float | None
    costs_paid: float
    fees_paid: float
    slippage_paid: float
    average_exposure: float
    trades: int


def performance(held: Held, *, years: float, fee_bps: float, slippage_bps: float) -> Performance:
    """Figures of `held`, a span of `years` from the first bar's open to the last one's close.

    Simple returns from bar to bar, the first one from 1. Volatility is their standard deviation
    (n - 1) times the root of the bars a year, Sharpe their mean over it at a rate of zero, times
    the same root. Calmar is the annualized return over the largest drawdown.
    """
    if not len(held.equity):
        raise ValueError("there is no bar to judge")
    long_enough = years >= LEAST_YEARS
    returns = period_returns(held.equity)
    gone_a_year = _annualized(float(held.equity[-1]), years) if long_enough else None
    volatility = _spread(returns) * math.sqrt(len(returns) / years) if long_enough else None
    drawdown = max_drawdown(held.equity)
    turnover, costs = float(held.turnover.sum()), float(held.paid.sum())
    of_fees = fee_bps / (fee_bps + slippage_bps) if fee_bps + slippage_bps else 0.0
    return Performance(
        total_return=float(held.equity[-1]) - 1.0,
        annualized_return=gone_a_year,
        annualized_volatility=volatility,
        sharpe=float(returns.mean()) * len(returns) / years / volatility if volatility else None,
        max_drawdown=drawdown,
        calmar=gone_a_year / drawdown if gone_a_year is not None and drawdown else None,
        turnover=turnover,
        annual_turnover=turnover / years if long_enough else None,
        costs_paid=costs,
        fees_paid=costs * of_fees,
        slippage_paid=costs * (1.0 - of_fees) if slippage_bps else 0.0,
        average_exposure=float(held.exposure.mean()),
        trades=int(np.isfinite(held.decided).sum()),
    )


def period_returns(equity: Floats) -> Floats:
    """Simple returns of a path that began at 1; 0 once nothing is left.

    >>> period_returns(np.array([1.0, 1.5, 0.0, 0.0])).tolist()
    [0.0, 0.5, -1.0, 0.0]
    """
    before = np.append(1.0, equity[:-1])
    result: Floats = np.where(before > 0.0, equity / np.where(before > 0.0, before, 1.0) - 1.0, 0.0)
    return result


def max_drawdown(equity: Floats) -> float:
    """The largest fall from a peak as a share of it, 0 to 1; the start at 1 is a peak too.

    >>> max_drawdown(np.array([0.9, 1.2, 0.6, 1.3]))
    0.5
    """
    peak = np.maximum(np.maximum.accumulate(equity), 1.0)
    return float((1.0 - equity / peak).max())


def _annualized(end: float, years: float) -> float:
    return math.expm1(min(math.log(end) / years, _LARGEST_LOG)) if end > 0.0 else -1.0


def _spread(returns: Floats) -> float:
    """Standard deviation; what is left of rounding where all are equal is none."""
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    return spread if spread > _ROUNDING else 0.0
