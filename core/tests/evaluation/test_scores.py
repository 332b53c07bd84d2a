from __future__ import annotations

import numpy as np
import pytest
import scoringrules
from scipy import stats

from assay.calendars import gold_calendar
from assay.evaluation import scores
from assay.evaluation.coverage_tests import christoffersen, holm, kupiec
from assay.evaluation.leaderboard import Origins, forecast_records, leaderboard
from assay.evaluation.significance import (
    better_p_value,
    diebold_mariano,
    pesaran_timmermann,
    uniform_p,
)
from assay.forecast.distribution import LEVELS, level_index


@pytest.fixture(scope="module")
def normal():
    """300 standard normal forecasts and their outcomes."""
    rng = np.random.default_rng(0)
    return np.tile(stats.norm.ppf(LEVELS), (300, 1)), rng.normal(size=300)


def test_crps_is_the_closed_form_of_the_normal_but_for_the_grid(normal):
    grid, outcomes = normal
    exact = scoringrules.crps_normal(outcomes, 0.0, 1.0)
    np.testing.assert_allclose(scores.crps(grid, outcomes).mean(), exact.mean(), rtol=5e-3)


def test_scores_equal_an_independent_library(normal):
    grid, outcomes = normal
    np.testing.assert_allclose(
        scores.crps(grid, outcomes), scoringrules.crps_quantile(outcomes, grid, LEVELS)
    )
    low, high = grid[:, level_index(0.05)], grid[:, level_index(0.95)]
    np.testing.assert_allclose(
        scores.winkler(grid, outcomes, 0.9),
        scoringrules.interval_score(outcomes, low, high, 0.1),
    )
    np.testing.assert_allclose(
        scores.pinball(grid, outcomes, LEVELS)[:, 20],
        scoringrules.quantile_score(outcomes, grid[:, 20], LEVELS[20]),
    )


def test_pinball_and_winkler_by_hand():
    """y = 3, q = 1 at .9: .9 x 2 = 1.8; y = 0: .1 x 1 = .1."""
    found = scores.pinball(np.array([[1.0], [1.0]]), np.array([3.0, 0.0]), np.array([0.9]))
    np.testing.assert_allclose(found[:, 0], [1.8, 0.1])
    grid = np.tile(np.linspace(-1, 1, 199), (2, 1))
    width = grid[0, level_index(0.9)] - grid[0, level_index(0.1)]
    found = scores.winkler(grid, np.array([0.0, 1.3]), 0.8)
    np.testing.assert_allclose(found, [width, width + 10 * (1.3 - grid[0, level_index(0.9)])])


def test_diebold_mariano_holds_its_size_and_finds_a_difference():
    rng = np.random.default_rng(5)
    rejected = [
        diebold_mariano(rng.normal(size=80), rng.normal(size=80))[1] < 0.05 for _ in range(1000)
    ]
    assert 0.03 < np.mean(rejected) < 0.07
    worse = rng.normal(size=500) ** 2
    assert better_p_value(worse - 0.3, worse + rng.normal(0, 0.1, 500)) < 1e-6
    assert diebold_mariano(worse, worse) is None
    assert better_p_value(worse, worse) == 1.0


def test_diebold_mariano_by_hand():
    """d = 1, 2, 3: mean 2, variance 2/3, 2 / sqrt(2/9) x sqrt(2/3) = 3.4641, t(2): p = .0742."""
    statistic, p = diebold_mariano(np.array([1.0, 2.0, 3.0]), np.zeros(3))
    assert statistic == pytest.approx(3.464102, abs=1e-6)
    assert p == pytest.approx(0.0741799, abs=1e-6)


def test_diebold_mariano_two_steps_by_hand():
    """d = 1 3 2 4 5: mean 3, variance 2, first autocovariance (2 x 0 + 0 x -1 - 1 x 1 + 1 x 2) / 5
    = .2; 3 / sqrt(2.4 / 5) x sqrt((5 + 1 - 4 + 2 / 5) / 5) = 3, t(4): p = .03994.
    """
    found = diebold_mariano(np.array([1.0, 3.0, 2.0, 4.0, 5.0]), np.zeros(5), horizon=2)
    assert found == (pytest.approx(3.0), pytest.approx(2 * stats.t.sf(3.0, 4)))


def test_diebold_mariano_holds_its_size_where_horizons_overlap():
    """Losses summed over 5 origins: one step rejects far too often, five steps about rightly."""
    rng = np.random.default_rng(11)
    walks = [np.convolve(rng.normal(size=404), np.ones(5), "valid") for _ in range(600)]
    none = np.zeros(400)
    one = np.mean([diebold_mariano(d, none)[1] < 0.05 for d in walks])
    five = np.mean([diebold_mariano(d, none, horizon=5)[1] < 0.05 for d in walks])
    assert one > 0.25
    assert 0.03 < five < 0.10


