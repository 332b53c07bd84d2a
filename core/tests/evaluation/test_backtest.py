"""The back-test as a whole: figures by hand, naive loops beside it, and planted looks ahead."""

from __future__ import annotations

import dataclasses
import doctest
import json
import os
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from assay.errors import TooLittleHistory
from assay.evaluation import exposure, signal_quality
from assay.evaluation import performance as performance_module
from assay.evaluation.backtest import LEAST_HOURS, backtest, judge
from assay.evaluation.coverage_tests import kupiec
from assay.evaluation.exposure import Held, Terms, hold
from assay.evaluation.performance import max_drawdown, performance
from assay.evaluation.significance import diebold_mariano
from assay.market.bars import Bars
from assay.market.csv_bars import read_bars_csv
from assay.market.timeframes import timeframe
from assay.volatility.model import VolatilityModel
from assay.volatility.walk import Walk

HOUR = np.timedelta64(1, "h")
SWIFT = Terms(rebalance_hours=1, no_trade_band=0.0, target_volatility=0.5)


def market(n, *, seed=0, start="2024-01-01"):
    """Hourly bars with gaps between close and open, and volatility that comes and goes."""
    rng = np.random.default_rng(seed)
    scale = 0.006 * np.exp(0.8 * np.sin(np.arange(n) / 60.0))
    moves, gaps = rng.normal(0.0, scale), rng.normal(0.0, 0.002, n)
    close = 100.0 * np.exp(np.cumsum(moves + gaps))
    open_ = close * np.exp(-moves)
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, scale / 2)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, scale / 2)))
    time = np.datetime64(start, "ms") + np.arange(n) * HOUR
    return Bars(time, open_, high, low, close, np.ones(n))


def walked(bars, horizon, *, seed=1, warm_up=50):
    """Signals of noise around what happened: good enough to be judged, known from `warm_up` on."""
    rng, n = np.random.default_rng(seed), len(bars)
    squares = np.diff(np.log(bars.close), prepend=np.log(bars.open[0])) ** 2
    realized, moved = np.full(n, np.nan), np.full(n, np.nan)
    for row in range(n - horizon):
        realized[row] = squares[row + 1 : row + 1 + horizon].sum()
        moved[row] = np.log(bars.close[row + horizon] / bars.close[row])
    usual = np.nanmean(squares) * horizon
    variance = usual * np.exp(rng.normal(0.0, 0.6, n))
    variance[:warm_up] = np.nan
    risk = np.where(np.isnan(variance), np.nan, rng.uniform(0.01, 0.6, n))
    value_at_risk = np.sqrt(variance)
    return Walk(
        time=bars.time + HOUR,
        close=bars.close,
        variance=variance,
        realized=realized,
        threshold=np.full(n, usual * 1.2),
        risk_score=risk,
        value_at_risk_95=1.6 * value_at_risk,
        value_at_risk_99=2.3 * value_at_risk,
        expected_shortfall_95=2.0 * value_at_risk,
        expected_shortfall_99=2.7 * value_at_risk,
        regime=np.where(np.isnan(variance), -1, rng.integers(0, 3, n)).astype(np.int8),
        log_return=moved,
    )


# Performance


def test_performance_by_hand():
    """Equity 1, 1.1, .88, .99 over a tenth of a year: four returns 0, +10, -20, +12.5 %."""
    held = Held(
        equity=np.array([1.0, 1.1, 0.88, 0.99]),
        exposure=np.array([0.0, 0.5, 1.0, 0.5]),
        turnover=np.array([0.0, 0.5, 0.5, 0.25]),
        paid=np.array([0.0, 0.004, 0.002, 0.003]),
        decided=np.array([np.nan, 0.5, 1.0, 0.5]),
    )
    found = performance(held, years=0.1, fee_bps=20.0, slippage_bps=10.0)
    mean = (0.1 - 0.2 + 0.125) / 4
    spread = sqrt(sum((r - mean) ** 2 for r in (0.0, 0.1, -0.2, 0.125)) / 3)
    assert found.total_return == pytest.approx(-0.01)
    assert found.annualized_return == pytest.approx(0.99**10 - 1)
    assert found.annualized_volatility == pytest.approx(spread * sqrt(40))
    assert found.sharpe == pytest.approx(mean / spread * sqrt(40))
    assert found.max_drawdown == pytest.approx(0.2)
    assert found.calmar == pytest.approx((0.99**10 - 1) / 0.2)
    assert (found.turnover, found.annual_turnover) == (1.25, 12.5)
    assert found.costs_paid == pytest.approx(0.009)
    assert found.fees_paid == pytest.approx(0.006)
    assert found.slippage_paid == pytest.approx(0.003)
    assert (found.average_exposure, found.trades) == (0.5, 3)


