from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import TooLittleHistory
from assay.market.bars import Bars
from assay.volatility.assessment import REGIMES
from assay.volatility.state import CoinState
from assay.volatility.walk import Walk, walk

N = 1_400
AHEAD = ("realized", "log_return")


@pytest.fixture(scope="module")
def bars(coin):
    kept = np.ones(N, dtype=bool)
    kept[600:640] = False
    return coin(N, seed=9).take(kept)


def changed(bars: Bars, rows: np.ndarray, factor: float) -> Bars:
    """`bars` with the prices of `rows` spread out and moved."""
    columns = [column.copy() for column in bars.columns()]
    for column, power in zip(columns[1:5], (1.0, 2.0, -2.0, 1.5), strict=True):
        column[rows] *= factor**power
    columns[5][rows] = 0.0
    return Bars(*columns)


@settings(max_examples=25, deadline=None)
@given(
    origin=st.integers(60, N - 60),
    reach=st.integers(1, N),
    factor=st.sampled_from([1.001, 1.05, 3.0]),
    horizon=st.sampled_from([1, 24, 200]),
    removed=st.booleans(),
)
def test_no_later_bar_moves_a_row(bars, model, origin, reach, factor, horizon, removed):
    later = np.arange(origin + 1, min(origin + 1 + reach, len(bars)))
    if removed:
        kept = np.ones(len(bars), dtype=bool)
        kept[later] = False
        other = bars.take(kept)
    else:
        other = changed(bars, later, factor)
    expected, found = (walk(model, b, horizon_hours=horizon) for b in (bars, other))
    until = slice(origin + 1)
    assert np.isfinite(expected.variance[until]).any()
    for column in fields(Walk):
        before, after = getattr(expected, column.name)[until], getattr(found, column.name)[until]
        if column.name in AHEAD:
            known = expected.time[until] + np.timedelta64(horizon, "h") <= expected.time[origin]
            before, after = before[known], after[known]
        # the last bit of a matrix product hangs on its number of rows
        rtol = 1e-13 if column.name.startswith(("value_at", "expected_short")) else 0.0
        if np.issubdtype(before.dtype, np.floating):
            np.testing.assert_allclose(after, before, rtol=rtol, err_msg=column.name)
        else:
            np.testing.assert_array_equal(after, before, err_msg=column.name)


@pytest.mark.parametrize("horizon", [1, 5, 24, 168])
@pytest.mark.parametrize("row", [200, 777, -1])
def test_a_row_is_what_service_would_have_said(bars, model, horizon, row):
    along = walk(model, bars, horizon_hours=horizon)
    at = range(len(bars))[row]
    state = CoinState.of(model, bars.take(slice(at + 1)))
    said = state.assess(60 * horizon)
    assert np.datetime64(state.origin.replace(tzinfo=None), "ms") == along.time[at]
    assert along.variance[at] == pytest.approx(said.volatility**2, rel=1e-9)
    assert along.value_at_risk_95[at] == pytest.approx(said.value_at_risk[0.95], rel=1e-9)
    assert along.value_at_risk_99[at] == pytest.approx(said.value_at_risk[0.99], rel=1e-9)
    assert along.expected_shortfall_95[at] == pytest.approx(said.expected_shortfall[0.95], rel=1e-9)
    assert along.expected_shortfall_99[at] == pytest.approx(said.expected_shortfall[0.99], rel=1e-9)
    if along.regime[at] >= 0:
        assert REGIMES[along.regime[at]] == said.vol_regime
    if np.isfinite(along.threshold[at]):
        assert along.threshold[at] == pytest.approx(said.threshold_volatility**2, rel=1e-9)
        assert along.risk_score[at] == pytest.approx(said.risk_score, rel=1e-9)


def test_a_full_year_gives_thresholds_and_scores_that_agree_with_service(coin, model):
    bars = coin(9_300, seed=4)
    state = CoinState.of(model, bars)
    for horizon in (1, 24):
        along = walk(model, bars, horizon_hours=horizon)
        said = state.assess(60 * horizon)
        assert along.risk_score[-1] == pytest.approx(said.risk_score, rel=1e-9)
        assert along.threshold[-1] == pytest.approx(said.threshold_volatility**2, rel=1e-9)
        assert "no_threshold" not in said.fallbacks
        assert np.isnan(along.risk_score[:1000]).all()


def test_realized_is_summed_over_the_hours_that_follow(bars, model):
    day, hour = (walk(model, bars, horizon_hours=h) for h in (24, 2))
    at = 300
    returns = np.diff(np.log(bars.close))
    assert day.realized[at] == pytest.approx(np.sum(returns[at : at + 24] ** 2))
    assert day.log_return[at] == pytest.approx(np.log(bars.close[at + 24] / bars.close[at]))
    spread = 0.5 * np.log(bars.high / bars.low) ** 2
    spread -= (2 * np.log(2) - 1) * np.log(bars.close / bars.open) ** 2
    assert hour.realized[at] == pytest.approx(spread[at + 1] + spread[at + 2])
    assert np.isnan(day.realized[-24:]).all()
    assert np.isfinite(day.realized[-25])
    assert np.isnan(day.realized[599 - 3])  # a day of which more than a tenth is missing


def test_a_walk_needs_50_bars_and_a_horizon_within_a_month(coin, model):
    with pytest.raises(TooLittleHistory, match="50 hourly bars, there are 49"):
        walk(model, coin(49), horizon_hours=1)
    for horizon in (0, 721):
        with pytest.raises(ValueError, match="720 hours"):
            walk(model, coin(60), horizon_hours=horizon)
