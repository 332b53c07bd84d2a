"""Exposure: by hand, beside a portfolio of units and cash, and never with a look ahead."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.evaluation.exposure import Terms, hold, wanted_exposure
from assay.market.bars import Bars

NAN = np.nan


def bars_of(opens, closes, lows=None):
    opens, closes = np.asarray(opens, float), np.asarray(closes, float)
    lows = np.minimum(opens, closes) if lows is None else np.asarray(lows, float)
    time = np.datetime64("2024-01-01", "ms") + np.arange(len(opens)) * np.timedelta64(1, "h")
    return Bars(time, opens, np.maximum(opens, closes), lows, closes, np.ones(len(opens)))


# Bought to a half at 100; at 120 the half has become 6/11 of 1.1 and goes to all; sold at 99.
HAND_BARS = bars_of([100, 100, 120, 90, 99, 50], [100, 120, 90, 99, 50, 60])
HAND_WANTED = np.array([0.5, NAN, 1.0, NAN, 0.0, NAN])
BOUGHT = Fraction(200, 201)  # E' = 1 - .01 x .5 E'
ALL_IN = BOUGHT * Fraction(11, 10) * Fraction(1106, 1111)  # (1 + .01 x 6/11) / 1.01
SOLD = ALL_IN * Fraction(99, 120) * Fraction(99, 100)


def test_fees_slippage_turnover_and_equity_by_hand():
    """At 80 + 20 basis points: 1 % of what is traded."""
    held = hold(HAND_BARS, HAND_WANTED, cost_rate=0.01)
    equity = [
        BOUGHT,
        BOUGHT * Fraction(11, 10),
        ALL_IN * Fraction(90, 120),
        ALL_IN * Fraction(99, 120),
        SOLD,
        SOLD,
    ]
    np.testing.assert_allclose(held.equity, np.array(equity, float), rtol=1e-14)
    np.testing.assert_allclose(held.equity[[0, 1, 4]], [0.995025, 1.094527, 0.889932], atol=1e-6)
    np.testing.assert_allclose(held.exposure, [0.5, 6 / 11, 1, 1, 0, 0], rtol=1e-14)
    np.testing.assert_allclose(held.turnover, [0.5 / 1.005, 0, (5 / 11) / 1.01, 0, 1, 0])
    paid = [0.5 / 100.5, 0, (5 / 11) / 101 * 220 / 201, 0, float(ALL_IN) * 0.825 * 0.01, 0]
    np.testing.assert_allclose(held.paid, paid)
    np.testing.assert_array_equal(held.decided, [0.5, NAN, 1.0, NAN, 0.0, NAN])


def test_a_decision_is_traded_at_the_open_and_not_at_the_close_before():
    """The price gaps from 100 to 150 between the decision and the open, and nobody gains by it."""
    held = hold(bars_of([100, 150, 150], [100, 150, 165]), np.array([NAN, 1.0, NAN]), cost_rate=0.0)
    np.testing.assert_allclose(held.equity, [1.0, 1.0, 1.1])


def test_a_gap_is_earned_by_what_was_held_through_it():
    held = hold(bars_of([100, 150], [100, 150]), np.array([0.5, 0.0]), cost_rate=0.0)
    np.testing.assert_allclose(held.equity, [1.0, 1.25])


def test_within_the_band_nothing_is_traded():
    """From .5 the price's rise by 20 % leads to 6/11: .55 is within .01 of that, .6 is not."""
    bars = bars_of([100, 120, 120], [120, 120, 120])
    for wanted, trades in ((0.55, 1), (0.6, 2)):
        held = hold(bars, np.array([0.5, wanted, NAN]), cost_rate=0.01, band=0.01)
        assert np.isfinite(held.decided).sum() == trades


def test_borrowed_money_can_eat_up_everything_and_nothing_comes_back():
    """Three times 100: at 66 and less nothing is left, though the bar closes at 90."""
    bars = bars_of([100, 100, 95, 200], [100, 90, 200, 300], lows=[100, 66, 95, 200])
    held = hold(bars, np.array([3.0, NAN, 1.0, 2.0]), cost_rate=0.0)
    np.testing.assert_allclose(held.equity, [1, 0, 0, 0])
    np.testing.assert_allclose(held.exposure, [3, 0, 0, 0])
    np.testing.assert_allclose(held.turnover, [3, 0, 0, 0])
    shallow = replace(bars, low=np.array([100.0, 67.0, 95.0, 200.0]))
    assert hold(shallow, np.array([3.0, NAN, NAN, NAN]), cost_rate=0.0).equity[1] > 0.0
    gap = bars_of([100, 60], [100, 60])
    np.testing.assert_allclose(hold(gap, np.array([3.0, 0.0]), cost_rate=0.0).equity, [1, 0])


