"""What came of one forecast, by hand and against slow loops."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.evaluation.outcomes import (
    Realized,
    SignalForecast,
    gold_outcome,
    measuring_timeframe,
    realized,
    signal_outcome,
)
from assay.evaluation.track_record import HitRate, mean, root_mean_square, skill
from assay.features.transforms import garman_klass
from assay.forecast.distribution import LEVELS
from assay.market.bars import Bars
from assay.market.timeframes import timeframe

ORIGIN = datetime(2026, 11, 18, 12, tzinfo=UTC)
HOURLY = timeframe("1h")
MINUTE = timedelta(minutes=1)
# Uniform on -1 % to 1 %: the quantile of p is .02 p - .01.
UNIFORM = 0.02 * LEVELS - 0.01


def bars(rows, *, first=ORIGIN - timedelta(hours=1), of=HOURLY):
    """Rows of open, high, low, close, one after another."""
    start = np.datetime64(first.replace(tzinfo=None), "ms")
    time = start + np.timedelta64(of.milliseconds, "ms") * np.arange(len(rows))
    prices = np.array(rows, dtype=np.float64)
    return Bars(time, *prices.T.copy(), np.ones(len(rows)))


def test_gold_by_hand():
    """Uniform on +-1 %, the close .4 % up: PIT .7, inside 50 and 80 %, RW and median alike."""
    actual = 2000.0 * math.exp(0.004)
    found = gold_outcome(last_close=2000.0, actual=actual, quantiles=UNIFORM, random_walk=UNIFORM)
    assert found.log_return == pytest.approx(0.004)
    assert found.error == pytest.approx(actual - 2000.0)
    assert found.error == found.random_walk_error
    assert found.inside == {0.5: True, 0.8: True, 0.9: True, 0.95: True}
    assert found.pit == pytest.approx(0.7)
    # CRPS of a uniform [a, b], both tails: ((y - a)^3 + (b - y)^3) / 3 (b - a)^2.
    assert found.crps == pytest.approx((0.014**3 + 0.006**3) / (3 * 0.02**2), rel=1e-2)
    assert found.random_walk_crps == found.crps
    assert found.random_walk_pinball == found.pinball
    assert found.direction_hit is None, "the median stays where the price is"


def test_gold_outside_its_intervals():
    """-.8 % lies below the 80 % interval (-.8 % is its end, so -.81 %), and inside 90 %."""
    shifted = UNIFORM + 0.0001
    found = gold_outcome(
        last_close=2000.0,
        actual=2000.0 * math.exp(-0.0081),
        quantiles=shifted,
        random_walk=None,
    )
    assert found.inside == {0.5: False, 0.8: False, 0.9: True, 0.95: True}
    assert found.direction_hit is False, "the median said up"
    assert found.random_walk_crps is None
    assert found.random_walk_pinball is None
    assert found.pit == pytest.approx((-0.0081 - 0.0001 + 0.01) / 0.02)


def test_gold_pinball_is_the_naive_mean_over_the_reported_levels():
    levels = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
    moved = 0.0031
    losses = []
    for level in levels:
        error = moved - (0.02 * level - 0.01)
        losses.append(level * error if error > 0 else (level - 1) * error)
    found = gold_outcome(
        last_close=1.0, actual=math.exp(moved), quantiles=UNIFORM, random_walk=2 * UNIFORM
    )
    assert found.pinball == pytest.approx(sum(losses) / 9)
    assert found.random_walk_crps > found.crps


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_price_is_refused(price):
    for prices in ((price, 1.0), (1.0, price)):
        with pytest.raises(ValueError, match="no price"):
            gold_outcome(
                last_close=prices[0], actual=prices[1], quantiles=UNIFORM, random_walk=None
            )


@pytest.mark.parametrize("grid", [UNIFORM[:-1], np.full(199, np.nan)])
def test_what_is_no_grid_is_refused(grid):
    with pytest.raises(ValueError, match="finite quantiles"):
        gold_outcome(last_close=1.0, actual=1.0, quantiles=grid, random_walk=None)


def test_squared_returns_begin_at_the_close_of_the_origin():
    """Closes e^0, e^.1, e^-.1: .1^2 + .2^2 = .05; the return is -.1."""
    closes = np.exp([0.0, 0.1, -0.1])
    rows = [(close, close, close, close) for close in closes]
    found = realized(
        bars(rows),
        HOURLY,
        origin=ORIGIN,
        target=ORIGIN + timedelta(hours=2),
        measure="squared_returns",
    )
    assert found.variance == pytest.approx(0.05)
    assert found.volatility == pytest.approx(math.sqrt(0.05))
    assert found.log_return == pytest.approx(-0.1)
    assert found.bars == 2


def test_garman_klass_leaves_out_the_bar_before_the_origin():
    """One bar h/l = e^.2, c/o = e^.1: .02 - (2 ln 2 - 1) .01, whatever the bar before did."""
    rows = [(1.0, 9.0, 0.1, 1.0), tuple(np.exp([0.0, 0.15, -0.05, 0.1]))]
    found = realized(
        bars(rows),
        HOURLY,
        origin=ORIGIN,
        target=ORIGIN + timedelta(hours=1),
        measure="garman_klass",
    )
    assert found.variance == pytest.approx(0.02 - (2 * math.log(2) - 1) * 0.01)
    assert found.log_return == pytest.approx(0.1)


@pytest.mark.parametrize("missing", range(5))
def test_with_any_bar_missing_nothing_is_said(missing):
    rows = [(1.0, 1.1, 0.9, 1.0)] * 5
    whole = bars(rows)
    kept = np.arange(5) != missing
    window = {"origin": ORIGIN, "target": ORIGIN + timedelta(hours=4), "measure": "garman_klass"}
    assert realized(whole, HOURLY, **window).bars == 4
    assert realized(whole.take(kept), HOURLY, **window) is None


def test_bars_before_and_after_the_window_change_nothing():
    rng = np.random.default_rng(3)
    closes = np.exp(np.cumsum(rng.normal(0, 0.01, 40)))
    rows = [(c, c * 1.02, c * 0.98, c) for c in closes]
    long = bars(rows, first=ORIGIN - timedelta(hours=11))
    window = {"origin": ORIGIN, "target": ORIGIN + timedelta(hours=6)}
    for measure in ("garman_klass", "squared_returns"):
        found = realized(long, HOURLY, measure=measure, **window)
        alone = realized(long.take(slice(10, 17)), HOURLY, measure=measure, **window)
        assert found == alone
    assert realized(Bars.empty(), HOURLY, measure="garman_klass", **window) is None


QUARTERS = timeframe("15m")


def quarters(logs):
    """Bars of a quarter of an hour with these logs of open, high, low, close; the first ends at
    ORIGIN.
    """
    first = ORIGIN - timedelta(minutes=15)
    return bars([tuple(np.exp(row)) for row in logs], first=first, of=QUARTERS)


def test_below_an_hour_the_window_is_one_bar():
    """ln: open 0, high .2, low -.1, close .1: .3^2 / 2 - (2 ln 2 - 1) .1^2."""
    window = [(0.0, 0.2, 0.0, 0.15), (0.15, 0.16, -0.1, 0.1)]
    found = realized(
        quarters([(0.0, 9.0, -9.0, 0.0), *window]),
        QUARTERS,
        origin=ORIGIN,
        target=ORIGIN + timedelta(minutes=30),
        measure="garman_klass",
    )
    assert found.variance == pytest.approx(0.045 - (2 * math.log(2) - 1) * 0.01)
    assert (found.log_return, found.bars) == (pytest.approx(0.1), 2)


@pytest.mark.parametrize("begins_after_minutes", [0, 15])
def test_off_the_hour_bars_are_gathered_into_hours_from_the_origin_on(begins_after_minutes):
    """An hour of closes .1 .2 .3 .4, then a half of .5 .6: returns .4 and .2, each bar a line."""
    closes = np.arange(7) / 10
    rows = [(c - 0.1 * (at > 0), c, c - 0.1 * (at > 0), c) for at, c in enumerate(closes)]
    origin = ORIGIN + timedelta(minutes=begins_after_minutes)
    of = bars(
        [tuple(np.exp(row)) for row in rows], first=origin - timedelta(minutes=15), of=QUARTERS
    )
    window = {"origin": origin, "target": origin + timedelta(minutes=90)}
    found = realized(of, QUARTERS, measure="squared_returns", **window)
    assert found.variance == pytest.approx(0.4**2 + 0.2**2)
    found = realized(of, QUARTERS, measure="garman_klass", **window)
    line = 0.5 - (2 * math.log(2) - 1)
    assert found.variance == pytest.approx(line * (0.4**2 + 0.2**2))
    assert found.log_return == pytest.approx(0.6)


def test_a_quarter_of_an_hour_exceeds_the_hours_threshold_as_often_as_the_hour_does():
    """A random walk by the minute, its volatility another every hour.

    Summed over the minutes a fifth of quarters would be an eighth: the threshold, of hourly bars,
    is noisier than such a sum.
    """
    rng = np.random.default_rng(1)
    hours = 4_000
    scale = np.exp(rng.normal(0, 0.3, hours))[:, None] * 1e-3
    steps = scale[:, :, None] * rng.normal(size=(hours, 60, 10))
    path = np.cumsum(steps.reshape(hours, 600), axis=1).reshape(hours, 60, 10)
    opens = np.concatenate([np.zeros((hours, 1)), path[:, :-1, -1]], axis=1)
    high, low = np.maximum(path.max(axis=2), opens), np.minimum(path.min(axis=2), opens)
    close = path[:, :, -1]
    whole = garman_klass(*np.exp([opens[:, 0], high.max(axis=1), low.min(axis=1), close[:, -1]]))
    threshold = np.quantile(whole, 0.8) / 4
    rest = np.exp(np.stack([opens, high, low, close], axis=-1))
    above, summed = [], []
    for hour in rest[:, :15]:
        minutes = bars([(1.0, 1.0, 1.0, 1.0), *hour], first=ORIGIN - MINUTE, of=timeframe("1m"))
        found = realized(
            minutes,
            timeframe("1m"),
            origin=ORIGIN,
            target=ORIGIN + 15 * MINUTE,
            measure="garman_klass",
        )
        above.append(found.variance > threshold)
        summed.append(garman_klass(*hour.T).sum() > threshold)
    assert np.mean(above) == pytest.approx(0.2, abs=0.025)
    assert np.mean(summed) < 0.16


def test_a_window_of_no_whole_bars_is_refused():
    for minutes in (0, 90):
        with pytest.raises(ValueError, match="whole number"):
            realized(
                Bars.empty(),
                HOURLY,
                origin=ORIGIN,
                target=ORIGIN + timedelta(minutes=minutes),
                measure="garman_klass",
            )


@pytest.mark.parametrize(
    ("origin_minute", "minutes", "own", "measured"),
    [
        (0, 60, "1h", "1h"),
        (0, 1440, "1d", "1h"),
        (0, 60, "1m", "1h"),
        (0, 30, "15m", "15m"),
        (15, 60, "15m", "15m"),
        (0, 90, "30m", "30m"),
        (0, 240, "4h", "1h"),
    ],
)
def test_hours_measure_whatever_begins_and_ends_on_one(origin_minute, minutes, own, measured):
    origin = ORIGIN + timedelta(minutes=origin_minute)
    found = measuring_timeframe(origin, origin + timedelta(minutes=minutes), timeframe(own))
    assert found.name == measured


SAID = SignalForecast(
    origin=ORIGIN,
    target=ORIGIN + timedelta(hours=1),
    measure="garman_klass",
    volatility=0.02,
    lower=0.01,
    upper=0.03,
    risk_score=0.3,
    threshold=0.025,
    value_at_risk={0.95: 0.04, 0.99: 0.06},
    tail_loss_probability=0.1,
    tail_loss_return=-0.035,
)


def test_a_signal_by_hand_where_the_risk_came_about():
    """Volatility .028: above .025, inside .01 to .03. e^-.05 - 1 = -4.88 %: past 4 %, not 6 %."""
    found = signal_outcome(SAID, Realized(0.028**2, -0.05, 1))
    assert found.realized_volatility == pytest.approx(0.028)
    assert found.above_threshold
    assert found.brier == pytest.approx(0.49)
    assert found.inside
    assert found.var_hit == {0.95: True, 0.99: False}
    assert found.tail_loss
    assert found.tail_brier == pytest.approx(0.81)


def test_a_signal_by_hand_where_it_did_not():
    """-3.9 % as a log return is 3.83 % lost: below the tail's -3.5 %, but no 4 %."""
    found = signal_outcome(SAID, Realized(0.009**2, -0.039, 1))
    assert not found.above_threshold
    assert found.brier == pytest.approx(0.09)
    assert not found.inside
    assert found.var_hit == {0.95: False, 0.99: False}
    assert found.tail_loss
    calm = signal_outcome(SAID, Realized(0.0, 0.02, 1))
    assert not calm.tail_loss
    assert calm.tail_brier == pytest.approx(0.01)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=30),
    st.sampled_from(["garman_klass", "squared_returns"]),
)
def test_whatever_prices_do_variance_is_finite_and_not_below_zero(moves, measure):
    closes = np.exp(np.cumsum(moves))
    rows = [(c, c * 1.01, c * 0.99, c) for c in closes]
    target = ORIGIN + timedelta(hours=len(rows) - 1)
    found = realized(bars(rows), HOURLY, origin=ORIGIN, target=target, measure=measure)
    assert found.variance >= 0.0
    assert math.isfinite(found.volatility)
    assert found.log_return == pytest.approx(math.log(closes[-1] / closes[0]), abs=1e-12)


def test_rates_means_and_skill_of_nothing_are_undefined():
    assert HitRate.of([]) == HitRate(0, 0)
    assert HitRate.of([None]).rate is None
    assert mean([]) is None
    assert root_mean_square([]) is None
    assert skill([], []) is None
    assert skill([0.0], [0.0]) is None


def test_rates_means_and_skill_by_hand():
    assert HitRate.of([True, None, False, True]) == HitRate(3, 2)
    assert mean([1.0, 2.0, 6.0]) == 3.0
    assert root_mean_square([1.0, 7.0]) == 5.0
    assert skill([1.0, 1.0], [1.0, 3.0]) == 0.5
    with pytest.raises(ValueError, match="same days"):
        skill([1.0], [])
