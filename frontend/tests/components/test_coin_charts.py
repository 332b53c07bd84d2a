"""A coin's charts: what they draw, and the arithmetic beneath them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from assay_frontend.api.crypto_models import CoinBars, Signal, TimedBar
from assay_frontend.api.track_models import ReliabilityPoint
from assay_frontend.components.coin_candles import coin_price_figure, coin_price_words
from assay_frontend.components.contributions import (
    base_risk,
    log_odds,
    points,
    share_of,
    step_sentence,
    steps_figure,
    steps_of,
)
from assay_frontend.components.realized import past_bars, realized_path
from assay_frontend.components.reliability_chart import reliability_figure
from assay_frontend.components.time_ticks import MOST_TICKS, time_ticks
from assay_frontend.components.volatility_chart import (
    MOST_POINTS,
    PastVolatility,
    volatility_figure,
    volatility_words,
)
from assay_frontend.i18n import translator
from assay_frontend.markets import CoinChoice
from assay_frontend.theme.palette import palette

EN, ES = translator("en"), translator("es")
LIGHT = palette("light")
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2025, 4, 14, tzinfo=UTC)


@pytest.fixture
def signal(coin):
    return Signal.parse(coin.signal)


@pytest.fixture
def hourly(coin):
    return CoinBars.parse(coin.bars("1h", 600))


def bar(hours, *, open, high, low, close):
    return TimedBar(START + timedelta(hours=hours), open, high, low, close, 1.0)


def flat_bars(closes, *, at=None):
    """Bars without range, so that only their closes move."""
    hours = at or range(len(closes))
    return [
        bar(hour, open=close, high=close, low=close, close=close)
        for hour, close in zip(hours, closes, strict=True)
    ]


def test_volatility_of_squared_returns_by_hand():
    """Returns of 3 %, 4 % and 0 in logs: sqrt(.03^2 + .04^2) = .05, then .04."""
    closes = [100.0, 100 * math.exp(0.03), 100 * math.exp(-0.01), 100 * math.exp(-0.01)]
    path = realized_path(
        flat_bars(closes), bar_minutes=60, horizon_minutes=120, measure="squared_returns"
    )
    assert path[:2] == [None, None]
    assert path[2:] == pytest.approx([0.05, 0.04])


def test_volatility_of_ranges_by_hand():
    """ln(h/l) = .2 and ln(c/o) = .1: .5 x .04 - .386294 x .01 = .016137."""
    wide = bar(0, open=100.0, high=100 * math.exp(0.1), low=100 * math.exp(-0.1),
               close=100 * math.exp(0.1))  # fmt: skip
    path = realized_path([wide], bar_minutes=60, horizon_minutes=60, measure="garman_klass")
    assert path == pytest.approx([math.sqrt(0.02 - 0.3862943611 * 0.01)])


@pytest.mark.parametrize(
    ("measure", "known"),
    [("squared_returns", [False, False, True, False, False, True]),
     ("garman_klass", [False, True, True, False, True, True])],
)  # fmt: skip
def test_no_span_with_a_gap_in_it_is_measured(measure, known):
    bars = flat_bars([1.0, 2.0, 1.0, 2.0, 1.0, 2.0], at=[0, 1, 2, 5, 6, 7])
    path = realized_path(bars, bar_minutes=60, horizon_minutes=120, measure=measure)
    assert [value is not None for value in path] == known


@pytest.mark.parametrize("measure", ["squared_returns", "garman_klass"])
def test_running_sums_equal_a_naive_loop(hourly, measure):
    bars = hourly.bars[:80]
    path = realized_path(bars, bar_minutes=60, horizon_minutes=7 * 60, measure=measure)
    for end in range(7, 80):
        total = 0.0
        for i in range(end - 6, end + 1):
            range_, moved = (math.log(bars[i].high / bars[i].low),
                             math.log(bars[i].close / bars[i].open))  # fmt: skip
            garman_klass = 0.5 * range_**2 - (2 * math.log(2) - 1) * moved**2
            square = math.log(bars[i].close / bars[i - 1].close) ** 2
            total += square if measure == "squared_returns" else garman_klass
        assert path[end] == pytest.approx(math.sqrt(total), rel=1e-9)


@pytest.mark.parametrize(
    ("timeframe", "horizon", "expected"),
    [
        ("1h", 60, ("1h", 242)),
        ("1h", 1440, ("1h", 601)),
        ("1d", 1440, ("1h", 601)),
        ("1m", 5, ("1m", 246)),
        ("1m", 10080, ("1h", 4201)),
        ("1d", 43200, ("1h", 5000)),
    ],
)
def test_the_past_is_measured_on_hours_where_it_can(timeframe, horizon, expected):
    assert past_bars(CoinChoice(timeframe=timeframe, horizon_minutes=horizon)) == expected


def test_the_forecast_stands_beside_the_past_with_its_interval(signal, hourly):
    past = PastVolatility.before(signal, hourly)
    figure = volatility_figure(EN, past, signal, LIGHT, BERLIN)
    line, band, forecast, threshold = figure.data
    assert len(past.values) == 600 - 24
    assert line.y[-1] == 100 * past.values[-1]
    assert list(band.y) == [1.48, 1.48, 3.62, 3.62]
    assert list(forecast.y) == [2.31, 2.31]
    assert threshold.line.dash == "dash"
    assert set(threshold.y) == {2.87}
    assert band.x[0] == len(past.values) - 1 < band.x[1]
    assert [note.text for note in figure.layout.annotations][:3] == [
        "1.5\xa0%",
        "2.3\xa0%",
        "3.6\xa0%",
    ]


def test_a_long_past_is_thinned_from_its_end(coin, signal):
    path = [None, *(float(i) for i in range(1999))]
    past = PastVolatility.thinned(CoinBars.parse(coin.bars("1h", 2000)), path, 60)
    assert MOST_POINTS / 2 < len(past.values) <= MOST_POINTS
    assert past.values[-1] == 1998.0
    assert past.ends[-1] == signal.provenance.as_of


def test_without_interval_and_threshold_the_rest_is_drawn(coin, hourly):
    coin.signal["volatility"] = {"horizon": 0.02, "annualized": 0.4}
    signal = Signal.parse(coin.signal)
    figure = volatility_figure(EN, PastVolatility.before(signal, hourly), signal, LIGHT, BERLIN)
    assert [trace.name for trace in figure.data] == ["Realized volatility", "Forecast"]


def test_the_volatility_chart_is_told_in_words(signal, hourly):
    words = volatility_words(EN, PastVolatility.before(signal, hourly), signal, BERLIN)
    assert "realized volatility over 24 hours since" in words
    assert "the forecast: 2.3\xa0%, 80\xa0% range 1.5\xa0% to 3.6\xa0%" in words
    assert "80th percentile of the past year at 2.9\xa0%" in words


def test_candles_of_a_coin_have_its_units_and_the_readers_hours(hourly):
    shown = hourly.bars[-60:]
    figure = coin_price_figure(EN, shown, hourly, LIGHT, BERLIN)
    candles, volume = figure.data
    assert len(candles.open) == len(volume.y) == 60
    assert "14 Apr 2025, 22:00 CEST" in candles.text[-1]
    texts = [note.text for note in figure.layout.annotations]
    assert texts == ["BTC/USDT, USDT", "Volume, BTC"]
    words = coin_price_words(EN, shown, hourly, BERLIN)
    assert "last 60 bars of BTC/USDT" in words
    assert "14 Apr 2025, 22:00 CEST" in words


def test_days_are_named_in_utc(coin):
    daily = CoinBars.parse(coin.bars("1d", 5))
    midnight = flat_bars([61000.0])
    figure = coin_price_figure(EN, midnight, daily, LIGHT, ZoneInfo("America/New_York"))
    assert figure.data[0].text[0].startswith("<b>14 Apr 2025</b>")


@pytest.mark.parametrize("close", [64000.0, 3.2, 0.0000123])
def test_neighbouring_prices_of_the_axis_differ(coin, close):
    document = coin.bars("1h", 60)
    for row in document["data"]:
        for name in ("open", "high", "low", "close"):
            row[name] *= close / 61000.0
    market = CoinBars.parse(document)
    decimals = coin_price_figure(EN, market.bars, market, LIGHT, UTC).layout.yaxis.tickformat
    step = (max(b.high for b in market.bars) - min(b.low for b in market.bars)) / 7
    assert 10 ** -int(decimals[2:-1]) <= step


@pytest.mark.parametrize(("source", "marked"), [("simulated", True), ("binance", False)])
def test_charts_of_simulated_bars_carry_a_mark(coin, signal, source, marked):
    coin = coin.change(source=source)
    market = CoinBars.parse(coin.bars("1h", 300))
    past = PastVolatility.before(signal, market)
    for figure in (
        coin_price_figure(EN, market.bars, market, LIGHT, UTC),
        volatility_figure(EN, past, signal, LIGHT, UTC),
        reliability_figure(EN, [ReliabilityPoint(50, 0.14, 0.16)], LIGHT, source=source),
    ):
        marks = [note for note in figure.layout.annotations if note.text == "SIMULATED"]
        assert bool(marks) is marked
        names = [note for note in figure.layout.annotations if note.yref == "paper" and note.y == 1]
        assert all(mark.yshift >= name.yshift + 17 for mark in marks for name in names
                   if name is not mark)  # fmt: skip
        assert all(mark.yshift + 25 <= figure.layout.margin.t for mark in marks)


@pytest.mark.parametrize("minutes", [1, 5, 60, 240, 1440])
@pytest.mark.parametrize("count", [1, 2, 60, 250, 600])
def test_names_on_the_time_axis_are_few(minutes, count):
    moments = [START + i * timedelta(minutes=minutes) for i in range(count)]
    positions, names = time_ticks(EN, moments, BERLIN)
    assert len(positions) == len(names) <= MOST_TICKS
    assert count < 60 or len(names) >= 1


def test_midnight_is_named_by_its_day():
    moments = [START + timedelta(hours=h) for h in range(15, 30)]
    names = ["15:00<br>14 Apr", "18:00", "21:00", "15 Apr", "03:00"]
    assert time_ticks(EN, moments, UTC) == ([0, 3, 6, 9, 12], names)


@pytest.mark.parametrize(
    ("days", "names"),
    [
        (3, ["14 Apr", "15 Apr", "16 Apr"]),
        (85, ["14 Apr<br>2025", "May", "Jun", "Jul"]),
        (400, ["14 Apr<br>2025", "Jul", "Oct", "Jan<br>2026", "Apr"]),
    ],
)
def test_the_first_moment_is_dated_where_its_name_has_room(days, names):
    moments = [START + timedelta(days=n) for n in range(days)]
    assert time_ticks(EN, moments, UTC)[1] == names


def test_names_do_not_touch_where_days_are_missing():
    days = [3, 6, 7, 8, 9, 13, 14, 15, 16, 17]
    moments = [datetime(2025, 1, day, tzinfo=UTC) for day in days]
    positions, names = time_ticks(EN, moments, UTC)
    assert len(names) > 2
    assert min(b - a for a, b in pairwise(positions)) >= len(days) / (MOST_TICKS + 1)


def test_log_odds_and_back():
    assert log_odds(0.2) == pytest.approx(math.log(0.25))
    assert share_of(log_odds(0.31)) == pytest.approx(0.31)
    assert [round(share_of(log_odds(share)), 5) for share in (0.0, 1.0)] == [0.0, 1.0]


def test_the_steps_lead_from_the_usual_risk_to_the_score(signal):
    steps = steps_of(signal)
    assert base_risk(signal) == pytest.approx(0.2)
    assert steps[0].start == pytest.approx(0.2)
    assert steps[-1].end == pytest.approx(0.31)
    for before, after in pairwise(steps):
        assert after.start == before.end
    assert [step.name for step in steps[:2]] == ["last_day", "last_week"]
    gained = sum(float(points(EN, step).replace("\N{MINUS SIGN}", "-")) for step in steps)
    assert gained == pytest.approx(11.0, abs=0.3)


def test_effects_too_small_to_see_are_told_as_one(signal):
    steps = steps_of(signal, shown=3)
    assert [step.name for step in steps] == ["last_day", "last_week", "fall_of_last_day", None]
    assert sum(step.effect for step in steps) == pytest.approx(log_odds(0.31) - log_odds(0.2))
    assert len(steps_of(signal, shown=9, least=0.0)) == 9


@pytest.mark.parametrize("score", [0.0, 0.005, 0.2, 1.0])
def test_steps_at_the_edges_can_be_drawn(coin, score):
    coin.signal["risk_score"] = score
    for item in coin.signal["explain"]["contributions"]:
        item["effect"] = 0.0
    steps = steps_of(Signal.parse(coin.signal))
    low, high = steps_figure(EN, steps, LIGHT).layout.xaxis.range
    assert low < high


def test_a_step_is_told_in_words(signal):
    first = steps_of(signal)[0]
    assert step_sentence(EN, first) == (
        "Volatility of the last day: +7.6 points, from 20.0\xa0% to 27.6\xa0%."
    )
    figure = steps_figure(ES, steps_of(signal), LIGHT)
    assert figure.data[0].text[0] == "+7,6"
