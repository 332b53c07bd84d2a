from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.evaluation import tail_tests
from assay.evaluation.tail_tests import acerbi_szekely_z2, fz0, z2_critical

LEVELS = (0.01, 0.025, 0.05)


def true_tail(level, df=None, n=1):
    """Quantile and tail mean of a standard normal, or of a Student-t, each shape (n,)."""
    if df is None:
        v = stats.norm.ppf(level)
        e = -stats.norm.pdf(v) / level
    else:
        v = stats.t.ppf(level, df)
        e = -stats.t.pdf(v, df) / level * (df + v**2) / (df - 1)
    return np.full(n, v), np.full(n, e)


def test_z2_by_hand():
    """Four days at 25 %, misses -3 and -1 on a tail mean of -2: 1 - (1.5 + .5) / 1 = -1."""
    returns = np.array([-3.0, 0.5, -1.0, 2.0])
    assert acerbi_szekely_z2(returns, np.full(4, -2.0), np.full(4, -1.0), 0.25) == -1.0
    assert acerbi_szekely_z2(returns[1::2], np.full(2, -2.0), np.full(2, -1.0), 0.25) == 1.0


def naive_z2(returns, e, v, level):
    total = 0.0
    for r, tail, quantile in zip(returns, e, v, strict=True):
        if r <= quantile:
            total += r / tail
    return 1.0 - total / (len(returns) * level)


def naive_fz0(r, e, v, level):
    indicator = 1.0 if r <= v else 0.0
    return -indicator * (v - r) / (level * e) + v / e + np.log(-e) - 1.0


def test_both_equal_a_naive_loop():
    rng = np.random.default_rng(0)
    scale = 0.02 * np.exp(0.3 * rng.normal(size=400))
    returns = scale * rng.standard_t(5, 400)
    v, e = true_tail(0.05, df=5)
    v, e = v * scale, e * scale
    assert acerbi_szekely_z2(returns, e, v, 0.05) == pytest.approx(naive_z2(returns, e, v, 0.05))
    expected = [naive_fz0(*row, 0.05) for row in zip(returns, e, v, strict=True)]
    np.testing.assert_allclose(fz0(returns, e, v, 0.05), expected)


@pytest.mark.parametrize("level", LEVELS)
def test_z2_is_zero_in_the_mean_where_the_forecast_is_true(level):
    rng = np.random.default_rng(1)
    v, e = true_tail(level, n=400_000)
    assert abs(acerbi_szekely_z2(rng.normal(size=400_000), e, v, level)) < 0.06


@pytest.mark.parametrize(("df", "level", "n"), [(5, 0.025, 250), (5, 0.05, 400), (4, 0.01, 430)])
def test_the_critical_point_is_that_of_full_histories(df, level, n):
    """Histories drawn from the Student-t itself, not from the law of excesses alone."""
    rng = np.random.default_rng(2)
    v, e = true_tail(level, df=df, n=n)
    returns = rng.standard_t(df, (4_000, n))
    severity = np.where(returns <= v[0], returns / e[0], 0.0).sum(axis=1)
    expected = np.quantile(1.0 - severity / (n * level), 0.05)
    assert z2_critical(e, v, level) == pytest.approx(expected, abs=0.06)


def test_the_critical_point_is_the_published_one():
    """Acerbi and Szekely 2014, table 2: -.70 for the normal and -.74 for t(5), 250 days, 2.5 %."""
    assert z2_critical(*true_tail(0.025, n=250)[::-1], 0.025) == pytest.approx(-0.70, abs=0.05)
    assert z2_critical(*true_tail(0.025, df=5, n=250)[::-1], 0.025) == pytest.approx(
        -0.74, abs=0.05
    )


def test_risk_understated_by_a_third_falls_below_the_critical_point():
    rng = np.random.default_rng(3)
    v, e = true_tail(0.05, df=5, n=430)
    found = acerbi_szekely_z2(rng.standard_t(5, 430), e * 0.67, v * 0.67, 0.05)
    assert found < z2_critical(e, v, 0.05)


def test_fz0_by_hand():
    """At 25 %, e = -2, v = -1: kept .5 + .693147 - 1; a miss at -3 adds 2 / (.25 x 2) = 4."""
    found = fz0(np.array([1.0, -3.0]), np.full(2, -2.0), np.full(2, -1.0), 0.25)
    np.testing.assert_allclose(found, [0.193147, 4.193147], atol=1e-6)


@pytest.mark.parametrize("level", [0.01, 0.05])
def test_fz0_is_least_at_the_true_pair(level):
    rng = np.random.default_rng(4)
    returns = rng.standard_t(5, 300_000)
    (v,), (e,) = true_tail(level, df=5)
    best = fz0(returns, np.full(len(returns), e), np.full(len(returns), v), level).mean()
    for dv, de in ((0.8, 1.0), (1.2, 1.0), (1.0, 0.8), (1.0, 1.2), (0.8, 0.8), (1.2, 1.2)):
        if v * dv < e * de:
            continue
        other = fz0(returns, np.full(len(returns), e * de), np.full(len(returns), v * dv), level)
        assert other.mean() > best, (dv, de)


@given(st.floats(0.001, 100.0), st.floats(-5.0, 5.0), st.floats(0.1, 3.0), st.floats(0.0, 2.0))
def test_the_unit_of_returns_moves_fz0_by_its_logarithm_alone(unit, r, v, beyond):
    args = np.array([r]), np.array([-v - beyond]), np.array([-v])
    moved = fz0(*(x * unit for x in args), 0.05) - fz0(*args, 0.05)
    np.testing.assert_allclose(moved, np.log(unit), rtol=1e-6, atol=1e-6)


def test_the_examples_are_true():
    found = doctest.testmod(tail_tests)
    assert found.failed == 0
    assert found.attempted >= 2
