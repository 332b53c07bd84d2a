"""The whole crypto page, run by Streamlit against the loopback backend."""

from __future__ import annotations

import json
import socket
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import invented_records
from assay_frontend.api.client import AssayClient
from assay_frontend.views import crypto

SIGNAL, OHLCV, TAIL, REGIMES, BACKTEST, RECORD = (
    f"/v1/crypto/{name}"
    for name in ("signal", "ohlcv", "signals/tail", "regimes", "backtest", "track-record")
)


@pytest.fixture(autouse=True)
def empty_caches():
    st.cache_data.clear()
    st.cache_resource.clear()


def crypto_alone():
    """As streamlit_app.py does, with the crypto page in the first place."""
    import streamlit as st

    from assay_frontend.views import crypto
    from assay_frontend.widgets.frame import show_frame

    page = st.Page(crypto.render, title="Crypto", url_path="crypto")
    st.navigation([page], position="hidden")
    show_frame({"crypto": page})
    page.run()


@pytest.fixture
def open_page(backend, monkeypatch):
    """Opens the page as a reader in Berlin, at an address with the given query."""

    def opened(api_url=backend.url, *, locale="en-GB", **query):
        monkeypatch.setenv("API_URL", api_url)
        app = AppTest.from_function(crypto_alone, default_timeout=30)
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


def asked(backend, path):
    return [each for each, _ in backend.requests if each.partition("?")[0] == path]


def test_a_good_day_shows_everything_and_no_banner(open_page, backend):
    app = open_page()
    words = words_of(app)
    for part in (
        "BTC/USDT: risk over the next 24 hours",
        "31\xa0%",
        "Normal",
        "19 of 20 cases",
        "From the usual 20\xa0% to 31\xa0%",
        "The newest 2 recorded signals of BTC/USDT",
        "less than a minute ago",
    ):
        assert part in words
    assert words.count("not financial advice") == 1
    assert not [*app.error, *app.warning, *app.info]
    assert not [path for path, _ in backend.requests if "POST" in path]


def test_every_chart_has_a_text_alternative_and_a_table(open_page):
    app = open_page()
    charts = app.get("plotly_chart")
    assert len(charts) == 5
    assert all(chart.proto.alt for chart in charts)
    assert [expander.label for expander in app.expander] == [
        "The numbers behind the charts",
        "All inputs",
        "The numbers behind the ribbon",
        "The numbers behind the chart of reliability",
    ]
    assert len(app.dataframe) == 3
    words = words_of(app)
    for label in ("Table of 2 recent signals", "All inputs", "Possible losses"):
        assert f'aria-label="{label}"' in words
    assert 'class="assay-skeleton"' not in words


def test_what_is_shown_may_be_downloaded(open_page):
    labels = [button.proto.label for button in open_page().get("download_button")]
    assert labels == [
        "Bars, CSV",
        "Volatility, CSV",
        "Signal, CSV",
        "Steps, CSV",
        "Regimes, CSV",
        "Reliability, CSV",
        "Losses, CSV",
        "Recent signals, CSV",
    ]


def test_the_address_chooses_the_view(open_page, backend):
    app = open_page(
        exchange="kraken", symbol="eth-usd", timeframe="4h", horizon="10080", bars="60", lang="en"
    )
    assert not app.warning
    assert asked(backend, SIGNAL) == [
        "/v1/crypto/signal?symbol=ETH%2FUSD&exchange=kraken&timeframe=4h&horizon_min=10080"
        "&explain=true"
    ]
    past, shown = sorted(asked(backend, OHLCV))
    assert "timeframe=1h&limit=4201" in past
    assert "timeframe=4h&limit=250" in shown
    assert app.selectbox(key="horizon").value == 10080
    assert "last 60 bars" in app.get("plotly_chart")[0].proto.alt