def test_the_wanted_exposure_by_hand():
    """A variance of 4 in 10,000 a day is 38.2 % a year: a target of 19.1 % wants a half."""
    daily = np.array([4e-4, 1e-4, 0.0, NAN])
    wanted = wanted_exposure(
        daily, horizon_hours=24, terms=Terms(target_volatility=0.19104973, max_exposure=0.8)
    )
    np.testing.assert_allclose(wanted, [0.5, 0.8, 0.8, NAN], rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fee_bps", -0.1),
        ("slippage_bps", 1001.0),
        ("target_volatility", 0.0),
        ("max_exposure", 3.1),
        ("no_trade_band", NAN),
        ("rebalance_hours", 0),
    ],
)
def test_terms_that_make_no_sense_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Terms(**{name: value})


# Invariants

markets = st.lists(st.tuples(st.floats(0.6, 1.6), st.floats(0.6, 1.6)), min_size=1, max_size=30)
decisions = st.lists(st.one_of(st.none(), st.floats(0.0, 1.0)), min_size=30, max_size=30)
rates = st.floats(0.0, 0.2)
bands = st.sampled_from([0.0, 0.05, 0.3])


def market_of(steps):
    """Gap and move of each bar."""
    gaps, moves = np.array(steps).T
    closes = np.cumprod(gaps * moves)
    return bars_of(closes / moves, closes)


def decided(values, n):
    return np.array([NAN if value is None else value for value in values[:n]])


def units_and_cash(bars, wanted, rate, band):
    """A naive portfolio: units bought and sold one bar at a time, the cost found by bisection."""
    units, cash, equity = 0.0, 1.0, []
    for open_, close, want in zip(bars.open, bars.close, wanted, strict=True):
        worth = cash + units * open_
        if not np.isnan(want) and abs(want - units * open_ / worth) > band:
            least, most = 0.0, worth
            for _ in range(200):
                left = (least + most) / 2
                spent = left + rate * abs(want * left - units * open_)
                least, most = (left, most) if spent < worth else (least, left)
            units, cash = want * left / open_, (1.0 - want) * left
        equity.append(cash + units * close)
    return equity


@given(markets, decisions, rates, bands)
def test_it_equals_a_portfolio_of_units_and_cash(steps, values, rate, band):
    bars = market_of(steps)
    wanted = decided(values, len(bars))
    band += 1e-11  # a decision to hold what is held may fall either way by rounding
    found = hold(bars, wanted, cost_rate=rate, band=band)
    np.testing.assert_allclose(found.equity, units_and_cash(bars, wanted, rate, band), rtol=1e-9)


@given(markets, decisions, rates, bands)
def test_costs_never_raise_equity_and_exposure_stays_in_bounds(steps, values, rate, band):
    bars = market_of(steps)
    wanted = decided(values, len(bars))
    free = hold(bars, wanted, cost_rate=0.0, band=band)
    dear = hold(bars, wanted, cost_rate=rate, band=band)
    assert (dear.equity <= free.equity * (1 + 1e-12)).all()
    assert (dear.equity > 0.0).all()
    assert (dear.exposure >= 0.0).all()
    assert (dear.exposure <= 1.0 + 1e-12).all()
    assert (dear.turnover <= 1.0 + 1e-12).all()
    np.testing.assert_array_equal(dear.decided, free.decided)


@given(markets, decisions, st.integers(0, 29), st.floats(0.1, 10.0))
def test_what_comes_later_changes_no_equity(steps, values, at, factor):
    bars = market_of(steps)
    wanted = decided(values, len(bars))
    later = np.arange(len(bars)) > at
    changed = Bars(
        bars.time, *(np.where(later, column * factor, column) for column in bars.columns()[1:])
    )
    before = hold(bars, wanted, cost_rate=0.001).equity
    after = hold(changed, np.where(later, 1.0, wanted), cost_rate=0.001).equity
    np.testing.assert_array_equal(before[: at + 1], after[: at + 1])
