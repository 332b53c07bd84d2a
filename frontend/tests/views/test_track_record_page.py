"""The track record, in each state that it can be in."""

from __future__ import annotations

import socket

import pytest
import streamlit as st

import invented_records

GOLD, SIGNALS = "/v1/gold/track-record", "/v1/crypto/track-record"


@pytest.fixture
def open_page(open_view):
    return lambda *args, **query: open_view("track_record", *args, **query)


def test_the_first_glance_says_how_often_ranges_held(open_page, words_of):
    words = words_of(open_page())
    for part in (
        "What was forecast, and what came of it",
        "120 gold forecasts, each written down before its outcome was known",
        "75\xa0%",
        "90 of 120",
        "should be 80\xa0% in the long run",
        "1 waiting for the outcome",
        "The 80\xa0% ranges held 90 of 120 times (75.0\xa0%). If they are right, chance alone",
    ):
        assert part in words
    assert words.count("not financial advice") == 1


def test_a_good_day_has_no_banner(open_page):
    for app in (open_page(), open_page(of="signals")):
        assert not [*app.error, *app.warning, *app.info]


@pytest.mark.parametrize(("of", "count"), [("gold", 4), ("signals", 3)])
def test_every_chart_has_a_text_alternative_and_numbers(open_page, words_of, of, count):
    app = open_page(of=of)
    drawn = app.get("plotly_chart")
    assert len(drawn) == count
    assert all(chart.proto.alt for chart in drawn)
    named = [expander.label for expander in app.expander]
    assert named.count("The numbers behind the chart") == count
    assert words_of(app).count("<table ") == 2
    assert len(app.dataframe) == count
    labels = [item.proto.label for item in app.get("download_button")]
    assert len(set(labels)) == count + 1
    assert labels[-1] == "Track record, CSV"


def test_signals_are_told_with_what_came_of_them(open_page, words_of):
    words = words_of(open_page(of="signals"))
    for part in (
        "150 signals of BTC/USDT",
        "High volatility came",
        "More than the 95\xa0% value at risk was lost 6 of 150 times (4.0\xa0%)",
        "Times are in CEST",
    ):
        assert part in words


def test_hits_and_misses_bear_a_mark_and_a_word(open_page, words_of):
    words = words_of(open_page())
    assert "\N{CHECK MARK} inside" in words
    assert "\N{CHECK MARK} right" in words
    assert "\N{MULTIPLICATION X} wrong" in words
    assert "waiting" in words


def test_ranges_that_are_too_narrow_are_called_so(backend, open_page, replies, words_of):
    backend.replies[GOLD] = replies.of(invented_records.gold_record(250, spread=1.6))
    assert "The 80\xa0% ranges were too narrow so far" in words_of(open_page())


@pytest.mark.parametrize("of", ["gold", "signals"])
def test_a_record_without_a_row_is_no_trouble(backend, open_page, replies, words_of, of):
    backend.replies[GOLD] = replies.of(invented_records.gold_record(0, pending=0))
    backend.replies[SIGNALS] = replies.of(invented_records.signal_record(0, pending=0))
    app = open_page(of=of)
    words = words_of(app)
    assert "Nothing has been scored yet" in words
    assert "has been recorded yet" in words
    assert not app.get("plotly_chart")
    assert not app.get("download_button")


@pytest.mark.parametrize("of", ["gold", "signals"])
def test_rows_that_wait_say_until_when(backend, open_page, replies, words_of, of):
    backend.replies[GOLD] = replies.of(invented_records.gold_record(0, pending=1))
    backend.replies[SIGNALS] = replies.of(invented_records.signal_record(0, pending=1))
    words = words_of(open_page(of=of))
    day = "Tuesday 15 April 2025" if of == "gold" else "Monday 14 April 2025"
    assert f"The first outcome can be known {day}, 23:00 CEST" in words


@pytest.mark.parametrize("scored", [1, 2, 9, 10, 11])
def test_hardly_any_outcomes_are_no_trouble(backend, open_page, replies, words_of, scored):
    backend.replies[GOLD] = replies.of(invented_records.gold_record(scored))
    backend.replies[SIGNALS] = replies.of(invented_records.signal_record(scored))
    gold, signals = words_of(open_page()), words_of(open_page(of="signals"))
    assert ("too few outcomes" in gold) == (scored < 10)
    assert f"With {scored} outcomes chance still has a large say" in signals