@pytest.mark.parametrize(
    "bad",
    [
        {
            "exchange": ("mtgox", "exchange mtgox, which is not on offer"),
            "symbol": ("<b>x", "<b>x cannot be the name of a market"),
            "timeframe": ("7h", "bars of 7h, which Binance does not have here"),
            "horizon": ("61", "horizon of 61 minutes"),
            "bars": ("61", "asks for 61 bars"),
        },
        {
            "symbol": ("", "cannot be the name of a market"),
            "horizon": ("-60", "horizon of -60 minutes"),
        },
        {"horizon": ("9e9", "horizon of 9e9 minutes")},
    ],
)
def test_a_bad_parameter_gives_a_notice_and_the_default(open_page, backend, bad):
    app = open_page(**{name: value for name, (value, _) in bad.items()})
    assert len(app.warning) == len(bad)
    for _, words in bad.values():
        assert words in texts(app.warning)
    assert "BTC/USDT: risk over the next 24 hours" in words_of(app)
    assert (
        "symbol=BTC%2FUSDT&exchange=binance&timeframe=1h&horizon_min=1440"
        in (asked(backend, SIGNAL)[0])
    )
    assert "last 120 bars" in app.get("plotly_chart")[0].proto.alt


def test_choosing_writes_the_address_and_drops_what_no_longer_fits(open_page):
    app = open_page(timeframe="1m", horizon="15", exchange="binance")
    app.selectbox(key="timeframe").set_value("1h").run()
    assert app.query_params["timeframe"] == "1h"
    assert "horizon" not in app.query_params
    assert not app.warning
    app.selectbox(key="timeframe").set_value("8h").run()
    app.selectbox(key="exchange").set_value("kraken").run()
    assert app.query_params["exchange"] == "kraken"
    assert "timeframe" not in app.query_params
    assert not app.warning


@pytest.mark.parametrize("language", ["en", "es"])
def test_simulated_stale_and_short_are_told_in_both_languages(backend, coin, open_page, language):
    changed = coin.change(
        source="simulated", stale=True, age_seconds=7200.0, fallbacks=["short_history", "new_one"]
    )
    backend.serve_coin(changed)
    app = open_page(lang=language)
    words = words_of(app)
    english = language == "en"
    assert ("none of these prices are real" if english else "ninguno de estos precios") in words
    assert (
        "this coin are simulated, and so is" if english else "son simulados, como toda"
    ) in words
    assert ("could be had, so" if english else "No se pudo") not in words
    assert ("2 hours ago. Newer bars" if english else "hace 2 horas. Pueden") in words
    assert ("Short history" if english else "Historial corto") in words
    assert "new_one" in words
    assert ("stands in for" if english else "sustituye a") not in words


def test_a_stand_in_is_named(backend, coin, open_page):
    backend.serve_coin(coin.change(source="kraken"))
    app = open_page()
    assert "Kraken stands in for Binance." in texts(app.warning)
    assert "Kraken, bars closed up to" in words_of(app)


def test_replayed_bars_are_told(backend, coin, open_page):
    backend.serve_coin(coin.change(source="replay", age_seconds=0.0))
    told = texts(open_page().info)
    assert "come from stored files" in told
    assert "have the benefit of hindsight" in told


@pytest.mark.parametrize(("status", "language"), [(404, "en"), (422, "es")])
def test_a_refused_choice_is_told_and_nothing_else_is_asked(
    backend, open_page, replies, status, language
):
    detail = "binance has no market 'NOPE'; near are *BTC/USDT*"
    backend.replies[SIGNAL] = replies.problem(status=status, detail=detail, retry_after=None)
    app = open_page(symbol="NOPE", lang=language)
    assert detail in texts(app.error)
    assert ("Choose something else" if language == "en" else "Elija otra cosa") in texts(app.error)
    assert not asked(backend, OHLCV)
    title = "there are no figures" if language == "en" else "no hay cifras"
    assert f"NOPE: {title}" in words_of(app)