def test_a_fall_from_the_start_is_a_drawdown():
    assert max_drawdown(np.array([0.9, 0.95])) == pytest.approx(0.1)
    assert max_drawdown(np.array([1.1, 1.2])) == 0.0


def test_a_short_span_has_no_figures_a_year():
    held = hold(market(100), np.full(100, 1.0), cost_rate=0.0)
    found = performance(held, years=100 / 8760, fee_bps=0.0, slippage_bps=0.0)
    assert found.annualized_return is found.sharpe is found.calmar is found.annual_turnover is None
    assert found.total_return != 0.0


def test_where_nothing_moves_nothing_is_made_up():
    flat = Bars(market(1000).time, *[np.full(1000, 5.0)] * 4, np.zeros(1000))
    held = hold(flat, np.full(1000, 1.0), cost_rate=0.0)
    found = performance(held, years=1000 / 8760, fee_bps=0.0, slippage_bps=0.0)
    assert found.sharpe is found.calmar is None
    assert (found.annualized_return, found.annualized_volatility, found.max_drawdown) == (0, 0, 0)


# The whole


def test_the_strategy_is_what_the_terms_say():
    """Decisions at closes, trades at the next opens, buy-and-hold from the same open on."""
    bars = market(400)
    signals = walked(bars, 24)
    terms = Terms(rebalance_hours=6, fee_bps=7.0, slippage_bps=3.0, target_volatility=0.5)
    found = judge(signals, bars, horizon_hours=24, terms=terms)
    closes = signals.time.astype("datetime64[h]").astype(int)
    first = 50
    assert found.first_origin == signals.time[first]
    assert (found.warm_up_bars, found.bars) == (first + 1, 400 - first - 1)
    wanted = np.full(400 - first - 1, np.nan)
    for row in range(first, 399):
        if row == first or closes[row] % 6 == 0:
            volatility = sqrt(signals.variance[row] * 365)
            wanted[row - first] = min(1.0, 0.5 / volatility)
    held = hold(bars.take(slice(first + 1, None)), wanted, cost_rate=0.001, band=0.1)
    np.testing.assert_allclose(found.curve.volatility_target, held.equity)
    np.testing.assert_allclose(found.curve.exposure, held.exposure)
    price = bars.close[first + 1 :] / bars.open[first + 1]
    np.testing.assert_allclose(found.curve.buy_and_hold, price / 1.001)
    assert found.buy_and_hold.turnover == pytest.approx(1 / 1.001)
    assert found.volatility_target.trades == np.isfinite(held.decided).sum() > 3
    alike = found.constant_exposure
    assert alike.average_exposure == pytest.approx(held.exposure.mean(), abs=0.01)
    assert found.curve.time[-1] == bars.time[-1] + HOUR


def test_the_start_is_the_first_origin():
    bars = market(700)
    signals = walked(bars, 24)
    start = np.datetime64("2024-01-11T12:30", "ms")
    found = judge(signals, bars, horizon_hours=24, terms=SWIFT, start=start)
    assert found.first_origin == np.datetime64("2024-01-11T13:00", "ms")
    assert found.curve.time[0] == np.datetime64("2024-01-11T14:00", "ms")


def test_curves_are_thinned_evenly_with_both_ends():
    bars = market(2051)
    found = judge(walked(bars, 24), bars, horizon_hours=24, terms=SWIFT)
    assert len(found.curve.time) == 500
    assert found.curve.time[0] == bars.time[51] + HOUR
    assert found.curve.time[-1] == bars.time[-1] + HOUR
    apart = np.diff(found.curve.time) / HOUR
    assert set(apart) <= {4.0, 5.0}


