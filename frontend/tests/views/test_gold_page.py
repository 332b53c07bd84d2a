"""The whole page, run by Streamlit against the loopback backend."""

from __future__ import annotations

import re
import socket

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import invented_records

FORECAST, HISTORY, EVALUATION, RECORD = (
    f"/v1/gold/{name}" for name in ("forecast", "history", "evaluation", "track-record")
)


@pytest.fixture(autouse=True)
def empty_caches():
    st.cache_data.clear()
    st.cache_resource.clear()


def gold_alone():
    """As streamlit_app.py does, with the gold page in the first place."""
    import streamlit as st

    from assay_frontend.views import gold
    from assay_frontend.widgets.frame import show_frame

    page = st.Page(gold.render, title="Gold", url_path="gold")
    st.navigation([page], position="hidden")
    show_frame({"gold": page})
    page.run()


@pytest.fixture
def open_page(backend, monkeypatch):
    """Opens the page as a reader in Berlin, at an address with the given query."""

    def opened(api_url=backend.url, *, locale="en-GB", **query):
        monkeypatch.setenv("API_URL", api_url)
        app = AppTest.from_function(gold_alone, default_timeout=30)
        app.context = {"locale": locale, "timezone": "Europe/Berlin"}
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return opened


def words_of(app):
    """All that a reader can read on the page."""
    assert not app.exception
    blocks = [*app.html, *app.markdown, *app.header, *app.caption]
    alerts = [*app.error, *app.warning, *app.info]
    text = " ".join(str(getattr(item, "body", item.value)) for item in [*blocks, *alerts])
    return text.replace("\\", "").replace("&#x27;", "'")


def texts(elements):
    return " ".join(element.value for element in elements).replace("\\", "")


def test_the_first_glance_holds_the_forecast(open_page):
    words = words_of(open_page())
    for part in (
        "Gold: the close of Tuesday 15 April 2025",
        "$3,231.40",
        "US$ per troy ounce",
        "$3,190.10 to $3,272.80",
        "53\xa0%",
        "$3,230.40",
    ):
        assert part in words


def test_a_good_day_has_no_banner(open_page):
    app = open_page()
    assert not [*app.error, *app.warning, *app.info]


def test_verdict_effects_and_freshness_are_told(open_page):
    words = words_of(open_page())
    assert "No evidence that this median beats “tomorrow = today”" in words
    assert "The 80\xa0% ranges held 79\xa0% of the time over 3,843 sessions" in words
    assert "Monday 14 April 2025, 23:00 CEST (3 hours 20 minutes ago)" in words
    assert "Tuesday 15 April 2025, 23:00 CEST" in words
    assert "“Gold's volatility over about 5 sessions” makes the range about 23\xa0% wider" in words
    assert "13:30 New York settlement" in words
    assert words.count("not financial advice") == 1


def test_every_chart_has_a_text_alternative_and_a_table(open_page):
    app = open_page()
    charts = app.get("plotly_chart")
    assert len(charts) == 4
    assert all(chart.proto.alt for chart in charts)
    assert [expander.label for expander in app.expander] == [
        "The numbers behind the chart",
        "All inputs",
        "The numbers behind the chart of outcomes",
    ]
    assert len(app.table) == 1
    assert words_of(app).count("<table ") == 2
    assert len(app.dataframe) == 2
    assert "the p-values of the CRPS say nothing about the price" in texts(app.caption)


def test_forecasts_are_held_against_their_outcomes(open_page, backend, replies):
    backend.replies[RECORD] = replies.of(invented_records.gold_record(120))
    app = open_page()
    told = re.search(r"(\d+) of 60 closes \((\d+)\xa0%\) fell inside", words_of(app))
    assert told
    assert round(100 * int(told[1]) / 60) == int(told[2])
    alt = next(c.proto.alt for c in app.get("plotly_chart") if "outside" in c.proto.alt)
    assert f"{told[1]} closes inside" in alt


def test_the_heading_of_outcomes_counts_them_and_few_are_called_few(open_page, backend, replies):
    backend.replies[RECORD] = replies.of(invented_records.gold_record(6))
    words = words_of(open_page())
    assert "The last 6 sessions: forecast against outcome" in words
    assert "With 6 outcomes chance still has a large say" in words


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (invented_records.gold_record(0, pending=1), "The first outcome can be known"),
        (invented_records.gold_record(0, pending=1, source="simulated"), "are never scored"),
        (invented_records.gold_record(0, pending=0), "no recorded row has an outcome"),
    ],
)
def test_while_nothing_is_scored_the_page_says_why(open_page, backend, replies, record, words):
    backend.replies[RECORD] = replies.of(record)
    app = open_page()
    assert words in words_of(app)
    assert len(app.get("plotly_chart")) == 3


