from __future__ import annotations

import numpy as np
import pytest

from assay.volatility.risk import (
    HALF_LIFE_HOURS,
    PRIOR_WEIGHT,
    log_odds,
    log_threshold,
    running_residuals,
    scores,
)


def test_residuals_run_from_the_prior_towards_the_coins_own(model):
    prior_mean, prior_deviation, _ = model.residuals_at(24)
    none = running_residuals(model, 24, np.full(5, np.nan))
    np.testing.assert_allclose(none, [[prior_mean] * 5, [prior_deviation] * 5])
    n = 3 * HALF_LIFE_HOURS
    rng = np.random.default_rng(0)
    own = rng.normal(0.4, 0.2, n)
    mean, deviation = running_residuals(model, 24, own)
    weights = 2.0 ** (-np.arange(n)[::-1] / HALF_LIFE_HOURS)
    w = weights.sum()
    expected = (weights @ own + PRIOR_WEIGHT * prior_mean) / (w + PRIOR_WEIGHT)
    assert mean[-1] == pytest.approx(expected)
    second = weights @ own**2 + PRIOR_WEIGHT * (prior_deviation**2 + prior_mean**2)
    variance = second / (w + PRIOR_WEIGHT) - expected**2
    assert deviation[-1] == pytest.approx(np.sqrt(variance))


def test_one_outage_does_not_widen_the_residuals_for_months(model):
    quiet = np.full(2000, model.residuals_at(1)[0])
    outage = quiet.copy()
    outage[1000] = -27.0
    before = running_residuals(model, 1, quiet)[1][-1]
    assert running_residuals(model, 1, outage)[1][-1] < 1.01 * before


@pytest.mark.parametrize(
    ("odds", "share", "expected"),
    [
        (0.0, 1.0, 0.5),
        (np.log(0.25), 1.0, 0.2),
        (50.0, 1.0, 0.995),
        (-2000.0, 1.0, 0.005),
        (0.0, 0.89, 0.35),  # halfway from .5 to .2
        (50.0, 0.0, 0.5975),
    ],
)
def test_a_score_is_bounded_and_halved_without_a_years_threshold(odds, share, expected):
    assert float(scores(np.array(odds), np.array(share))) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("own", "share", "expected"),
    [(2.0, 1.0, 2.0), (2.0, 0.9, 2.0), (2.0, 0.45, 3.0), (np.nan, 0.0, 4.0), (np.nan, 0.5, 4.0)],
)
def test_a_threshold_leans_on_trainings_until_a_year_is_there(own, share, expected):
    found = log_threshold(np.array(own), np.array(share), np.array(4.0))
    assert float(found) == pytest.approx(expected)


def test_log_odds_undo_a_score():
    assert float(log_odds(scores(np.array(-0.7), np.array(1.0)))) == pytest.approx(-0.7)