@pytest.mark.parametrize(("language", "shown"), [("en", "Showing"), ("es", "Se muestra")])
def test_a_market_that_is_not_there_leaves_the_usual_one_with_a_notice(
    backend, coin, open_page, replies, language, shown
):
    def reply(query):
        if query["symbol"] == ["NOPE/USDT"]:
            where = {"symbol": "NOPE/USDT", "exchange": "kraken", "near": ["DOGE/USDT"]}
            return replies.problem(status=404, retry_after=None, **where)
        return replies.of(coin.signal)

    backend.replies[SIGNAL] = reply
    app = open_page(exchange="kraken", symbol="nope-usdt", lang=language)
    told = texts(app.warning).replace("\\", "")
    assert "NOPE/USDT" in told
    assert "Kraken" in told
    assert "DOGE/USDT" in told
    assert f"{shown} BTC/USDT." in told
    assert not app.error
    assert app.selectbox(key="symbol").value == "BTC/USDT"
    assert "BTC/USDT: " in words_of(app)


def test_a_503_is_told_with_its_wait_and_the_bars_are_shown(backend, open_page, replies):
    backend.replies[SIGNAL] = replies.problem(detail="Too few hours.", retry_after="600")
    app = open_page()
    assert "Too few hours." in texts(app.error)
    assert "tried again in 10 minutes" in texts(app.error)
    assert len(app.get("plotly_chart")) == 1


def test_a_backend_that_is_away_is_told_and_nothing_breaks(open_page):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    app = open_page(f"http://127.0.0.1:{port}")
    assert not app.exception
    assert "cannot be reached" in texts(app.error)
    assert "no picture to show yet" in texts(app.error)


def test_a_slow_backend_is_told(open_page, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        impatient = AssayClient(f"http://127.0.0.1:{silent.getsockname()[1]}", deadline_seconds=0.2)
        monkeypatch.setattr(crypto, "client_of", lambda settings: impatient)
        app = open_page()
    assert "too slow" in texts(app.error)


def test_the_last_good_picture_of_this_choice_stays(backend, open_page, replies):
    assert not open_page().error
    backend.replies[SIGNAL] = replies.problem(detail="Away.")
    backend.replies[OHLCV] = replies.problem()
    backend.replies[TAIL] = replies.problem()
    st.cache_data.clear()  # the few seconds pass in which answers are shared
    app = open_page()
    assert "last good answer" in texts(app.error)
    assert "31\xa0%" in words_of(app)
    assert len(app.get("plotly_chart")) == 5
    assert "31\xa0%" in words_of(open_page(lang="es"))
    other = open_page(horizon="60")
    assert "no picture to show yet" in texts(other.error)


@pytest.mark.parametrize(
    ("path", "banner"),
    [
        (OHLCV, "charts cannot be renewed"),
        (TAIL, "recent signals cannot"),
        (REGIMES, "ribbon of regimes cannot be renewed"),
    ],
)
def test_one_missing_part_leaves_the_rest(backend, open_page, replies, path, banner):
    backend.replies[path] = replies.problem()
    app = open_page()
    assert banner in texts(app.warning)
    assert "31\xa0%" in words_of(app)


@pytest.mark.parametrize("count", [0, 1, 30])
def test_hardly_any_bars_are_no_trouble(backend, coin, open_page, count):
    coin.most = count
    backend.serve_coin(coin)
    app = open_page()
    assert "31\xa0%" in words_of(app)
    assert len(app.get("plotly_chart")) == {0: 2, 1: 4, 30: 5}[count]


def test_the_ribbon_tells_regimes_over_time(open_page, backend):
    app = open_page()
    words = words_of(app)
    # 720 hours: 361 calm, then normal but for a turbulent day that ended a day ago
    assert "Calm 50\xa0%, normal 47\xa0%, turbulent 3\xa0% of the time shown." in words
    assert "Now normal, for 1 day." in words
    alt = next(c.proto.alt for c in app.get("plotly_chart") if "regimes from" in c.proto.alt)
    assert "calm 50\xa0%, normal 47\xa0%, turbulent 3\xa0%. Now normal." in alt
    assert "hours=720" in asked(backend, REGIMES)[0]
    assert "hours=2160" in [open_page(days="90"), asked(backend, REGIMES)[-1]][1]


def test_without_regimes_the_ribbon_says_so(open_page, backend, coin, replies):
    hours = coin.hours(1440, 720)
    hours["data"] = [{**hour, "vol_regime": None} for hour in hours["data"]]
    backend.replies[REGIMES] = replies.of(hours)
    assert "too few hours of this coin" in texts(open_page().info)


def test_the_gauge_stands_beside_what_came_of_such_scores(open_page, backend, replies):
    backend.replies[RECORD] = replies.of(invented_records.signal_record(0))
    words = words_of(open_page(backtest="year"))
    # the description's example has two tenths: 63 moments of about 14 %, none of about 31 %
    assert "Scores from 30\xa0% to 40\xa0% came only 0 times before" in words
    assert "From 364 past moments, 24 hours each" in words
    assert "Grey boxes: where a mark falls by chance, 19 times of 20" in words
    assert "the squared error is 20\xa0% smaller" in words
    assert "5.2\xa0% of 364 times, 5\xa0% expected: chance explains that (p 0.848)" in words
    assert "benefit of hindsight" not in words  # fitted on days before the first of these


def test_losses_that_were_rarer_than_said_are_called_so(open_page, backend, replies):
    tested = json.loads(backend.replies[BACKTEST].body)
    for row in tested["value_at_risk"]:
        row.update(n=364, hits=0, hit_rate=0.0)
    backend.replies[BACKTEST] = replies.of(tested)
    words = words_of(open_page(backtest="year")).replace("\xa0", " ")
    told = "0.0 % of 364 times, 1 % expected: rarer than said, too cautious: strong evidence"
    assert f"{told} (p 0.007)" in words


def test_recorded_signals_speak_first_where_enough_were_scored(open_page, backend, replies):
    backend.replies[RECORD] = replies.of(invented_records.signal_record(150))
    assert "From 150 recorded signals of this coin" in words_of(open_page())


def test_where_nothing_can_be_checked_the_gauge_says_why(open_page, backend, replies):
    backend.replies[RECORD] = replies.of(invented_records.signal_record(0))
    backend.replies[BACKTEST] = replies.problem()
    assert "cannot be told: The forecasting service cannot answer just now." in words_of(
        open_page(backtest="year")
    )
    words = words_of(open_page(timeframe="5m", horizon="15"))
    assert "the check runs on whole hours" in words
    assert "the scores here are for the next hour" in words


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Too few signals of this coin"), ("es", "muy pocas señales")]
)
def test_the_gauge_offers_to_work_out_what_records_cannot_tell(
    open_page, backend, replies, language, words
):
    backend.replies[RECORD] = replies.of(invented_records.signal_record(0))
    app = open_page(lang=language)
    assert words in words_of(app)
    assert not asked(backend, BACKTEST)
    app.button(key="gauge_run").click().run()
    assert app.query_params["backtest"] == "year"
    assert "364" in words_of(app)
    assert not [button for button in app.button if button.key in ("gauge_run", "backtest_run")]


