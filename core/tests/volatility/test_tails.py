from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri

from assay.volatility.tails import (
    BANDWIDTH,
    distributions,
    prior_mass,
    probability_below,
    tail_quantiles,
)

NORMAL = ndtri((np.arange(2001) + 0.5) / 2001)


def test_a_normal_sample_has_the_normals_tails_widened_by_the_kernel():
    quantiles, shortfalls = tail_quantiles(prior_mass(NORMAL)[None, :])
    wide = np.sqrt(1.0 + BANDWIDTH**2)
    np.testing.assert_allclose(quantiles[0], [-1.6449 * wide, -2.3263 * wide], atol=0.01)
    np.testing.assert_allclose(shortfalls[0], [-2.0627 * wide, -2.6652 * wide], atol=0.01)


def test_quantiles_and_shortfalls_are_those_of_a_sample_with_its_kernel():
    zeta = np.random.default_rng(0).standard_t(4, 400)
    found, mean_below = tail_quantiles(prior_mass(zeta)[None, :])
    draws = zeta[:, None] + BANDWIDTH * NORMAL[None, :]
    for column, tail in enumerate((0.05, 0.01)):
        quantile = np.quantile(draws, tail)
        assert found[0, column] == pytest.approx(quantile, abs=0.02)
        assert mean_below[0, column] == pytest.approx(draws[draws < quantile].mean(), abs=0.03)
        assert probability_below(prior_mass(zeta), quantile) == pytest.approx(tail, abs=1e-3)


def test_the_last_500_days_count_and_no_others(model):
    days = 600
    day = np.arange(days)
    zeta = np.where(day < 90, -5.0, 0.0)
    mass = distributions(model, 6, zeta, day, days)
    np.testing.assert_allclose(mass.sum(axis=1), 1.0)
    far = probability_below(mass[-1], -4.0)
    alone = distributions(model, 6, zeta[100:], np.zeros(500, dtype=np.intp), 1)
    np.testing.assert_allclose(mass[-1], alone[0], atol=1e-12)
    assert far == pytest.approx(probability_below(alone[0], -4.0))
    assert probability_below(mass[500], -4.0) > far


def test_overlapping_samples_count_as_many_as_fit_side_by_side(model):
    heavy = replace(model, tails=np.zeros((3, 101)))
    zeta = np.full(400, -3.0)
    day = np.zeros(400, dtype=np.intp)
    for hours, weight in ((1, 400 / 500), (24, 100 / 200), (240, 10 / 110)):
        mass = distributions(heavy, hours, zeta, day, 1)
        assert probability_below(mass[0], -1.5) == pytest.approx(weight, abs=1e-6)


def test_a_return_beyond_all_measure_stays_within_the_grid(model):
    zeta = np.array([1e9, -1e9, np.nan])
    mass = distributions(model, 24, zeta, np.zeros(3, dtype=np.intp), 1)
    assert np.isfinite(mass).all()
    assert mass[0, 0] > 0.0
    assert mass[0, -1] > 0.0


def test_shortfall_is_beyond_the_quantile_for_any_sample(model):
    rng = np.random.default_rng(5)
    for scale in (0.01, 1.0, 6.0):
        mass = distributions(model, 24, scale * rng.normal(size=300), np.zeros(300, int), 1)
        quantiles, shortfalls = tail_quantiles(mass)
        assert (shortfalls <= quantiles).all()
        assert quantiles[0, 1] <= quantiles[0, 0]
