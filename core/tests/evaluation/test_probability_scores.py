from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from assay.evaluation import probability_scores
from assay.evaluation.probability_scores import (
    auc,
    brier,
    brier_skill,
    calibration,
    ece,
    murphy,
    reliability_table,
)

pairs = st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=60)


def drawn(n=400, seed=0, slope=1.0, intercept=0.0):
    """Probabilities said, and outcomes whose true log-odds are intercept + slope x said ones."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1.0, 1.2, n)
    true = 1.0 / (1.0 + np.exp(-(intercept + slope * log_odds)))
    return 1.0 / (1.0 + np.exp(-log_odds)), rng.random(n) < true


def arrays(rows):
    p, y = zip(*rows, strict=True)
    return np.array(p), np.array(y)


# said .1 .1 .3 .8, happened no no yes yes
BY_HAND = np.array([0.1, 0.1, 0.3, 0.8]), np.array([False, False, True, True])


def test_by_hand():
    """Brier (.01 + .01 + .49 + .04) / 4 = .1375 of .25; ECE (.2 + .7 + .2) / 4; AUC: all above."""
    assert brier(*BY_HAND) == pytest.approx(0.1375)
    assert brier_skill(*BY_HAND) == pytest.approx(0.45)
    assert ece(*BY_HAND) == pytest.approx(0.275)
    assert auc(*BY_HAND) == 1.0
    parts = murphy(*BY_HAND)
    # (2 x .01 + .49 + .04) / 4; (2 x .25 + .25 + .25) / 4
    assert parts.reliability == pytest.approx(0.1375)
    assert parts.resolution == pytest.approx(0.25)
    assert parts.uncertainty == 0.25
    assert parts.within == pytest.approx(0.0)
    assert [tuple(row) for row in reliability_table(*BY_HAND)] == [
        pytest.approx((2, 0.1, 0.0)), pytest.approx((1, 0.3, 1.0)), pytest.approx((1, 0.8, 1.0)),
    ]  # fmt: skip


def test_auc_equals_all_pairs_counted():
    p, y = drawn()
    p = p.round(1)  # with ties
    wins = [float(a > b) + 0.5 * float(a == b) for a in p[y] for b in p[~y]]
    assert auc(p, y) == pytest.approx(np.mean(wins))


def test_ece_equals_a_naive_loop():
    p, y = drawn()
    total = 0.0
    for k in range(10):
        inside = [i for i in range(len(p)) if k / 10 <= p[i] < (k + 1) / 10]
        if inside:
            total += abs(sum(p[i] for i in inside) - sum(y[i] for i in inside))
    assert ece(p, y) == pytest.approx(total / len(p))


@given(pairs)
def test_the_parts_add_up_and_all_stay_in_bounds(rows):
    p, y = arrays(rows)
    parts = murphy(p, y)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(brier(p, y))
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0.0
    assert 0.0 <= brier(p, y) <= 1.0
    assert 0.0 <= ece(p, y) <= 1.0
    assert sum(row.origins for row in reliability_table(p, y)) == len(rows)


def test_bins_hide_nothing_where_all_of_a_bin_say_the_same():
    p, y = drawn()
    assert murphy(np.floor(p * 10) / 10 + 0.05, y).within == pytest.approx(0.0, abs=1e-12)


@given(pairs, st.randoms())
def test_order_never_matters_and_auc_knows_ranks_only(rows, random):
    p, y = arrays(rows)
    shuffled = list(rows)
    random.shuffle(shuffled)
    q, z = arrays(shuffled)
    assert auc(p, y) == (None if auc(q, z) is None else pytest.approx(auc(q, z)))
    halved = auc(p / 2.0, y)
    if halved is not None and len(np.unique(p / 2.0)) == len(np.unique(p)):
        assert halved == pytest.approx(auc(p, y))


def test_calibration_equals_a_direct_search():
    p, y = drawn(seed=3, slope=0.7, intercept=0.4)
    log_odds = np.log(p / (1 - p))

    def negative_likelihood(w):
        eta = w[0] + w[1] * log_odds
        return -(y * eta - np.logaddexp(0.0, eta)).sum()

    best = optimize.minimize(negative_likelihood, [0.0, 1.0], method="Nelder-Mead",
                             options={"xatol": 1e-8, "fatol": 1e-10}).x  # fmt: skip
    found = calibration(p, y)
    assert found.intercept == pytest.approx(best[0], abs=1e-5)
    assert found.slope == pytest.approx(best[1], abs=1e-5)


def test_calibration_finds_what_outcomes_were_drawn_from():
    true = calibration(*drawn(20_000, seed=1))
    assert true.slope == pytest.approx(1.0, abs=0.06)
    assert true.intercept == pytest.approx(0.0, abs=0.06)
    bold = calibration(*drawn(20_000, seed=2, slope=0.5, intercept=-0.3))
    assert bold.slope == pytest.approx(0.5, abs=0.05)
    assert bold.intercept == pytest.approx(-0.3, abs=0.06)


def test_skill_of_what_is_true_is_above_zero_and_of_noise_below():
    p, y = drawn(5_000, seed=4)
    assert brier_skill(p, y) > 0.1
    assert ece(p, y) < 0.03
    assert auc(p, y) > 0.7
    noise = np.random.default_rng(5).random(5_000)
    assert brier_skill(noise, y) < 0.0
    assert auc(noise, y) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("happened", [[True] * 3, [False] * 3])
def test_what_is_undefined_is_none(happened):
    p, y = np.array([0.1, 0.5, 0.9]), np.array(happened)
    assert brier_skill(p, y) is auc(p, y) is calibration(p, y) is None
    assert ece(p, y) is not None


@pytest.mark.parametrize(
    ("p", "y"),
    [
        ([0.3, 0.3, 0.3], [True, False, True]),  # forecasts that never differ
        ([0.1, 0.2, 0.8, 0.9], [False, False, True, True]),  # a perfect split
        ([0.0, 0.0, 1.0, 1.0], [False, False, True, True]),
    ],
)
def test_no_finite_calibration_is_none(p, y):
    assert calibration(np.array(p), np.array(y)) is None


def test_certainty_that_fails_is_still_calibrated_by_a_finite_slope():
    p, y = np.array([0.0, 1.0] * 20), np.array([False, True] * 20)
    y[[0, 2, 5, 7]] = [True, True, False, False]
    assert 0.0 < calibration(p, y).slope < 1.0


def test_nothing_to_score_is_none():
    none = np.empty(0), np.empty(0, dtype=bool)
    assert brier_skill(*none) is ece(*none) is auc(*none) is calibration(*none) is None


def test_the_examples_are_true():
    found = doctest.testmod(probability_scores)
    assert found.failed == 0
    assert found.attempted >= 3