def test_the_waterfall_ends_at_todays_width(open_page):
    alt = next(c.proto.alt for c in open_page().get("plotly_chart") if "Waterfall" in c.proto.alt)
    assert "steps from the usual width of the range to today's. Today: +46\xa0%." in alt


@pytest.mark.parametrize(
    ("chance", "words"), [(0.53, "all but a coin toss"), (0.61, "the outcomes below show")]
)
def test_the_chance_of_a_rise_is_told_for_what_it_is(open_page, backend, market, chance, words):
    backend.serve(market.change(probability_up=chance))
    page = words_of(open_page())
    assert words in page
    assert f"Rise {100 * chance:.0f}\xa0%" in page


def test_every_file_is_offered_without_opening_anything(open_page):
    app = open_page()
    assert [button.proto.label for button in app.get("download_button")] == [
        "Bars, CSV",
        "Forecast, CSV",
        "Inputs, CSV",
        "Outcomes, CSV",
        "Leaderboard, CSV",
    ]
    hidden = [item for box in app.expander for item in box.get("download_button")]
    assert app.expander
    assert not hidden


def test_the_forecast_may_be_downloaded_where_there_are_no_bars(backend, open_page, replies):
    backend.replies[HISTORY] = replies.problem()
    labels = [item.proto.label for item in open_page().get("download_button")]
    assert labels == ["Forecast, CSV", "Inputs, CSV", "Outcomes, CSV", "Leaderboard, CSV"]


def test_simulated_prices_are_announced(backend, market, open_page):
    backend.serve(market.change(source="simulated"))
    app = open_page()
    told = texts(app.error)
    assert "none of these prices are real" in told
    assert "The prices of gold are simulated" in told
    assert "could be had, so" not in told


@pytest.mark.parametrize(
    ("language", "clock", "ago"),
    [("en", "where the files' clock stands", " ago"), ("es", "el reloj de los archivos", "hace ")],
)
def test_a_replay_tells_its_own_clock_and_no_age(backend, market, open_page, language, clock, ago):
    backend.serve(market.change(source="replay", age_seconds=0.0))
    app = open_page(lang=language)
    facts = next(item.proto.body for item in app.html if "assay-facts" in item.proto.body)
    assert clock in facts.replace("&#x27;", "'")
    assert ago not in facts
    assert texts(app.info)


def test_a_challengers_forecast_is_announced_as_such(backend, market, open_page):
    backend.serve(market.change(served_as="challenger"))
    assert "this forecast comes from a challenger" in texts(open_page().info)


def test_stale_prices_are_announced_with_their_age(backend, market, open_page):
    backend.serve(market.change(stale=True, age_seconds=4 * 86400 + 7200))
    banner = texts(open_page().warning)
    assert "older than they should be" in banner
    assert "Monday 14 April 2025, 23:00 CEST, 4 days 2 hours ago" in banner


def test_a_stale_answer_may_lack_its_age(backend, market, open_page):
    backend.serve(market.change(stale=True, age_seconds=None, as_of=None))
    assert "does not say" in texts(open_page().warning)


def test_a_benchmark_as_champion_is_told(backend, market, open_page):
    backend.serve(market.change(model_type="log_linear_t"))
    assert "No neural network is served here" in words_of(open_page())


def test_a_backend_that_is_away_is_told_and_nothing_breaks(open_page):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    app = open_page(f"http://127.0.0.1:{port}")
    assert not app.exception
    assert "cannot be reached" in texts(app.error)
    assert "no picture to show yet" in texts(app.error)


def test_a_refusal_is_told_in_the_backends_words_with_its_wait(backend, open_page, replies):
    backend.replies[FORECAST] = replies.problem(retry_after="600")
    banner = texts(open_page().error)
    assert "No gold bars could be had: yahoo did not answer." in banner
    assert "tried again in 10 minutes" in banner


def test_a_failure_that_readers_share_is_told_to_each(backend, open_page, replies):
    backend.replies[FORECAST] = replies.problem()
    first, second = open_page(), open_page()
    assert [path for path, _ in backend.requests].count(FORECAST) == 1
    assert not second.exception
    assert texts(second.error) == texts(first.error)


