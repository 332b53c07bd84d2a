"""A coin's first glance, its sentences, tables and files."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from assay_frontend.api.crypto_models import REGIMES, CoinBars, Signal, read_signals
from assay_frontend.components import coin_tables
from assay_frontend.components.coin_headline import coin_headline_html
from assay_frontend.components.coin_words import (
    benchmark_words,
    fallback_sentences,
    meaning_sentences,
)
from assay_frontend.components.contributions import steps_of
from assay_frontend.components.regimes import regime_html, regime_text
from assay_frontend.components.tables import csv_text
from assay_frontend.components.text import file_stem
from assay_frontend.components.volatility_chart import PastVolatility
from assay_frontend.i18n import formats as f
from assay_frontend.i18n import translator
from assay_frontend.i18n.formats import risk_percent

EN, ES = translator("en"), translator("es")
BERLIN = ZoneInfo("Europe/Berlin")


def said(coin, language=EN, **fields):
    signal = Signal.parse(coin.change(**fields).signal)
    return " ".join(meaning_sentences(language, signal))


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_first_glance_tells_risk_regime_volatility_and_loss(coin):
    html = coin_headline_html(EN, Signal.parse(coin.signal), BERLIN)
    for words in (
        "BTC/USDT: risk over the next 24 hours",
        "Binance, bars closed up to Monday 14 April 2025, 23:00 CEST.",
        "Close then USDT\xa067,123.45; the last bar (1 hour) moved +0.07\xa0%.",
        "31\xa0%",
        "chance of high volatility over the next 24 hours",
        "Normal",
        "80\xa0% range 1.5\xa0% to 3.6\xa0%; 44\xa0% a year",
        "3.6\xa0%",
        "5.3\xa0% on average",
    ):
        assert words in html


def test_the_close_is_told_with_its_hour_whatever_bars_were_asked_for(coin):
    for timeframe, as_of, bar in (
        ("1m", "2025-04-14T21:54:00Z", "1 minute, up to 14 Apr 2025, 23:54"),
        ("4h", "2025-04-14T21:00:00Z", "4 hours, up to 14 Apr 2025, 22:00"),
        ("1d", "2025-04-14T21:00:00Z", "1 day, up to 14 Apr 2025, 02:00"),
    ):
        signal = coin.change(timeframe=timeframe, as_of=as_of).signal
        html = coin_headline_html(EN, Signal.parse(signal), BERLIN)
        assert "bars closed up to Monday 14 April 2025, 23:00 CEST. Close then" in html
        assert f"the last bar ({bar}) moved" in html


def test_the_first_glance_stands_without_the_optional_fields(coin):
    for name in ("value_at_risk", "expected_shortfall", "last_close", "as_of", "origin"):
        del coin.signal[name]
    coin.signal["volatility"] = {"horizon": 0.0231, "annualized": 0.44}
    html = coin_headline_html(EN, Signal.parse(coin.signal), BERLIN)
    assert "31\xa0%" in html
    assert f.MISSING in html


def test_nothing_from_the_api_becomes_markup(coin):
    hostile = {"symbol": "<i>/<b>", "vol_regime": "<u>", "source": "<s>", "timeframe": "<q>"}
    html = coin_headline_html(EN, Signal.parse(coin.change(**hostile).signal), BERLIN)
    assert not [tag for tag in ("<i>", "<b>", "<u>", "<s>", "<q>", "<U>") if tag in html]
    signal = Signal.parse(coin.change(fallbacks=["*new* [x](y)"]).signal)
    assert fallback_sentences(EN, signal) == [r"\*new\* \[x\]\(y\)"]


@pytest.mark.parametrize("language", [EN, ES])
def test_every_regime_has_a_word_and_a_mark_of_its_own(language):
    texts = {regime_text(language, regime) for regime in REGIMES}
    assert len({text.split(" ")[0] for text in texts}) == len({*texts}) == 3
    for regime in REGIMES:
        assert f"assay-mark {regime}" in regime_html(language, regime)
        assert regime_text(language, regime).split(" ")[1] != ""


def test_the_risk_is_told_as_a_chance_with_its_usual_value(coin):
    words = said(coin)
    assert "over the next 24 hours ends above the level, 2.9\xa0%, that one in five" in words
    assert "more than the usual 20\xa0%" in words
    assert "less than the usual 20\xa0%" in said(coin, risk_score=0.1)
    assert "about the usual 20\xa0%" in said(coin, risk_score=0.21)
    assert "de las próximas 24 horas acabe por encima del nivel, 2,9\xa0%," in said(coin, ES)


@pytest.mark.parametrize(
    ("minutes", "spoken"), [(1440, False), (4320, False), (10080, True), (43200, True)]
)
def test_little_skill_is_confessed_where_the_horizon_is_long(coin, minutes, spoken):
    assert ("skill of risk scores is small" in said(coin, horizon_min=minutes)) is spoken


def test_losses_are_told_in_plain_words(coin):
    words = said(coin)
    assert "stay below 3.6\xa0% of the price in 19 of 20 cases, and average 5.3\xa0%" in words
    assert "below 6.2\xa0% in 99 of 100 cases, and average 8.2\xa0%" in words
    assert "**A fall of more than 4.0\xa0%: 4\xa0%.**" in words
    assert "can hardly be foretold" in words
    assert "**A large fall: 4\xa0%.**" in said(coin, tail_loss_return=None)
    assert "Value at risk" not in said(coin, value_at_risk=None)


@pytest.mark.parametrize(
    ("minutes", "english", "spanish"),
    [
        (1, "the next minute", "el próximo minuto"),
        (60, "the next hour", "la próxima hora"),
        (90, "the next 90 minutes", "los próximos 90 minutos"),
        (1440, "the next 24 hours", "las próximas 24 horas"),
        (10080, "the next 7 days", "los próximos 7 días"),
    ],
)
def test_the_time_ahead_is_told_by_its_own_unit(minutes, english, spanish):
    assert (f.ahead(EN, minutes), f.ahead(ES, minutes)) == (english, spanish)


def test_prices_show_five_digits_and_shares_two():
    values = (67123.45, 123.4, 3.2, 0.0997, 0.00001234)
    assert [f.price(EN, value, "USDT").split("\xa0")[1] for value in values] == [
        "67,123.45", "123.40", "3.2000", "0.099700", "0.000012340",
    ]  # fmt: skip
    assert [f.fine_percent(EN, value) for value in (0.523, 0.0231, 0.0062, 0.0004, None)] == [
        "52\xa0%", "2.3\xa0%", "0.62\xa0%", "0.040\xa0%", f.MISSING,
    ]  # fmt: skip
    assert [risk_percent(EN, value) for value in (0.005, 0.31, 0.995)] == [
        "0.5\xa0%",
        "31\xa0%",
        "99.5\xa0%",
    ]


@pytest.mark.parametrize("language", [EN, ES])
def test_every_code_of_the_backend_has_a_sentence(language):
    codes = ("short_history", "season_of_model", "daily_bars", "no_threshold", "gaps")
    for code in (*codes, "no_movement"):
        assert language.named("fallback", code) != code
    for name in ("last_hour", "fall_of_last_day", "calendar", "threshold_of_the_year", "limits"):
        assert language.named("contribution", name) != name


def test_the_benchmark_is_named_with_its_figure(coin):
    assert benchmark_words(EN, Signal.parse(coin.signal)) == "HAR: 2.4\xa0%"
    del coin.signal["explain"]
    assert benchmark_words(EN, Signal.parse(coin.signal)) is None


def test_recent_signals_are_told_with_market_regime_and_mark(coin):
    table = coin_tables.recent_table(EN, read_signals(coin.recent), BERLIN)
    assert table["Made"] == ["14 Apr 2025, 23:00", "14 Apr 2025, 22:30", "14 Apr 2025, 22:00"]
    assert table["Market"][1] == "ETH/USDT, Binance, 1h"
    assert table["Regime"] == ["◐ normal", "○ calm", "● turbulent"]
    assert table["Risk score"] == ["31\xa0%", "31\xa0%", "64\xa0%"]


def test_the_table_of_steps_adds_up(coin):
    signal = Signal.parse(coin.signal)
    steps = steps_of(signal, shown=9, least=0.0)
    table = coin_tables.steps_numbers(EN, steps, file="steps.csv", about={}).table
    assert table["Risk after it"][-1] == "31.0\xa0%"
    assert table["Effect, log-odds"][0] == "+0.420"
    assert len(table["Input"]) == 9


def test_files_hold_what_is_shown_with_its_source(coin):
    market = CoinBars.parse(coin.change(source="simulated").bars("1h", 60))
    signal = Signal.parse(coin.signal)
    bars = rows_of(coin_tables.coin_bars_csv(market.bars, market))
    assert list(bars[0])[:6] == ["timestamp", "open", "high", "low", "close", "volume"]
    assert (bars[-1]["timestamp"], bars[-1]["source"]) == ("2025-04-14T20:00:00Z", "simulated")
    past = rows_of(coin_tables.past_csv(PastVolatility.before(signal, market)))
    assert len(past) == 60 - 24
    assert past[-1]["until"] == "2025-04-14T21:00:00Z"
    figures = {row["figure"]: row["value"] for row in rows_of(coin_tables.signal_csv(signal))}
    assert figures["risk_score"] == "0.31"
    assert figures["expected_shortfall.0.95"] == "0.0527"
    assert figures["contribution.last_day"] == "0.42"
    assert figures["model_version"] == "2025.04.1"
    assert figures["volatility_version"] == "2025-01-20-b0b37fcc"
    recent = rows_of(coin_tables.recent_csv(read_signals(coin.recent)))
    assert [row["vol_regime"] for row in recent] == ["normal", "calm", "turbulent"]


def test_no_cell_of_a_file_is_a_formula():
    text = csv_text(["name", "value"], [["=1+2", -0.5], ["@x", 1]])
    assert text.splitlines()[1:] == ["'=1+2,-0.5", "'@x,1"]


def test_a_file_tells_instants_in_utc_and_leaves_empty_what_there_is_not():
    madrid = timezone(timedelta(hours=1))
    row = [datetime(2025, 4, 14, 22, 30, tzinfo=madrid), date(2025, 4, 14), True, None]
    text = csv_text(["at", "day", "so", "nothing"], [row])
    assert text.splitlines()[1] == "2025-04-14T21:30:00Z,2025-04-14,true,"


def test_a_files_name_holds_nothing_but_letters_digits_and_hyphens():
    assert file_stem("BTC/USDT", "../x", "1h") == "btc-usdt-x-1h"
