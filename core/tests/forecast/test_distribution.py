from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.forecast.benchmarks import random_walk_drift_quantiles, random_walk_quantiles
from assay.forecast.calibration import LEAST, WINDOW, CalibrationState
from assay.forecast.distribution import (
    LEVELS,
    MEDIAN_AT,
    ReturnDistribution,
    interval_indices,
    level_index,
    student_t_cdf,
    student_t_quantiles,
)
from assay.forecast.location import shrunk_drift
from assay.forecast.scale import pits, quantiles


def test_levels_hold_every_reported_level_exactly():
    assert LEVELS[level_index(0.025)] == 0.025
    assert LEVELS[MEDIAN_AT] == 0.5
    assert [float(LEVELS[i]) for i in interval_indices(0.95)] == [0.025, 0.975]
    for level in (0.0, 0.012, 1.0):
        with pytest.raises(ValueError, match="not a multiple"):
            level_index(level)


def test_student_t_by_table_values():
    """t(5) at 97.5 % is 2.5706; t(4) below 2.1318 holds 95 %."""
    np.testing.assert_allclose(student_t_quantiles(np.array([0.975]), 5.0), 2.570582, rtol=1e-6)
    np.testing.assert_allclose(student_t_cdf(np.array([2.131847]), 4.0), 0.95, rtol=1e-6)


def test_quantiles_and_pits_undo_each_other():
    parameters = np.array([[0.2, 4.0], [-0.3, 9.0]])
    sigma, location = np.array([0.01, 0.02]), np.array([0.0005, -0.001])
    grid = quantiles(parameters, sigma, location, LEVELS)
    for k in (0, 60, 198):
        np.testing.assert_allclose(pits(parameters, sigma, location, grid[:, k]), LEVELS[k])


def test_the_distribution_in_the_reader_s_terms():
    grid = 0.01 * student_t_quantiles(LEVELS, 6.0) + 0.001
    found = ReturnDistribution(grid)
    assert found.median == pytest.approx(0.001)
    assert found.probability_up == pytest.approx(student_t_cdf(np.array(0.1), 6.0), abs=1e-3)
    lower, upper = found.interval(0.8)
    assert lower == pytest.approx(0.001 - 0.01 * 1.4397557, rel=1e-4)
    assert upper == pytest.approx(0.001 + 0.01 * 1.4397557, rel=1e-4)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), max_size=400))
def test_calibrated_levels_never_cross_and_keep_the_median(values):
    levels = CalibrationState(np.array(values, dtype=float)).levels()
    assert (np.diff(levels) >= 0.0).all()
    assert (levels > 0.0).all()
    assert (levels < 1.0).all()
    assert levels[MEDIAN_AT] == pytest.approx(0.5, abs=1e-9)


def test_calibration_widens_where_outcomes_fell_into_the_tails_too_often():
    rng = np.random.default_rng(1)
    tails = np.where(rng.random(WINDOW) < 0.5, rng.uniform(0, 0.05, WINDOW), rng.random(WINDOW))
    both = np.where(rng.random(WINDOW) < 0.5, tails, 1.0 - tails)
    levels = CalibrationState(both).levels()
    assert levels[level_index(0.1)] < 0.07
    assert levels[level_index(0.9)] > 0.93


def test_calibration_leaves_a_calibrated_model_alone():
    even = np.arange(1, WINDOW + 1) / (WINDOW + 1)
    np.testing.assert_allclose(CalibrationState(even).levels(), LEVELS, atol=1e-9)


def test_too_few_outcomes_change_nothing_and_old_ones_are_forgotten():
    assert (CalibrationState(np.zeros(LEAST - 1)).levels() == LEVELS).all()
    state = CalibrationState(np.zeros(WINDOW)).advanced(0.7)
    assert len(state.pits) == WINDOW
    assert state.pits[-1] == 0.7


def test_drift_is_zero_within_a_standard_error_and_shrunk_beyond():
    """Mean 1, variance 3 over 3: error² 1, so zero; over 12 values error² .25, so 1 x .75."""
    assert shrunk_drift(np.array([-1.0, 1.0, 3.0]) / np.sqrt(4 / 3) + 0.0) == 0.0
    values = np.tile([1.0 - np.sqrt(11 / 4), 1.0 + np.sqrt(11 / 4)], 6)
    assert values.var(ddof=1) == pytest.approx(3.0)
    assert shrunk_drift(values) == pytest.approx(0.75)


def test_random_walk_is_centred_on_the_last_close_with_the_spread_of_500_sessions():
    rng = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.001, 0.01, 900)))
    rows = np.array([500, 899])
    walk, drift = random_walk_quantiles(close, rows), random_walk_drift_quantiles(close, rows)
    past = np.diff(np.log(close))[399:899]
    expected = np.quantile(past, LEVELS) - np.median(past)
    np.testing.assert_allclose(walk[1], expected, atol=1e-12)
    np.testing.assert_array_equal(walk[:, MEDIAN_AT], 0.0)
    for row, at in enumerate(rows):
        naive = np.mean([np.log(close[t] / close[t - 1]) for t in range(1, at + 1)])
        np.testing.assert_allclose(drift[row] - walk[row], naive, rtol=1e-9)
