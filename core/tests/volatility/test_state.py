from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from math import log, sqrt

import numpy as np
import pytest

from assay.errors import TooLittleHistory
from assay.market.bars import Bars
from assay.market.resample import resample
from assay.market.timeframes import timeframe
from assay.volatility.assessment import Assessment
from assay.volatility.har import har_ols
from assay.volatility.hours import hours_of
from assay.volatility.state import CoinState
from assay.volatility.walk import walk

HOUR = np.timedelta64(1, "h")
HORIZONS = (1, 15, 60, 90, 240, 1439, 1440, 1470, 10_080, 43_200)


def after(bars: Bars) -> np.datetime64:
    return bars.time[-1] + HOUR


def chained(earlier: Bars, later: Bars) -> Bars:
    columns = zip(earlier.columns(), later.columns(), strict=True)
    return Bars(*(np.concatenate(pair) for pair in columns))


def still(n: int, start: np.datetime64, price: float = 100.0) -> Bars:
    flat = np.full(n, price)
    return Bars(start + np.arange(n) * HOUR, flat, flat, flat, flat, np.zeros(n))


def without(bars: Bars, first: int, end: int) -> Bars:
    kept = np.ones(len(bars), dtype=bool)
    kept[first:end] = False
    return bars.take(kept)


def numbers_of(value: object) -> list[float]:
    """Every float in an assessment, however deep."""
    if isinstance(value, float):
        return [value]
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers_of(item)]
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers_of(item)]
    return []


def check(found: Assessment) -> None:
    """What must hold of any assessment."""
    numbers = numbers_of(asdict(found))
    assert len(numbers) > 20
    assert np.isfinite(numbers).all()
    assert 0.0 < found.lower <= found.volatility <= found.upper
    assert 0.0 <= found.percentile <= 1.0
    assert 0.005 <= found.risk_score <= 0.995
    assert found.threshold_volatility > 0.0
    for confidence in (0.95, 0.99):
        loss, shortfall = found.value_at_risk[confidence], found.expected_shortfall[confidence]
        assert 0.0 <= loss <= shortfall <= 1.0
    assert found.value_at_risk[0.99] >= found.value_at_risk[0.95]
    assert 0.0 <= found.tail_loss_probability <= 1.0
    assert found.annualized == pytest.approx(
        found.volatility * sqrt(365 * 1440 / found.horizon_minutes)
    )
    explanation = found.explanation
    total = explanation.base_log_odds + sum(item.effect for item in explanation.contributions)
    assert total == pytest.approx(log(found.risk_score / (1 - found.risk_score)), abs=1e-9)
    assert explanation.base_log_odds == pytest.approx(log(0.25))
    assert explanation.benchmark in ("har_ols", "month_mean")
    assert explanation.benchmark_volatility >= 0.0


def past_of(name: str, coin) -> tuple[Bars, Bars | None]:
    """Hourly and daily bars of some trouble."""
    bars = coin(9_500, seed=6)
    daily = resample(bars, timeframe("1d"))
    return {
        "whole": (bars, None),
        "50 bars": (bars.take(slice(-50, None)), None),
        "a month": (bars.take(slice(-700, None)), None),
        "50 bars and a year of days": (bars.take(slice(-50, None)), daily),
        "days alone": (Bars.empty(), daily),
        "few hours after days": (bars.take(slice(-10, None)), daily),
        "a missing week": (without(bars, 9_200, 9_368), None),
        "one bar after a missing week": (without(bars, 9_331, 9_499), None),
        "constant prices": (still(9_500, bars.time[0]), None),
        "50 constant prices": (still(50, bars.time[0]), None),
        "a day of standstill": (chained(bars, still(24, after(bars), bars.close[-1])), None),
        "life after a year of standstill": (
            chained(still(9_000, bars.time[0] - 9_000 * HOUR), bars.take(slice(200))),
            None,
        ),
        "no volume": (Bars(*bars.columns()[:5], np.zeros(len(bars))), None),
        "a hair's movement": (coin(3_000, volatility=1e-7), None),
        "wild prices": (coin(300, volatility=3.0), None),
        "a gap of years": (
            chained(coin(100, start=np.datetime64("2017-01-02T00", "ms")), bars.take(slice(100))),
            None,
        ),
    }[name]


