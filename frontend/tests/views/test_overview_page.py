"""The whole dashboard at its root, run by Streamlit against the loopback backend."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import assay_frontend

APP = Path(assay_frontend.__file__).parent / "streamlit_app.py"
FORECAST, RECORD = "/v1/gold/forecast", "/v1/gold/track-record"
SIGNAL, REGIMES = "/v1/crypto/signal", "/v1/crypto/regimes"


@pytest.fixture(autouse=True)
def empty_caches():
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def open_page(backend, monkeypatch):
    """Opens the root as a reader in Berlin, at an address with the given query."""
    monkeypatch.setenv("ASSAY_DASHBOARD_COINS", "BTC/USDT,kraken:ETH/USD")

    def opened(api_url=backend.url, *, locale="en-GB", **query):
        monkeypatch.setenv("API_URL", api_url)
        app = AppTest.from_file(str(APP), default_timeout=30)
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


def links_of(app):
    return {link.proto.label: link.proto.query_string for link in app.get("page_link")}


def test_a_good_day_shows_gold_coins_changes_and_ages_and_no_banner(open_page):
    app = open_page()
    words = words_of(app)
    for part in (
        "At a glance",
        "Gold: the close of Tuesday 15 April 2025",
        "$3,231.40",
        "$3,190.10 to $3,272.80",
        "53\xa0%",
        "<h3>BTC/USDT</h3>",
        '<span class="assay-mark normal" aria-hidden="true"></span>Normal',
        "31\xa0%",
        "Gold closed at $3,230.40 on Monday 14 April 2025",
        "Risk 31\xa0%, was 71\xa0%.",
        "Now normal, was turbulent.",
        "Monday 14 April 2025, 23:00 CEST (3 hours 20 minutes ago)",
        "Tuesday 15 April 2025, 23:00 CEST",
    ):
        assert part in words
    assert not [*app.error, *app.warning, *app.info]
    assert words.count("not financial advice") == 1


def test_an_address_without_a_page_is_told(open_page):
    app = open_page(unknown="old/*gold*<b>" + "x" * 60, lang="es")
    told = texts(app.warning)
    assert f"La dirección /old/*gold*<b>{'x' * 26}… no tiene ninguna página." in told
    assert r"/old\/\*gold\*\<b\>" in app.warning[0].value
    assert not open_page(unknown="").warning


def test_each_card_leads_to_its_page(open_page):
    links = links_of(open_page(lang="es"))
    assert links["El oro en detalle"] == "lang=es"
    assert links["BTC/USDT en detalle"] == "exchange=binance&symbol=BTC%2FUSDT&lang=es"
    assert links["ETH/USD en detalle"] == "exchange=kraken&symbol=ETH%2FUSD&lang=es"


def test_looking_asks_only_for_what_is_recorded_nowhere(open_page, backend):
    open_page()
    paths = [path.partition("?")[0] for path, _ in backend.requests]
    assert paths.count(SIGNAL) == paths.count(REGIMES) == 2
    assert paths.count(FORECAST) == 1


def test_every_line_has_a_text_alternative_and_a_table(open_page):
    app = open_page()
    pictures = [item.proto.body for item in app.html if "assay-spark" in item.proto.body]
    pictures = [body for body in pictures if "<style>" not in body]
    assert len(pictures) == 3
    assert all('alt="' in body and 'alt=""' not in body for body in pictures)
    assert any("Last 60 closes, and the 80\xa0% range of the next" in body for body in pictures)
    names = [expander.label for expander in app.expander]
    assert names == ["The coins' numbers", "The numbers behind the lines"]
    assert len(app.dataframe) == 1
    shown = app.dataframe[0].value
    assert set(shown["Market"]) == {"Gold", "BTC/USDT"}
    assert len(shown[shown["Market"] == "Gold"]) == 60
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["Overview, CSV", "Closes, CSV"]


def test_the_last_close_is_held_against_what_was_forecast_for_it(open_page, backend, replies):
    interval = {"level": 0.8, "lower": 3200.0, "upper": 3240.0}
    item = {
        "sequence": 7, "recorded_at": "2025-04-11T21:01:00Z", "origin": "2025-04-11T21:00:00Z",
        "due": "2025-04-14T21:00:00Z", "source": "yahoo", "status": "scored", "counted": True,
        "today_date": "2025-04-11", "predicted_date": "2025-04-14", "currency": "USD",
        "model_type": "MLP", "model_version": "1", "last_close": 3220.0, "prediction": 3221.0,
        "intervals": [interval],
        "outcome": {
            "actual": 3230.4, "error": 9.4, "random_walk_error": 10.4, "direction_hit": True,
            "inside": {"0.8": True}, "pit": 0.6, "crps": 0.001, "random_walk_crps": 0.0011,
        },
    }  # fmt: skip
    rate = {"n": 1, "hits": 1, "rate": 1.0}
    summary = {
        "n": 1, "pending": 0, "unscorable": 0, "hits": rate, "coverage": {"0.8": rate},
        "skill": {}, "pit": [0] * 10,
    }  # fmt: skip
    backend.replies[RECORD] = replies.of({"items": [item], "summary": summary})
    words = words_of(open_page())
    assert "inside the 80\xa0% range forecast for it ($3,200.00 to $3,240.00)" in words
    assert "the median missed by $9.40, “tomorrow = today” by $10.40" in words
    # 82.70 / 3230.40 against 40 / 3220: 2.0608 times as wide
    assert "The next range is 106\xa0% wider than the last." in words


def test_a_coin_that_cannot_be_had_leaves_the_others(open_page, backend, coin, replies):
    def reply(query):
        if query["exchange"] == ["kraken"]:
            return replies.problem()
        return replies.of(coin.signal)

    backend.replies[SIGNAL] = reply
    words = words_of(open_page())
    assert "No figures yet. The forecasting service cannot answer just now." in words
    assert "<h3>BTC/USDT</h3>" in words


def test_without_its_past_a_coin_has_no_line_and_no_yesterday(open_page, backend, replies):
    backend.replies[REGIMES] = replies.problem()
    words = words_of(open_page())
    assert "31\xa0%" in words
    assert "in 24 hours." not in words


def test_simulated_markets_are_named_once(open_page, backend, market, coin):
    backend.serve(market.change(source="simulated"))
    backend.serve_coin(coin.change(source="simulated"))
    banner = texts(open_page().error)
    assert banner.count("none of these prices are real") == 1
    assert "Simulated: Gold, BTC/USDT, BTC/USDT." in banner


def test_stale_markets_are_named_with_their_ages(open_page, backend, market):
    backend.serve(market.change(stale=True, age_seconds=4 * 86400 + 7200))
    assert "Gold (4 days 2 hours old)" in texts(open_page().warning)


def test_a_backend_that_is_away_is_told_and_nothing_breaks(open_page):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    app = open_page(f"http://127.0.0.1:{port}")
    assert "cannot be reached" in texts(app.error)
    assert "At a glance" in words_of(app)


def test_the_last_good_picture_stays_when_the_backend_goes(open_page, backend, replies):
    open_page()
    for path in (FORECAST, SIGNAL, REGIMES):
        backend.replies[path] = replies.problem()
    st.cache_data.clear()  # the few seconds pass in which answers are shared
    app = open_page()
    assert "last good answer" in texts(app.error)
    words = words_of(app)
    assert "$3,231.40" in words
    assert "Risk 31\xa0%, was 71\xa0%." in words


@pytest.mark.parametrize(
    ("lang", "kept"), [("en", "last good answer"), ("es", "la última respuesta buena")]
)
def test_coins_that_stay_as_they_were_are_named(open_page, backend, replies, lang, kept):
    open_page()
    for path in (SIGNAL, REGIMES):
        backend.replies[path] = replies.problem()
    st.cache_data.clear()
    app = open_page(lang=lang)
    assert not app.error
    (warning,) = app.warning
    told = texts([warning])
    assert kept in told
    assert "BTC/USDT (" in told
    assert "ETH/USD (" in told
    assert "<h3>BTC/USDT</h3>" in words_of(app)


def test_a_coins_past_that_stays_as_it_was_is_told(open_page, backend, replies):
    open_page()
    backend.replies[REGIMES] = replies.problem()
    st.cache_data.clear()
    assert "last good answer" in texts(open_page().warning)


def test_a_spanish_browser_is_answered_in_spanish(open_page):
    words = words_of(open_page(locale="es-MX"))
    assert "De un vistazo" in words
    assert "Qué ha cambiado desde ayer" in words


def test_all_pages_are_linked_from_the_head(open_page):
    assert {"Overview", "Gold", "Crypto"} <= links_of(open_page()).keys()
