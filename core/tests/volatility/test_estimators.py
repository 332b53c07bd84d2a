from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.volatility import estimators
from assay.volatility.estimators import (
    bipower_variation,
    close_to_close,
    ewma_variance,
    garman_klass,
    jump_statistic,
    jump_variation,
    parkinson,
    realized_variance,
    rogers_satchell,
    yang_zhang,
)

WINDOW = 5


def random_bars(n: int = 60, seed: int = 0):
    """open, high, low, close of a walk with gaps."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(0.02 * rng.standard_normal(n)))
    open_ = np.append(100.0, close[:-1]) * np.exp(0.005 * rng.standard_normal(n))
    high = np.maximum(open_, close) * np.exp(np.abs(0.01 * rng.standard_normal(n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(0.01 * rng.standard_normal(n)))
    return open_, high, low, close


def every_estimator(open_, high, low, close, window=WINDOW):
    return {
        "close_to_close": close_to_close(close, window),
        "ewma": ewma_variance(close),
        "parkinson": parkinson(high, low),
        "garman_klass": garman_klass(open_, high, low, close),
        "rogers_satchell": rogers_satchell(open_, high, low, close),
        "yang_zhang": yang_zhang(open_, high, low, close, window),
        "realized_variance": realized_variance(close, window),
        "bipower_variation": bipower_variation(close, window),
        "jump_variation": jump_variation(close, window),
    }


def naive(open_, high, low, close, window=WINDOW):
    """Every estimator once more: loops over Python floats, formulas as in the papers."""
    n = len(close)
    out = {name: [math.nan] * n for name in every_estimator(open_, high, low, close)}
    r = [math.nan] + [math.log(close[t] / close[t - 1]) for t in range(1, n)]
    rs = [math.nan] * n
    for t in range(n):
        o, h, low_, c = (float(x[t]) for x in (open_, high, low, close))
        out["parkinson"][t] = math.log(h / low_) ** 2 / (4 * math.log(2))
        out["garman_klass"][t] = (
            math.log(h / low_) ** 2 / 2 - (2 * math.log(2) - 1) * math.log(c / o) ** 2
        )
        rs[t] = math.log(h / c) * math.log(h / o) + math.log(low_ / c) * math.log(low_ / o)
        out["rogers_satchell"][t] = rs[t]
        if t >= 1:
            weights = [0.94 ** (t - i) for i in range(1, t + 1)]
            total = sum(w * r[i] ** 2 for w, i in zip(weights, range(1, t + 1), strict=True))
            out["ewma"][t] = total / sum(weights)
        if t < window:
            continue
        inside = range(t - window + 1, t + 1)
        mean = sum(r[i] for i in inside) / window
        out["close_to_close"][t] = sum((r[i] - mean) ** 2 for i in inside) / (window - 1)
        rv = sum(r[i] ** 2 for i in inside)
        bv = sum(abs(r[i]) * abs(r[i - 1]) for i in list(inside)[1:])
        bv *= math.pi / 2 * window / (window - 1)
        out["realized_variance"][t] = rv
        out["bipower_variation"][t] = bv
        out["jump_variation"][t] = max(rv - bv, 0.0)
        gaps = [math.log(open_[i] / close[i - 1]) for i in inside]
        sessions = [math.log(close[i] / open_[i]) for i in inside]
        v_o = sum((g - sum(gaps) / window) ** 2 for g in gaps) / (window - 1)
        v_c = sum((s - sum(sessions) / window) ** 2 for s in sessions) / (window - 1)
        k = 0.34 / (1.34 + (window + 1) / (window - 1))
        v_rs = sum(rs[i] for i in inside) / window
        out["yang_zhang"][t] = v_o + k * v_c + (1 - k) * v_rs
    return out


def test_every_estimator_equals_a_naive_loop():
    bars = random_bars()
    expected = naive(*bars)
    for name, found in every_estimator(*bars).items():
        np.testing.assert_allclose(found, expected[name], rtol=1e-9, atol=1e-15, err_msg=name)
        assert np.isfinite(found).sum() >= len(found) - WINDOW, name


# Four bars in logs, by hand: o h l c = (0 .3 -.1 .2), (.2 .3 .1 .1), (.1 .4 0 .4), (.4 .4 .2 .2).
LOGS = np.array([
    [0.0, 0.3, -0.1, 0.2],
    [0.2, 0.3, 0.1, 0.1],
    [0.1, 0.4, 0.0, 0.4],
    [0.4, 0.4, 0.2, 0.2],
])  # fmt: skip
NAN = math.nan
LN2 = 0.693147

# r = -, -.1, .3, -.2 and no gaps; windows of 3 where rolling.
BY_HAND = {
    # ranges .4 .2 .4 .2: .16 / 2.772589, .04 / 2.772589
    "parkinson": [0.057708, 0.014427, 0.057708, 0.014427],
    # .08 - .386294 x .04; .02 - .386294 x .01; .08 - .386294 x .09; .02 - .386294 x .04
    "garman_klass": [0.064548, 0.016137, 0.045234, 0.004548],
    # .1 x .3 + .3 x .1; .2 x .1 + 0; 0 + .4 x .1; 0
    "rogers_satchell": [0.06, 0.02, 0.04, 0.0],
    # mean 0: (.01 + .09 + .04) / 2
    "close_to_close": [NAN, NAN, NAN, 0.07],
    # .01; (.09 + .94 x .01) / 1.94; (.04 + .94 x .09 + .8836 x .01) / 2.8236
    "ewma": [NAN, 0.01, 0.051237, 0.047258],
    # k = .34 / (1.34 + 2) = .101796: 0 + k x .07 + (1 - k) x .06 / 3
    "yang_zhang": [NAN, NAN, NAN, 0.025090],
    "realized_variance": [NAN, NAN, NAN, 0.14],
    # 1.570796 x 1.5 x (.1 x .3 + .3 x .2)
    "bipower_variation": [NAN, NAN, NAN, 0.212058],
    "jump_variation": [NAN, NAN, NAN, 0.0],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    found = every_estimator(*np.exp(LOGS.T), window=3)[name]
    np.testing.assert_allclose(found, BY_HAND[name], atol=6e-7)


def test_a_jump_by_hand():
    """r = .01, .2, .01: rv .0402; bv 1.5 pi/2 x (.002 + .002) = .009425; jump .030775."""
    close = np.exp(np.cumsum([0.0, 0.01, 0.2, 0.01]))
    assert jump_variation(close, 3)[-1] == pytest.approx(0.030775, abs=1e-6)


def test_the_jump_statistic_by_hand():
    """|r| all .01, window 4: bv = pi/2 x 4/3 x 3e-4 = 6.2832e-4, rv = 4e-4; tq = 4 x 1.743443 x 2
    x 2e-8 = 2.78951e-7, tq / bv^2 = .7066; (1 - pi/2) / sqrt(.608994 / 4) = -1.462867.
    """
    close = np.exp(np.cumsum([0.0, 0.01, -0.01, 0.01, -0.01]))
    assert jump_statistic(close, 4)[-1] == pytest.approx(-1.462867, abs=1e-6)


def test_the_jump_statistic_is_standard_normal_without_jumps_and_sees_one():
    rng = np.random.default_rng(3)
    moves = 0.01 * rng.standard_normal(200 * 400)
    close = np.exp(np.append(0.0, np.cumsum(moves)))
    z = jump_statistic(close, 400)[400::400]
    assert abs(z.mean()) < 0.25
    assert 0.85 < z.std() < 1.15
    moves[100] += 0.15
    jumped = np.exp(np.append(0.0, np.cumsum(moves[:400])))
    assert stats.norm.sf(jump_statistic(jumped, 400)[-1]) < 1e-4


def test_all_agree_on_a_diffusion():
    """2,000 bars of 400 steps each, standard deviation .01 a bar: 1e-4 within 10 % (ranges on
    discrete steps see a little less).
    """
    rng = np.random.default_rng(4)
    steps = 0.01 / 20.0 * rng.standard_normal((2000, 400))
    path = np.cumsum(steps, axis=1) + np.append(0.0, np.cumsum(steps.sum(axis=1))[:-1])[:, None]
    begin = path[:, 0] - steps[:, 0]
    logs = begin, np.maximum(path.max(axis=1), begin), np.minimum(path.min(axis=1), begin)
    bars = (*(np.exp(x) for x in logs), np.exp(path[:, -1]))
    for name, found in every_estimator(*bars, window=1000).items():
        if name in ("jump_variation", "ewma"):
            continue
        scale = 1000.0 if name in ("realized_variance", "bipower_variation") else 1.0
        assert np.nanmean(found) / scale == pytest.approx(1e-4, rel=0.1), name


prices = st.lists(st.floats(0.5, 2.0), min_size=4, max_size=4)


@st.composite
def bars(draw):
    """Any open, high, low, close; what is above or below all of them is not given to be."""
    rows = np.array(draw(st.lists(prices, min_size=WINDOW + 1, max_size=20)))
    rows[:, 1:3] = np.sort(rows[:, 1:3])[:, ::-1]
    return rows.T


@settings(deadline=None, max_examples=60)
@given(bars(), st.floats(1e-6, 1e6))
def test_never_negative_and_the_unit_of_the_price_never_matters(columns, unit):
    found, rescaled = every_estimator(*columns), every_estimator(*(columns * unit))
    for name, values in found.items():
        assert (values[np.isfinite(values)] >= 0.0).all(), name
        np.testing.assert_allclose(rescaled[name], values, rtol=1e-6, atol=1e-12, err_msg=name)


@settings(deadline=None, max_examples=30)
@given(bars())
def test_later_bars_change_nothing(columns):
    whole = every_estimator(*columns)
    for name, values in every_estimator(*columns[:, :-1]).items():
        np.testing.assert_array_equal(whole[name][:-1], values, err_msg=name)


def test_prices_that_stand_still_have_no_variance():
    for name, values in every_estimator(*np.full((4, 9), 7.0)).items():
        np.testing.assert_array_equal(values[np.isfinite(values)], 0.0, err_msg=name)
        assert np.isfinite(values[-1]), name
    assert np.isnan(jump_statistic(np.full(9, 7.0), 5)).all()


def test_a_price_that_is_not_known_leaves_what_needs_it_unknown():
    open_, high, low, close = random_bars(20)
    close[7] = np.nan
    found = realized_variance(close, 3)
    assert np.flatnonzero(np.isnan(found)).tolist() == [0, 1, 2, 7, 8, 9, 10]
    ranges = garman_klass(open_, high, low, close)
    assert np.flatnonzero(np.isnan(ranges)).tolist() == [7]


@pytest.mark.parametrize("estimate", [close_to_close, bipower_variation, jump_statistic])
def test_a_window_too_short_is_refused(estimate):
    with pytest.raises(ValueError, match="window of 1 returns"):
        estimate(np.ones(5), 1)


def test_fewer_bars_than_the_window_give_nan():
    for name, values in every_estimator(*random_bars(3)).items():
        assert len(values) == 3, name


def test_the_examples_are_true():
    assert doctest.testmod(estimators).failed == 0
    assert doctest.testmod(estimators).attempted >= 9