FALLBACKS = {
    "whole": set(),
    "50 bars": {"short_history", "season_of_model", "no_threshold", "no_regime"},
    "a month": {"short_history", "season_of_model", "no_threshold", "no_regime"},
    "50 bars and a year of days": {"short_history", "season_of_model", "daily_bars"},
    "days alone": {"short_history", "season_of_model", "daily_bars"},
    "few hours after days": {"short_history", "season_of_model", "daily_bars"},
    "a missing week": {"gaps"},
    "one bar after a missing week": {"gaps"},
    "constant prices": {"season_of_model", "no_movement", "no_threshold"},
    "50 constant prices": {
        "short_history", "season_of_model", "no_movement", "no_threshold", "no_regime",
    },
    "a day of standstill": {"no_movement"},
    "life after a year of standstill": {"season_of_model", "no_threshold"},
    "no volume": {"no_volume"},
    "a hair's movement": {"short_history", "no_threshold"},
    "wild prices": {"short_history", "season_of_model", "no_threshold", "no_regime"},
    "a gap of years": {"short_history", "season_of_model", "gaps", "no_threshold", "no_regime"},
}  # fmt: skip


@pytest.mark.parametrize("name", FALLBACKS)
def test_any_past_gives_finite_numbers_and_says_what_it_did_without(coin, model, name):
    hourly, daily = past_of(name, coin)
    state = CoinState.of(model, hourly, daily)
    for minutes in HORIZONS:
        found = state.assess(minutes)
        check(found)
        if minutes == 1440:
            assert set(found.fallbacks) == FALLBACKS[name]
        assert found.hours_used == len(hourly)


def test_too_little_of_everything_is_said(coin, model):
    bars = coin(49)
    with pytest.raises(TooLittleHistory, match="49 and 0") as caught:
        CoinState.of(model, bars)
    assert (caught.value.needed, caught.value.available) == (50, 49)
    with pytest.raises(TooLittleHistory, match="49 and 3"):
        CoinState.of(model, bars, resample(bars, timeframe("1d")))
    with pytest.raises(TooLittleHistory, match="0 and 0"):
        CoinState.of(model, Bars.empty(), Bars.empty())


def test_the_origin_is_the_newest_close(coin, model):
    bars = coin(100, start=np.datetime64("2024-05-06T00", "ms"))
    assert CoinState.of(model, bars).origin == datetime(2024, 5, 10, 4, tzinfo=UTC)
    days = resample(coin(24 * 60, start=np.datetime64("2024-05-06T00", "ms")), timeframe("1d"))
    assert CoinState.of(model, Bars.empty(), days).origin == datetime(2024, 7, 5, tzinfo=UTC)


def test_volatility_never_falls_with_the_horizon(coin, model):
    state = CoinState.of(model, coin(2_000, seed=8))
    minutes = [1, 7, 59, 60, 61, 119, 120, 200, 240, 1000, 1439, 1440, 1441, 4320, 10_080, 43_200]
    found = [state.assess(m).volatility for m in minutes]
    assert (np.diff(found) > 0.0).all()


def test_below_an_hour_variance_is_the_hours_share_and_the_score_is_the_hours(coin, model):
    state = CoinState.of(model, coin(2_000, seed=8))
    hour, quarter = state.assess(60), state.assess(15)
    assert quarter.volatility == pytest.approx(hour.volatility / 2)
    assert quarter.threshold_volatility == pytest.approx(hour.threshold_volatility / 2)
    assert quarter.risk_score == hour.risk_score
    assert quarter.measure == "garman_klass"
    assert state.assess(1439).measure == "garman_klass"
    assert state.assess(1440).measure == "squared_returns"


@pytest.mark.parametrize("minutes", [0, -60, 43_201, 10**9])
def test_a_horizon_beyond_a_month_or_below_a_minute_is_refused(coin, model, minutes):
    with pytest.raises(ValueError, match=str(minutes)):
        CoinState.of(model, coin(60)).assess(minutes)


def test_what_is_done_without_widens_the_interval(coin, model):
    bars = coin(9_500, seed=6)
    whole = CoinState.of(model, bars).assess(1440)
    short = CoinState.of(model, bars.take(slice(-200, None))).assess(1440)
    assert short.upper / short.lower > whole.upper / whole.lower


def test_days_lend_the_year_that_the_hours_lack(coin, model):
    bars = coin(12_000, seed=12)
    recent = bars.take(slice(-100, None))
    whole, alone, helped = (
        CoinState.of(model, hourly, daily).assess(1440)
        for hourly, daily in (
            (bars, None),
            (recent, None),
            (recent, resample(bars, timeframe("1d"))),
        )
    )
    assert "no_threshold" in alone.fallbacks
    assert "no_threshold" not in helped.fallbacks
    assert helped.threshold_volatility == pytest.approx(whole.threshold_volatility, rel=0.15)
    assert helped.risk_score == pytest.approx(whole.risk_score, abs=0.1)
    # a day's bar does not say what an hour of the past year was
    hour = CoinState.of(model, recent, resample(bars, timeframe("1d"))).assess(60)
    assert "no_threshold" in hour.fallbacks