@pytest.mark.parametrize("n", [0, 49, LEAST_HOURS - 1])
def test_too_few_bars_say_how_many_are_needed(n):
    with pytest.raises(TooLittleHistory) as raised:
        backtest(None, market(500).take(slice(n)), horizon_hours=1, terms=SWIFT)
    assert (raised.value.needed, raised.value.available) == (LEAST_HOURS, n)


def test_a_start_too_late_says_how_many_bars_are_needed():
    bars = market(400)
    start = bars.time[300]
    with pytest.raises(TooLittleHistory) as raised:
        judge(walked(bars, 1), bars, horizon_hours=1, terms=SWIFT, start=start)
    assert raised.value.available == 400
    assert raised.value.needed == 300 + 168


def test_signals_of_other_bars_are_refused():
    bars = market(400)
    with pytest.raises(ValueError, match="not those of these bars"):
        judge(walked(bars, 1), bars.take(slice(1, None)), horizon_hours=1, terms=SWIFT)


# Looks ahead


def sees_ahead(run):
    """Whether what `run` makes of the bars up to t changes with what comes later.

    Equity at a close may know that bar, and signals of closes before it.
    """
    bars = market(300)
    signals = walked(bars, 4)
    before = run(signals, bars).curve
    rng = np.random.default_rng(3)
    for t in (120, 180, 299):
        later = np.arange(300) > t
        prices = [np.where(later, column * 1.3, column) for column in bars.columns()[1:]]
        at = np.arange(300) >= t
        variance = np.where(at, signals.variance * np.exp(rng.normal(0, 1, 300)), signals.variance)
        changed = Bars(bars.time, *prices)
        after = run(
            dataclasses.replace(signals, variance=variance, close=changed.close), changed
        ).curve
        known = before.time <= bars.time[t] + HOUR
        if (before.volatility_target[known] != after.volatility_target[known]).any():
            return True
    return False


def usual(signals, bars):
    return judge(signals, bars, horizon_hours=4, terms=SWIFT)


def with_the_next_forecast(signals, bars):
    """A planted look ahead: at each close the forecast of the close after."""
    ahead = np.append(signals.variance[1:], np.nan)
    return usual(dataclasses.replace(signals, variance=ahead), bars)


def with_what_came(signals, bars):
    """A planted look ahead: the realized variance in place of the forecast."""
    squares = np.diff(np.log(bars.close), append=np.nan) ** 2
    came = np.convolve(squares, np.ones(4))[3:]
    known = np.where(np.isnan(signals.variance), np.nan, came)
    return usual(dataclasses.replace(signals, variance=known), bars)


def test_a_look_ahead_is_caught():
    assert not sees_ahead(usual)
    assert sees_ahead(with_the_next_forecast)
    assert sees_ahead(with_what_came)


def test_nobody_trades_at_the_close_that_decided():
    """Each time the forecast calms down the market opens 10 % higher, and each time it does not
    it opens as it closed: only who trades at the deciding close itself gains.
    """
    n = 400
    calm = np.arange(n) % 5 == 0
    gap = np.append(1.0, np.where(calm, 1.1, 1.0)[:-1])
    level = np.cumprod(gap)
    bars = Bars(market(n).time, level, level, level, level, np.ones(n))
    variance = np.where(calm, 1e-9, 1e9)
    variance[:50] = np.nan
    signals = dataclasses.replace(walked(market(n), 1), variance=variance, close=level)
    free = Terms(rebalance_hours=1, no_trade_band=0.0, fee_bps=0.0, slippage_bps=0.0)
    found = judge(signals, bars, horizon_hours=1, terms=free)
    assert found.volatility_target.total_return == pytest.approx(0.0, abs=1e-4)
    at_close = Bars(bars.time, np.append(level[0], level[:-1]), level, level, level, np.ones(n))
    decided = np.append(np.nan, np.where(calm, 1.0, 0.0)[:-1])
    assert hold(at_close, decided, cost_rate=0.0).equity[-1] > 10.0


@pytest.fixture(scope="module")
def model():
    """The model that is served."""
    path = Path(__file__).parents[3] / "data" / "processed" / "volatility.json"
    return VolatilityModel.from_json(json.loads(path.read_text()))


