from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.evaluation import volatility_scores
from assay.evaluation.volatility_scores import (
    log_r2,
    log_r2_unit_slope,
    mincer_zarnowitz,
    qlike,
)

variances = st.floats(1e-12, 1e3)


def test_qlike_by_hand():
    """rv/f = 1, 2, 1/2, 10: 0; 2 - .693147 - 1; .5 + .693147 - 1; 10 - 2.302585 - 1."""
    found = qlike(np.array([3.0, 1.0, 2.0, 0.1]), np.array([3.0, 2.0, 1.0, 1.0]))
    np.testing.assert_allclose(found, [0.0, 0.306853, 0.193147, 6.697415], atol=1e-6)


@given(variances, variances, st.floats(1e-6, 1e6))
def test_qlike_is_never_negative_and_has_no_unit(forecast, realized, unit):
    f, rv = np.array([forecast]), np.array([realized])
    assert qlike(f, rv)[0] >= -1e-12
    np.testing.assert_allclose(qlike(f * unit, rv * unit), qlike(f, rv), rtol=1e-6, atol=1e-9)


def test_qlike_is_least_at_the_mean():
    """Realized variance is the true one times chi-squared(1): the mean forecast wins, not the
    median.
    """
    rv = np.random.default_rng(0).chisquare(1, 20_000)
    losses = {f: qlike(np.full(len(rv), f), rv).mean() for f in (0.45, 0.9, 1.0, 1.1, 2.0)}
    assert min(losses, key=losses.get) == 1.0


def test_mincer_zarnowitz_equals_an_independent_library():
    rng = np.random.default_rng(1)
    f = np.exp(rng.normal(-7.0, 1.0, 300))
    rv = np.exp(-0.5 + 0.9 * np.log(f) + rng.normal(0.0, 0.7, 300))
    found, expected = mincer_zarnowitz(f, rv), stats.linregress(np.log(f), np.log(rv))
    assert found.slope == pytest.approx(expected.slope)
    assert found.intercept == pytest.approx(expected.intercept)
    assert found.r2 == log_r2(f, rv) == pytest.approx(expected.rvalue**2)


def test_r2_at_unit_slope_by_hand():
    """ln f = 0 1 2, ln rv = 0 2 1: errors 0 1 -1, mean 0, 2 of 2: nothing explained; at the best
    slope a half of it, squared a quarter.
    """
    f, rv = np.exp([0.0, 1.0, 2.0]), np.exp([0.0, 2.0, 1.0])
    assert log_r2_unit_slope(f, rv) == pytest.approx(0.0)
    assert log_r2(f, rv) == pytest.approx(0.25)


@given(st.lists(st.tuples(variances, variances), min_size=3, max_size=30))
def test_the_best_slope_explains_at_least_what_slope_one_does(pairs):
    f, rv = np.array(pairs).T
    free, unit = log_r2(f, rv), log_r2_unit_slope(f, rv)
    if free is not None:
        assert unit <= free + 1e-6
        assert -1e-9 <= free <= 1.0 + 1e-9


@pytest.mark.parametrize(("f", "rv"), [([2.0] * 4, [1.0, 2.0, 3.0, 4.0]), ([3.0], [1.0])])
def test_what_is_undefined_is_none(f, rv):
    assert mincer_zarnowitz(np.array(f), np.array(rv)) is None
    assert log_r2(np.array(f), np.array(rv)) is None


def test_outcomes_that_never_differ_leave_nothing_to_explain():
    f, rv = np.array([1.0, 2.0, 3.0]), np.full(3, 0.1)
    assert mincer_zarnowitz(f, rv) is None
    assert log_r2_unit_slope(f, rv) is None
    assert math.isfinite(qlike(f, rv).mean())


def test_the_examples_are_true():
    found = doctest.testmod(volatility_scores)
    assert found.failed == 0
    assert found.attempted >= 4
