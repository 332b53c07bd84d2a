"""No feature may know what comes after its origin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.features.build import build_features
from assay.features.spec import FEATURE_NAMES, FEATURES
from assay.market.bars import Bars

SESSIONS = 200


@pytest.fixture(scope="module")
def bars(market):
    return market(sessions=SESSIONS)


@pytest.fixture(scope="module")
def matrix(bars):
    return build_features(*bars)


def changed(bars: Bars, rows: np.ndarray, factor: float) -> Bars:
    """`bars` with every price of `rows` multiplied by its own power of `factor`."""
    columns = [column.copy() for column in bars.columns()]
    for power, column in enumerate(columns[1:5], start=1):
        column[rows] *= factor**power
    columns[5][rows] += 17.0
    return Bars(*columns)


def assert_same_rows(found, expected, until: np.datetime64) -> None:
    """Every column at every origin up to `until` is the same to the bit."""
    rows = expected.session <= until
    assert rows.sum() > 0
    same = found.session <= until
    for column, name in enumerate(FEATURE_NAMES):
        np.testing.assert_array_equal(
            found.values[same, column], expected.values[rows, column], err_msg=name
        )
    np.testing.assert_array_equal(found.sigma[same], expected.sigma[rows])


@settings(max_examples=40, deadline=None)
@given(
    origin=st.integers(100, SESSIONS - 2),
    reach=st.integers(1, SESSIONS),
    factor=st.sampled_from([0.2, 0.9, 1.1, 7.0]),
    series=st.sampled_from(["gold", "sp500", "both"]),
)
def test_changing_any_later_bar_moves_no_feature(bars, matrix, origin, reach, factor, series):
    gold, sp500 = bars
    at = matrix.session[origin]
    later_gold = np.flatnonzero(gold.session > at)[:reach]
    later_sp500 = np.flatnonzero(sp500.session > at)[:reach]
    if series in ("gold", "both"):
        gold = changed(gold, later_gold, factor)
    if series in ("sp500", "both"):
        sp500 = changed(sp500, later_sp500, factor)
    assert_same_rows(build_features(gold, sp500), matrix, at)


@settings(max_examples=30, deadline=None)
@given(origin=st.integers(100, SESSIONS - 2), data=st.data())
def test_deleting_any_later_bar_moves_no_feature(bars, matrix, origin, data):
    gold, sp500 = bars
    at = matrix.session[origin]
    keep = [one.session <= at for one in (gold, sp500)]
    for mask in keep:
        later = np.flatnonzero(~mask)
        mask[later] = data.draw(st.lists(st.booleans(), min_size=len(later), max_size=len(later)))
    assert_same_rows(build_features(gold.take(keep[0]), sp500.take(keep[1])), matrix, at)


@settings(max_examples=20, deadline=None)
@given(appended=st.integers(1, 60), seed=st.integers(0, 50))
def test_appending_later_bars_moves_no_feature(bars, matrix, appended, seed):
    gold, sp500 = bars
    cut = len(gold) - appended
    at = gold.session[cut - 1]
    shorter = build_features(gold.take(slice(cut)), sp500.take(sp500.session <= at))
    assert_same_rows(shorter, matrix, at)


def test_each_training_row_equals_the_row_that_serving_builds(bars, matrix):
    gold, sp500 = bars
    compared = 0
    for row in range(80, SESSIONS, 3):
        at = gold.session[row].item()
        served = build_features(gold.until(at), sp500.until(at))
        np.testing.assert_array_equal(served.values[-1], matrix.values[row])
        assert served.sigma[-1] == matrix.sigma[row]
        assert served.next_session[-1] == matrix.next_session[row]
        compared += matrix.usable[row]
    assert compared > 30


@pytest.mark.parametrize("name", FEATURE_NAMES)
def test_every_feature_varies(market, name):
    """Guards the tests above against passing on a column that never moves."""
    gold, sp500 = market(sessions=700)
    holes = np.arange(len(sp500)) % 50 != 49
    matrix = build_features(gold, sp500.take(holes))
    column = matrix.values[matrix.usable, FEATURE_NAMES.index(name)]
    assert len(column) > 600
    assert column.std() > 0.0


@pytest.mark.parametrize("name", [f.name for f in FEATURES if f.kind == "continuous"])
def test_every_continuous_feature_answers_to_its_own_past(bars, matrix, name):
    """A feature that ignores its inputs would pass every test of causality."""
    gold, sp500 = bars
    rows = np.arange(120, 150)
    sp_rows = np.flatnonzero(np.isin(sp500.session, gold.session[rows]))
    if name == "sp500_age":
        moved = build_features(gold, sp500.take(~np.isin(np.arange(len(sp500)), sp_rows)))
    else:
        moved = build_features(changed(gold, rows[::2], 1.3), changed(sp500, sp_rows[::2], 1.3))
    column = FEATURE_NAMES.index(name)
    after = slice(121, 200)
    assert not np.array_equal(moved.values[after, column], matrix.values[after, column])