@pytest.mark.parametrize("horizon", [1, 24, 100])
def test_with_the_real_signals_later_bars_change_no_equity(model, horizon):
    bars, t = market(1600), 1200
    terms = Terms(rebalance_hours=horizon, no_trade_band=0.02)

    def equity(of):
        return backtest(model, of, horizon_hours=horizon, terms=terms).curve

    later = np.arange(len(bars)) > t
    prices = [np.where(later, column * 1.7, column) for column in bars.columns()[1:]]
    before, after = equity(bars), equity(Bars(bars.time, *prices))
    known = before.time <= bars.time[t] + HOUR
    assert known.sum() > 300
    for name in ("volatility_target", "buy_and_hold", "exposure"):
        one, other = getattr(before, name), getattr(after, name)
        np.testing.assert_array_equal(one[known], other[known])
    assert (before.volatility_target[~known] != after.volatility_target[~known]).any()


# Signals


def test_origins_do_not_overlap_and_scores_equal_naive_loops():
    bars = market(2000)
    signals = walked(bars, 24)
    found = judge(signals, bars, horizon_hours=24, terms=SWIFT)
    rows = [
        row
        for row in range(50, 2000)
        if (bars.time[row] + HOUR).astype("datetime64[h]").astype(int) % 24 == 0
    ]
    assert found.origins_apart == len(rows)
    known = [row for row in rows if row + 24 < 2000]
    said = signals.risk_score[known]
    happened = signals.realized[known] > signals.threshold[known]
    assert found.risk.origins == len(known)
    assert found.risk.base_rate == pytest.approx(happened.mean())
    base = happened.mean() * (1 - happened.mean())
    skill = 1 - ((said - happened) ** 2).mean() / base
    assert found.risk.brier_skill == pytest.approx(skill)
    assert sum(row.origins for row in found.risk.reliability) == len(known)
    hits = -np.expm1(signals.log_return[known]) > signals.value_at_risk_95[known]
    assert (found.tails[0].level, found.tails[0].hits) == (0.05, hits.sum())
    assert found.tails[0].kupiec_p == pytest.approx(kupiec(hits, 0.05))
    for code, row in enumerate(found.regimes.rows):
        at = [each for each in known if signals.regime[each] == code]
        mean = np.mean(signals.realized[at])
        assert row.next_realized_volatility == pytest.approx(sqrt(mean * 365))
        assert row.share == pytest.approx((signals.regime[50:] == code).mean())
    changes = sum(a != b for a, b in zip(signals.regime[50:], signals.regime[51:], strict=False))
    assert found.regimes.switches_a_year == pytest.approx(changes / 1950 * 8760)


def test_forecasts_are_judged_beside_har_and_yesterday_on_the_same_origins():
    bars = market(5000)
    signals = walked(bars, 24)
    found = judge(signals, bars, horizon_hours=24, terms=SWIFT)
    by_name = {row.name: row for row in found.variance.rows}
    assert list(by_name) == ["assay", "har_ols", "yesterday"]
    squares = np.diff(np.log(bars.close), prepend=np.log(bars.open[0])) ** 2
    midnights = [row for row in range(23, 4976) if row % 24 == 23]
    origins = midnights[-found.variance.origins :]
    assert origins[0] == (30 + 60) * 24 - 1
    days = [squares[row - 23 : row + 25].reshape(2, 24).sum(axis=1) for row in origins]
    ratios = [after / before for before, after in days]
    losses = np.array([ratio - np.log(ratio) - 1 for ratio in ratios])
    assert by_name["yesterday"].qlike == pytest.approx(losses.mean())
    ours = signals.realized[origins] / signals.variance[origins]
    ours = ours - np.log(ours) - 1
    assert by_name["assay"].qlike == pytest.approx(ours.mean())
    assert by_name["assay"].qlike_ratio_yesterday == pytest.approx(ours.mean() / losses.mean())
    _, p = diebold_mariano(ours, losses)
    assert by_name["assay"].dm_p_vs_yesterday == pytest.approx(p)
    assert (by_name["har_ols"].qlike_ratio_har, by_name["har_ols"].dm_p_vs_har) == (1.0, None)


def test_a_rival_without_enough_history_is_left_out():
    bars = market(700)
    found = judge(walked(bars, 24), bars, horizon_hours=24, terms=SWIFT)
    assert [row.name for row in found.variance.rows] == ["assay", "yesterday"]
    assert found.variance.rows[0].qlike_ratio_har is found.variance.rows[0].dm_p_vs_har is None


