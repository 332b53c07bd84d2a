from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.volatility.rolling import (
    decayed_sum,
    lagged,
    trailing_quantile,
    trailing_rank,
    trailing_sum,
)

NUMBERS = st.lists(
    st.one_of(st.integers(-3, 3).map(float), st.floats(-5, 5), st.just(float("nan"))),
    min_size=1,
    max_size=40,
)


@given(values=NUMBERS, window=st.integers(1, 12))
def test_a_trailing_sum_adds_the_last_rows(values, window):
    column = np.nan_to_num(np.array(values))
    naive = [column[max(0, at + 1 - window) : at + 1].sum() for at in range(len(column))]
    np.testing.assert_allclose(trailing_sum(column, window), naive, atol=1e-12)


@given(values=NUMBERS, window=st.integers(1, 12), level=st.sampled_from([0.0, 0.05, 0.5, 0.8, 1.0]))
@settings(deadline=None)
def test_a_trailing_quantile_is_numpys_of_the_finite_rows(values, window, level):
    column = np.array(values)
    naive = []
    for at in range(len(column)):
        part = column[max(0, at + 1 - window) : at + 1]
        part = part[np.isfinite(part)]
        naive.append(np.quantile(part, level) if len(part) else np.nan)
    np.testing.assert_allclose(trailing_quantile(column, window, level), naive, atol=1e-12)


@given(values=NUMBERS, window=st.integers(1, 12), every=st.integers(1, 4))
def test_a_trailing_rank_counts_those_below_and_half_of_those_equal(values, window, every):
    column = np.array(values)
    members = np.arange(len(column)) % every == 0
    naive = []
    for at, value in enumerate(column):
        rows = np.arange(max(0, at + 1 - window), at + 1)
        part = column[rows[members[rows]]]
        part = part[np.isfinite(part)]
        if not np.isfinite(value) or not len(part):
            naive.append(np.nan)
            continue
        naive.append(((part < value).sum() + 0.5 * (part == value).sum()) / len(part))
    np.testing.assert_allclose(trailing_rank(column, window, members), naive, atol=1e-12)


def test_a_decayed_sum_halves_what_is_a_half_life_old_however_long_it_runs():
    assert decayed_sum(np.array([8.0, 0.0, 0.0, 1.0]), 1.0).tolist() == [8.0, 4.0, 2.0, 2.0]
    values = np.random.default_rng(0).normal(size=3_000)  # 500 half-lives fill a block
    total, naive = 0.0, []
    for value in values:
        total = total * 2.0**-0.5 + value
        naive.append(total)
    np.testing.assert_allclose(decayed_sum(values, 2.0), naive, atol=1e-12)


def test_a_lag_longer_than_the_series_leaves_nothing():
    assert np.isnan(lagged(np.ones(3), 5)).all()
    assert lagged(np.array([1.0, 2.0]), 1, 9.0).tolist() == [9.0, 1.0]