def test_the_last_good_picture_stays_when_the_backend_goes(backend, open_page, replies):
    assert not open_page().error
    backend.replies[FORECAST] = replies.problem()
    st.cache_data.clear()  # the few seconds pass in which answers are shared
    app = open_page()
    assert "No gold bars could be had" in texts(app.error)
    assert "last good answer" in texts(app.error)
    assert "$3,231.40" in words_of(app)
    assert len(app.get("plotly_chart")) == 4


def test_the_page_recovers_by_itself_when_the_backend_is_back(backend, market, open_page, replies):
    open_page()
    backend.replies[FORECAST] = replies.problem()
    st.cache_data.clear()
    app = open_page()
    assert app.error
    market.forecast["prediction"] = 3240.0
    backend.serve(market)
    st.cache_data.clear()
    app.run()
    assert not app.error
    assert "$3,240.00" in words_of(app)


@pytest.mark.parametrize(
    ("path", "banner"),
    [
        (HISTORY, "chart of past closes"),
        (EVALUATION, "leaderboard cannot be renewed"),
        (RECORD, "chart of outcomes cannot be renewed"),
    ],
)
def test_one_missing_part_leaves_the_rest(backend, open_page, replies, path, banner):
    backend.replies[path] = replies.problem()
    app = open_page()
    assert banner in texts(app.warning)
    assert "$3,231.40" in words_of(app)


def test_a_malformed_answer_is_a_banner(backend, market, open_page, replies):
    backend.replies[FORECAST] = replies.of({**market.forecast, "prediction": "dear"})
    app = open_page()
    assert not app.exception
    assert "cannot read" in texts(app.error)
    assert "forecast.prediction is not a number" in texts(app.error)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_hardly_any_history_is_no_trouble(backend, market, open_page, count):
    market.history["data"] = market.history["data"][-count:] if count else []
    backend.serve(market)
    assert "$3,231.40" in words_of(open_page())


def test_a_forecast_of_only_what_is_required_is_shown(backend, market, open_page):
    required = ("prediction", "predicted_date", "today_date", "last_close", "intervals")
    kept = {*required, "model_type", "source", "stale"}
    market.forecast = {key: value for key, value in market.forecast.items() if key in kept}
    backend.serve(market)
    words = words_of(open_page())
    assert "$3,231.40" in words
    assert "about Tuesday 15 April 2025, 23:00 CEST" in words


@pytest.mark.parametrize("asked", ["abc", "61", "", "-60", "60.0", "*bold* $x$"])
def test_an_impossible_window_gives_a_notice_and_the_default(open_page, asked):
    app = open_page(sessions=asked)
    assert "is not on offer (60, 120, 250). Showing 120." in texts(app.warning)
    assert "120 gold sessions" in app.get("plotly_chart")[0].proto.alt


@pytest.mark.parametrize("asked", ["60", "120", "250"])
def test_the_address_chooses_the_window(open_page, asked):
    app = open_page(sessions=asked)
    assert not app.warning
    assert f"{asked} gold sessions" in app.get("plotly_chart")[0].proto.alt


def test_choosing_a_window_writes_it_into_the_address(open_page):
    app = open_page()
    app.segmented_control(key="sessions").set_value(60).run()
    assert app.query_params["sessions"] == "60"
    assert "60 gold sessions" in app.get("plotly_chart")[0].proto.alt


def test_a_spanish_browser_is_answered_in_spanish(open_page):
    words = words_of(open_page(locale="es-MX"))
    assert "Oro: el cierre del martes 15 de abril de 2025" in words
    assert "3.231,40\xa0US$" in words
    assert "No hay indicios" in words


def test_the_address_overrules_the_browsers_language(open_page):
    assert "No hay indicios" in words_of(open_page(lang="es"))
    assert "No evidence" in words_of(open_page(lang="en", locale="es-ES"))


def test_the_switch_changes_the_language_and_the_address(open_page):
    app = open_page()
    app.segmented_control(key="language").set_value("es").run()
    assert app.query_params["lang"] == "es"
    assert "No hay indicios" in words_of(app)


def test_a_language_that_is_not_offered_gives_a_notice(open_page):
    app = open_page(lang="xx")
    assert "xx" in texts(app.warning)
    assert "No evidence" in words_of(app)