def test_the_back_test_comes_on_demand_and_stays_in_the_address(open_page, backend):
    app = open_page()
    assert "Led by the signals" not in words_of(app)
    assert not asked(backend, BACKTEST)
    app.button(key="backtest_run").click().run()
    assert len(asked(backend, BACKTEST)) == 1
    assert app.query_params["backtest"] == "year"
    words = words_of(app)
    assert "Led by the signals" in words
    assert "aiming at 40\xa0% volatility a year" in words
    alt = next(c.proto.alt for c in app.get("plotly_chart") if c.proto.alt.startswith("Equity"))
    assert "Largest falls: 32\xa0% and 46\xa0%." in alt
    labels = [button.proto.label for button in app.get("download_button")]
    assert {"Back-test, CSV", "Figures, CSV"} <= set(labels)
    assert [expander.label for expander in app.expander][-1] == "The numbers behind the chart"
    assert "is no back-test on offer" in texts(open_page(backtest="decade").warning)


def test_coins_stand_side_by_side(open_page, backend):
    app = open_page(compare="ETH/USDT,sol-usdt,BTC/USDT")
    assert app.multiselect(key="compare").value == ["ETH/USDT", "SOL/USDT"]
    symbols = [parse_qs(urlsplit(path).query)["symbol"][0] for path in asked(backend, SIGNAL)]
    assert set(symbols) == {"BTC/USDT", "ETH/USDT", "SOL/USDT"}
    words = words_of(app)
    assert words.count('<div class="assay-card">') == 3
    app.multiselect(key="compare").set_value(["ETH/USDT"]).run()
    assert app.query_params["compare"] == "ETH/USDT"