@pytest.mark.parametrize("of", ["gold", "signals"])
def test_simulated_rows_are_announced_and_not_scored(backend, open_page, replies, texts, of):
    backend.replies[GOLD] = replies.of(invented_records.gold_record(5, source="simulated"))
    backend.replies[SIGNALS] = replies.of(invented_records.signal_record(5, source="simulated"))
    app = open_page(of=of)
    assert "None of them is ever scored" in texts(app.error)
    assert not app.info  # that outcomes come by themselves is not so
    assert not app.get("plotly_chart")


def test_replayed_rows_may_have_been_trained_on(backend, open_page, replies, texts):
    backend.replies[GOLD] = replies.of(invented_records.gold_record(20, source="replay"))
    told = texts(open_page().info)
    assert "Replayed market: " in told
    assert "have the benefit of hindsight" in told


def test_a_few_simulated_rows_among_real_ones_are_told(backend, open_page, replies, texts):
    document = invented_records.gold_record(20)
    document["items"][0] |= {"source": "simulated", "status": "simulated", "counted": False}
    backend.replies[GOLD] = replies.of(document)
    app = open_page()
    assert not app.error
    assert "1 of the rows below were made from simulated bars" in texts(app.info)


def test_a_backend_that_is_away_is_told_and_nothing_breaks(open_page, texts, words_of):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    app = open_page(f"http://127.0.0.1:{port}")
    assert "What was forecast" in words_of(app)
    assert "cannot be reached" in texts(app.error)


def test_the_last_good_picture_stays_when_the_backend_goes(
    backend, open_page, replies, texts, words_of
):
    open_page()
    backend.replies[GOLD] = replies.problem()
    st.cache_data.clear()
    app = open_page()
    assert "last good answer" in texts(app.error)
    assert "90 of 120" in words_of(app)


def test_an_unknown_market_is_told_with_advice(backend, open_page, replies, texts):
    backend.replies[SIGNALS] = replies.problem(status=404, title="Unknown symbol", retry_after=None)
    app = open_page(of="signals", symbol="nonesuch")
    assert "Choose something else above" in texts(app.error)


def test_a_malformed_answer_is_a_banner(backend, open_page, replies, texts):
    backend.replies[GOLD] = replies.of({"n": 1})
    assert "cannot read" in texts(open_page().error)


@pytest.mark.parametrize("asked", ["silver", "", "GOLD", "*x* $y$"])
def test_an_impossible_kind_gives_a_notice_and_gold(open_page, texts, words_of, asked):
    app = open_page(of=asked)
    assert "Showing: Gold forecasts" in texts(app.warning)
    assert "gold forecasts" in words_of(app)


@pytest.mark.parametrize("asked", ["61", "-1", "many"])
def test_an_impossible_number_of_rows_gives_a_notice_and_the_default(
    backend, open_page, texts, asked
):
    app = open_page(last=asked)
    assert "is not on offer (60, 250, 1000). Showing 250." in texts(app.warning)
    assert f"{GOLD}?n=250" in [path for path, _ in backend.requests]


def test_the_address_holds_the_view(backend, open_page):
    app = open_page()
    app.segmented_control(key="of").set_value("signals").run()
    app.segmented_control(key="last").set_value(60).run()
    app.selectbox(key="exchange").set_value("kraken").run()
    assert [app.query_params[key] for key in ("of", "last", "exchange")] == [
        "signals",
        "60",
        "kraken",
    ]
    newest = backend.requests[-1][0]
    assert newest.startswith(SIGNALS)
    assert "exchange=kraken" in newest
    assert "n=60" in newest


def test_a_spanish_browser_is_answered_in_spanish(open_page, words_of):
    gold, signals = (words_of(open_page(locale="es-MX", of=of)) for of in ("gold", "signals"))
    assert "Lo que se predijo y lo que ocurrió" in gold
    assert "Los rangos del 80\xa0% se cumplieron 90 de 120 veces (75,0\xa0%)" in gold
    assert "◐ normal" in signals
    assert "la hubo" in signals