def test_diebold_mariano_never_takes_the_root_of_a_negative_variance():
    statistic, p = diebold_mariano(np.tile([1.0, -1.0], 20) + 0.1, np.zeros(40), horizon=2)
    assert np.isfinite(statistic)
    assert 0.0 <= p <= 1.0
    assert diebold_mariano(np.ones(3), np.zeros(3), horizon=3) is None


def test_pesaran_timmermann_by_simulation():
    rng = np.random.default_rng(6)
    p = [pesaran_timmermann(rng.normal(size=200), rng.normal(0.1, 1, 200)) for _ in range(600)]
    assert 0.03 < np.mean(np.array(p) < 0.05) < 0.08
    outcomes = rng.normal(size=300)
    assert pesaran_timmermann(outcomes + rng.normal(0, 0.5, 300), outcomes) < 1e-6
    assert pesaran_timmermann(np.ones(300), outcomes) is None


def test_uniformity_equals_an_independent_library():
    rng = np.random.default_rng(10)
    for values in (rng.random(400), rng.beta(1.3, 1.0, 400)):
        expected = stats.kstest(values, "uniform", method="asymp").pvalue
        assert uniform_p(values) == pytest.approx(expected, rel=1e-6)


def test_kupiec_by_hand():
    """10 misses in 100 at 5 %: LR = 2 (10 ln 2 + 90 ln(.9/.95)) = 4.131, p = .0421."""
    missed = np.arange(100) < 10
    assert kupiec(missed, 0.05) == pytest.approx(0.0421, abs=2e-4)
    assert kupiec(missed, 0.10) == pytest.approx(1.0)


def test_christoffersen_sees_clusters_and_holds_its_size():
    rng = np.random.default_rng(7)
    p = [christoffersen(rng.random(500) < 0.1) for _ in range(600)]
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.09
    clustered = np.repeat(rng.random(100) < 0.1, 5)
    assert christoffersen(clustered) < 1e-6
    assert christoffersen(np.zeros(50, dtype=bool)) == 1.0


def test_holm_by_hand():
    """.01 x 3, then .03 x 2 = .06, then max(.06, .04) = .06."""
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "c": 0.06, "b": 0.06}
    )


def test_the_leaderboard_row_by_row():
    rng = np.random.default_rng(8)
    n = 60
    days = gold_calendar().days[5000 : 5000 + n + 1]
    last = np.full(n, 1000.0)
    origins = Origins(days[:-1], days[1:], last, last * np.exp(rng.normal(0.0, 0.01, n)))
    walk = np.tile(0.01 * stats.norm.ppf(LEVELS), (n, 1))
    rows = leaderboard(
        origins, {"champion": walk * 0.5 + 0.001, "random_walk": walk, "garch_t": walk * 1.5}
    )
    champion, random_walk, _ = rows
    assert random_walk["rmse_ratio_rw"] == 1.0
    assert random_walk["r2_oos"] == 0.0
    assert random_walk["direction_accuracy"] is None
    assert random_walk["dm_p_vs_random_walk"] is None
    returns = origins.log_returns
    assert champion["direction_accuracy"] == pytest.approx((returns > 0).mean())
    ratio = np.sqrt(((returns - 0.001) ** 2).mean() / (returns**2).mean())
    assert champion["rmse_ratio_rw"] == pytest.approx(ratio)
    assert champion["r2_oos"] == pytest.approx(1 - ratio**2)
    error = np.abs(origins.actual - 1000.0 * np.exp(0.001))
    assert champion["mae"] == pytest.approx(error.mean())
    assert champion["mape"] == pytest.approx(100 * (error / origins.actual).mean())
    record = forecast_records(origins, walk)[0]
    assert record["median"] == pytest.approx(1000.0)
    assert list(record["q"]) == [
        "0.025", "0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95", "0.975",
    ]  # fmt: skip


def test_a_market_that_stood_still_has_null_where_a_score_is_undefined():
    days = gold_calendar().days[5000:5031]
    still = np.full(30, 1000.0)
    walk = np.tile(0.01 * stats.norm.ppf(LEVELS), (30, 1))
    row = leaderboard(
        Origins(days[:-1], days[1:], still, still), {"random_walk": walk, "garch_t": walk}
    )[0]
    assert row["rmse_ratio_rw"] is row["r2_oos"] is row["dm_p_vs_garch_t"] is None
    assert row["mape"] == 0.0