def test_names_that_cannot_be_compared_are_left_out_with_a_notice(open_page):
    app = open_page(compare="ETH/USDT,<b>,A/USDT,B/USDT,C/USDT,D/USDT,E/USDT")
    assert "cannot be a market's name" in texts(app.warning)
    assert "More than 5 coins were named" in texts(app.warning)
    assert len(app.multiselect(key="compare").value) == 5


def test_a_coin_that_cannot_be_had_leaves_the_others(open_page, backend, coin, replies):
    def reply(query):
        if query["symbol"] == ["ETH/USDT"]:
            return replies.problem(status=404, title="Unknown symbol")
        return replies.of(coin.signal)

    backend.replies[SIGNAL] = reply
    words = words_of(open_page(compare="ETH/USDT"))
    assert "No figures yet. The forecasting service does not know this." in words


def test_compared_coins_that_stay_as_they_were_are_named(open_page, backend, coin, replies):
    def reply(query):
        if query["symbol"] == ["ETH/USDT"]:
            return replies.problem()
        return replies.of(coin.signal)

    assert not open_page(compare="ETH/USDT").warning
    backend.replies[SIGNAL] = reply
    st.cache_data.clear()
    told = texts(open_page(compare="ETH/USDT").warning)
    assert "last good answer" in told
    assert "ETH/USDT (" in told
    assert "BTC/USDT (" not in told


def test_an_empty_ledger_is_told(backend, open_page, replies):
    backend.replies[TAIL] = replies.of([])
    assert "No signal has been recorded yet" in words_of(open_page())


def test_signals_of_other_markets_are_told_as_such(backend, coin, open_page):
    backend.serve_coin(coin.change(symbol="SOL/USDT"))
    words = words_of(open_page(symbol="SOL/USDT"))
    assert "No signal of SOL/USDT is among the newest recorded" in words
    assert "newest 3 of other markets" in words


def test_a_malformed_answer_is_a_banner(backend, coin, open_page, replies):
    backend.replies[SIGNAL] = replies.of({**coin.signal, "risk_score": 31})
    app = open_page()
    assert "signal.risk_score is not from 0 to 1" in texts(app.error)
    assert not app.exception


def test_a_signal_of_only_what_is_promised_is_shown(backend, coin, open_page):
    promised = {"symbol", "exchange", "timeframe", "horizon_min", "risk_score", "vol_regime"}
    promised |= {"nowcast_ret", "volatility", "source", "stale"}
    coin.signal = {key: value for key, value in coin.signal.items() if key in promised}
    coin.signal["volatility"] = {"horizon": 0.0231, "annualized": 0.44}
    backend.replies[SIGNAL] = backend.replies[SIGNAL].of(coin.signal)
    words = words_of(open_page())
    assert "31\xa0%" in words
    assert "No explanation came with this signal" in words


def test_the_coins_model_is_named_by_its_own_version_where_that_is_told(backend, coin, open_page):
    gold, coins = coin.signal["model_version"], coin.signal["volatility_version"]
    words = words_of(open_page())
    assert coins in words
    assert gold not in words
    backend.serve_coin(coin.change(volatility_version=None))
    st.cache_data.clear()
    assert gold in words_of(open_page())


def test_the_page_speaks_spanish(open_page, backend):
    words = words_of(open_page(locale="es-MX"))
    assert "BTC/USDT: el riesgo en las próximas 24 horas" in words
    assert "67.123,45" in words
    signal = next(headers for path, headers in backend.requests if path.startswith(SIGNAL))
    assert signal["Accept-Language"] == "es"


def test_a_long_view_asks_for_as_many_bars(open_page, backend):
    app = open_page(bars="1000")
    assert any("timeframe=1h&limit=1000" in path for path in asked(backend, OHLCV))
    assert "last 1000 bars" in app.get("plotly_chart")[0].proto.alt