def test_a_storm_raises_the_score_and_a_lull_lowers_it(coin, model):
    bars = coin(9_500, seed=6)
    storm = coin(96, seed=1, volatility=0.05, start=after(bars), price=bars.close[-1])
    lull = coin(96, seed=1, volatility=0.0005, start=after(bars), price=bars.close[-1])
    scores = [
        CoinState.of(model, chained(bars, tail)).assess(1440).risk_score for tail in (lull, storm)
    ]
    assert scores[0] < 0.1
    assert scores[1] > 0.8


def test_contributions_are_the_inputs_distances_from_usual(coin, model):
    state = CoinState.of(model, coin(9_500, seed=6))
    found = state.assess(1440)
    k, sigma = 1.8138, state._horizons[24].parts.deviation
    usual = state.features.x[-8760:].mean(axis=0)
    by_name = {item.name: item for item in found.explanation.contributions}
    expected = k * model.coefficients[2][3] * (state.features.x[-1, 2] - usual[2]) / sigma
    assert by_name["last_day"].effect == pytest.approx(expected)
    season = np.log(state.features.seasons.sums_ahead(24))
    calendar = k * (season[-1] - season[-8760:].mean()) / sigma
    assert by_name["calendar"].effect == pytest.approx(calendar)
    assert by_name["limits"].effect == pytest.approx(0.0, abs=1e-9)
    assert sum(abs(item.effect) for item in found.explanation.contributions) > 0.5


def test_the_percentile_is_the_rank_among_the_years_forecasts(coin, model):
    bars = coin(9_500, seed=6)
    along = walk(model, bars, horizon_hours=24).variance[-8760:]
    found = CoinState.of(model, bars).assess(1440).percentile
    assert found == pytest.approx(np.mean(along < along[-1]), abs=1e-3)


def test_bars_before_the_year_and_its_warm_up_hardly_matter(coin, model):
    bars = coin(20_000, seed=3)
    whole = CoinState.of(model, bars).assess(1440)
    recent = CoinState.of(model, bars.take(slice(-17_520, None))).assess(1440)
    assert recent.volatility == pytest.approx(whole.volatility, rel=5e-3)
    assert recent.threshold_volatility == pytest.approx(whole.threshold_volatility)
    assert recent.risk_score == pytest.approx(whole.risk_score, abs=0.02)


@pytest.mark.parametrize(("hours", "named"), [(768, True), (769, False)])
def test_the_regime_is_normal_for_want_of_30_days_of_forecasts_until_there_are(
    coin, model, hours, named
):
    """The first forecast is made at the 50th bar."""
    assert ("no_regime" in CoinState.of(model, coin(hours)).fallbacks) is named


def test_trades_in_half_of_the_moving_bars_are_enough(coin, model):
    bars = coin(1_000)
    for silent, marked in ((360, False), (361, True)):
        volume = np.ones(1_000)
        volume[-silent:] = 0.0
        state = CoinState.of(model, Bars(*bars.columns()[:5], volume))
        assert ("no_volume" in state.fallbacks) is marked
    usual, wider = CoinState.of(model, bars).assess(60), state.assess(60)
    assert log(wider.upper / wider.lower) == pytest.approx(1.1 * log(usual.upper / usual.lower))


def test_days_without_trades_are_marked_too(coin, model):
    daily = resample(coin(9_500), timeframe("1d"))
    silent = Bars(*daily.columns()[:5], np.zeros(len(daily)))
    assert "no_volume" in CoinState.of(model, Bars.empty(), silent).fallbacks
    assert "no_volume" not in CoinState.of(model, Bars.empty(), daily).fallbacks


def test_the_benchmark_is_har_ols_once_it_can_be_fitted_and_the_months_mean_before(coin, model):
    for hours, name in ((80 * 24, "month_mean"), (100 * 24, "har_ols")):
        bars = coin(hours)
        found = CoinState.of(model, bars).assess(1440).explanation
        assert found.benchmark == name
        grid = hours_of(bars)
        expected = (
            24 * grid.squared[-720:].mean()
            if name == "month_mean"
            else har_ols(grid, 24, "squared_returns", phase=(grid.first + len(grid)) % 24)[-1]
        )
        assert found.benchmark_volatility == pytest.approx(sqrt(expected))