def test_where_nothing_is_known_nothing_is_scored():
    """Constant prices: nothing is realized, so there is nothing to score and no row is invented."""
    n = 400
    flat = Bars(market(n).time, *[np.full(n, 5.0)] * 4, np.zeros(n))
    signals = walked(market(n), 24)
    unknown = dataclasses.replace(
        signals,
        close=flat.close,
        realized=np.zeros(n),
        threshold=np.full(n, np.nan),
        log_return=np.full(n, np.nan),
        regime=np.full(n, -1, np.int8),
    )
    found = judge(unknown, flat, horizon_hours=24, terms=SWIFT)
    assert (found.variance.origins, found.variance.rows) == (0, ())
    assert (found.risk.origins, found.risk.auc, found.risk.reliability) == (0, None, ())
    assert [(row.origins, row.hit_rate, row.kupiec_p) for row in found.tails] == [
        (0, None, None)
    ] * 2
    assert found.regimes.switches_a_year is None
    assert found.buy_and_hold.total_return == pytest.approx(-SWIFT.cost_rate, rel=0.01)


def still(n):
    return Bars(market(n).time, *[np.full(n, 5.0)] * 4, np.zeros(n))


def with_a_week_missing(n):
    bars = market(n)
    return bars.take((np.arange(n) < 700) | (np.arange(n) >= 868))


def still_then_moving(n):
    bars, quiet = market(n), still(n)
    late = np.arange(n) >= n // 2
    pairs = zip(bars.columns()[1:], quiet.columns()[1:], strict=True)
    return Bars(bars.time, *(np.where(late, moving, flat) for moving, flat in pairs))


def with_prices_worlds_apart(n):
    bars = market(n)
    factor = np.where(np.arange(n) % 100 < 50, 1e-9, 1e9)
    return Bars(bars.time, *(column * factor for column in bars.columns()[1:]))


@pytest.mark.parametrize("horizon", [1, 24, 720])
@pytest.mark.parametrize(
    "bars_of_kind", [still, with_a_week_missing, still_then_moving, with_prices_worlds_apart]
)
def test_odd_markets_make_no_number_that_is_none(model, bars_of_kind, horizon):
    bars = bars_of_kind(1500)
    found = backtest(model, bars, horizon_hours=horizon, terms=Terms(rebalance_hours=1))
    for figures in (found.volatility_target, found.buy_and_hold, found.constant_exposure):
        assert figures.total_return >= -1.0
        for value in dataclasses.astuple(figures):
            assert value is None or np.isfinite(value)
    for row in found.variance.rows:
        assert all(value is None or np.isfinite(value) for value in dataclasses.astuple(row)[1:])
    assert np.isfinite(found.curve.volatility_target).all()
    if bars_of_kind is still:
        assert (found.variance.rows, found.volatility_target.total_return > -0.01) == ((), True)


@pytest.mark.real_data
def test_on_two_years_of_btc_the_signals_beat_har_and_yesterday(model):
    folder = os.environ.get("ASSAY_REAL_DATA")
    if not folder:
        pytest.skip("ASSAY_REAL_DATA names no folder with btcusdt_1h.csv")
    bars = read_bars_csv(Path(folder) / "btcusdt_1h.csv", timeframe=timeframe("1h")).bars
    found = backtest(model, bars, horizon_hours=24, terms=Terms())
    ours = found.variance.rows[0]
    assert found.variance.origins > 600
    assert (ours.qlike_ratio_har < 0.8, ours.qlike_ratio_yesterday < 0.5) == (True, True)
    assert ours.dm_p_vs_har < 0.01
    assert (found.risk.brier_skill > 0.1, found.risk.auc > 0.75) == (True, True)
    calm, normal, turbulent = (row.next_realized_volatility for row in found.regimes.rows)
    assert calm < normal < turbulent
    assert found.regimes.switches_a_year <= 40
    assert found.volatility_target.annualized_volatility < found.buy_and_hold.annualized_volatility


def test_the_examples_in_the_docstrings_are_true():
    for module in (exposure, performance_module, signal_quality):
        found = doctest.testmod(module)
        assert (found.failed, found.attempted > 0) == (0, True), module
