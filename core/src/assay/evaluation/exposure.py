"""What an exposure that follows volatility would have earned: decided at a close, traded at the
next bar's open, paid for, and left to drift until the next trade.

Volatility targeting as in Moreira and Muir, Volatility-Managed Portfolios, Journal of Finance 72
(2017), with a cap and a no-trade band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.market.bars import Bars, Floats

HOURS_A_YEAR: Final = 8760.0
BASIS_POINT: Final = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The exposure aimed at, and what a trade costs.

    `target_volatility` is annualized; `max_exposure` is a share of the equity (1 = all of it, and
    above 1 with borrowed money, on which no interest is charged). The first origin decides, then
    closes that are whole multiples of `rebalance_hours` since the epoch; there is a trade where the
    exposure held is further than `no_trade_band` from the one wanted. `fee_bps` and `slippage_bps`
    are of the value traded.
    """

    target_volatility: float = 0.4
    max_exposure: float = 1.0
    fee_bps: float = 10.0
    slippage_bps: float = 2.0
    rebalance_hours: int = 24
    no_trade_band: float = 0.1

    def __post_init__(self) -> None:
        for name, low, high in _BOUNDS:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}: it should be from {low:g} to {high:g}")

    @property
    def cost_rate(self) -> float:
        """What is paid of the value traded."""
        return (self.fee_bps + self.slippage_bps) * BASIS_POINT


_BOUNDS: Final = (
    ("target_volatility", 0.001, 10.0),
    ("max_exposure", 0.01, 3.0),
    ("fee_bps", 0.0, 1000.0),
    ("slippage_bps", 0.0, 1000.0),
    ("rebalance_hours", 1, 8760),
    ("no_trade_band", 0.0, 1.0),
)


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A portfolio bar by bar, shape (n,), beginning with 1 in cash before the first bar.

    `equity` and `exposure` (a share of the equity, drifted) are as at the bars' closes. `turnover`
    is what changed hands at the bars' opens, a share of the equity before; `paid` is what that
    cost, in the money that `equity` is in. `decided` is the exposure that was traded for, NaN where
    nothing was. A portfolio that owes all it has, at a bar's low, stays at 0 from then on.
    """

    equity: Floats
    exposure: Floats
    turnover: Floats
    paid: Floats
    decided: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Trades:
    """One row a trade: the bar at whose open, equity just before it, equity and exposure just after
    it, and the exposure it was made from. `ends` is the bar at whose open nothing was left to trade
    with, n where there is none.
    """

    row: NDArray[np.intp]
    before: Floats
    equity: Floats
    exposure: Floats
    drifted: Floats
    ends: int


def annualized_volatility(variance: Floats, horizon_hours: int) -> Floats:
    """Root of `variance` over `horizon_hours` times the horizons in 365 days; NaN stays NaN.

    >>> annualized_volatility(np.array([0.0004]), 24).round(4).tolist()
    [0.3821]
    """
    result: Floats = np.sqrt(variance * (HOURS_A_YEAR / horizon_hours))
    return result


def wanted_exposure(variance: Floats, *, horizon_hours: int, terms: Terms) -> Floats:
    """min(max_exposure, target volatility / forecast volatility), shape (n,), as at the closes.

    `variance` is the forecast over the horizon, at least 0; NaN where there is none, and NaN then:
    no decision. A forecast of no volatility at all means the most exposure.

    >>> wanted_exposure(np.array([0.0004, 0.0, np.nan]), horizon_hours=24,
    ...                 terms=Terms(target_volatility=0.19)).round(3).tolist()
    [0.497, 1.0, nan]
    """
    volatility = annualized_volatility(variance, horizon_hours)
    least = terms.target_volatility / terms.max_exposure
    result: Floats = terms.target_volatility / np.maximum(volatility, least)
    return result


def hold(bars: Bars, wanted: Floats, *, cost_rate: float, band: float = 0.0) -> Held:
    """Trades at the open of each of `bars` for the exposure in `wanted`, shape (n,).

    `wanted` must have been decided before the bar opened: at the close of the bar before, or
    earlier. NaN: no decision, what is held stays. Nothing is traded within `band` of it.

    A trade from exposure w to v at equity E leaves E' with E' = E - c |v E' - w E|, c = `cost_rate`
    of the value traded: costs are paid from the equity, and v is met exactly after them. Between
    trades the units held do not change, so that exposure drifts and nothing is rebalanced for free.
    """
    trades = _trade(bars.open, wanted, cost_rate, band)
    ratio, equity, exposure = _since_trade(bars, trades, bars.close)
    growth = 1.0 + exposure * (ratio - 1.0)
    ruin = _ruin(bars, trades)
    alive, made = np.arange(len(bars)) < ruin, trades.row <= ruin
    rows, before, after = trades.row[made], trades.before[made], trades.equity[made]
    turnover, paid, decided = np.zeros(len(bars)), np.zeros(len(bars)), np.full(len(bars), np.nan)
    turnover[rows] = np.abs(trades.exposure[made] * after / before - trades.drifted[made])
    paid[rows] = cost_rate * turnover[rows] * before
    decided[rows] = trades.exposure[made]
    return Held(
        equity=np.where(alive, equity * growth, 0.0),
        exposure=np.where(alive, exposure * ratio / np.where(alive, growth, 1.0), 0.0),
        turnover=turnover,
        paid=paid,
        decided=decided,
    )


def _trade(opens: Floats, wanted: Floats, cost_rate: float, band: float) -> _Trades:
    """The trades in order; which ones come depends on those before, so this part is a loop."""
    found: list[tuple[float, ...]] = []
    equity, held, at, ends = 1.0, 0.0, 1.0, len(opens)
    price, want = opens.tolist(), wanted.tolist()
    for row in np.flatnonzero(~np.isnan(wanted)).tolist():
        ratio = price[row] / at if held else 1.0
        growth = 1.0 + held * (ratio - 1.0)
        if growth <= 0.0:
            ends = row
            break
        drifted = held * ratio / growth
        if abs(want[row] - drifted) <= band:
            continue
        cost = cost_rate if want[row] > drifted else -cost_rate
        left = (1.0 + cost * drifted) / (1.0 + cost * want[row])
        if left <= 0.0:
            ends = row
            break
        before, equity = equity * growth, equity * growth * left
        held, at = want[row], price[row]
        found.append((row, before, equity, held, drifted))
    rows, before_it, after_it, to, from_ = np.array(found).reshape(len(found), 5).T
    return _Trades(rows.astype(np.intp), before_it, after_it, to, from_, ends)


def _since_trade(bars: Bars, trades: _Trades, price: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each bar: `price` over that of the last trade, and that trade's equity and exposure."""
    last = np.searchsorted(trades.row, np.arange(len(bars)), side="right")
    at = np.append(1.0, bars.open[trades.row])[last]
    equity, held = np.append(1.0, trades.equity)[last], np.append(0.0, trades.exposure)[last]
    return np.where(held > 0.0, price / at, 1.0), equity, held


def _ruin(bars: Bars, trades: _Trades) -> int:
    """The first bar within which nothing is left, at its lowest price; n where there is none."""
    ratio, _, held = _since_trade(bars, trades, np.minimum(bars.low, bars.close))
    ruined = np.flatnonzero(1.0 + held * (ratio - 1.0) <= 0.0)
    return min(int(ruined[0]) if len(ruined) else len(bars), trades.ends)
