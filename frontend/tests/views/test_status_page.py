"""The status page, in each state that it can be in."""

from __future__ import annotations

import socket

import pytest
import streamlit as st

import invented_records

STATUS, HEALTH, METRICS, LEDGER = "/v1/status", "/health", "/metrics", "/v1/ledger/verify"


@pytest.fixture
def open_page(open_view):
    return lambda *args, **query: open_view("status", *args, **query)


def test_the_first_glance_says_that_everything_works(open_page, words_of):
    words = words_of(open_page())
    for part in (
        "Everything works",
        "✓ Healthy",
        "4 of 4",
        "21 minutes ago",
        "1,234",
        "✓ intact, every hash recomputed",
        "3 of 3 sources can be asked",
        "BTC/USDT, Binance, 1 hour",
        "156, 3 in vain",
        "2025-04-15-7c2ea766",
        "0123456789ab",
        "Gaps in the bars that sources gave: 2.",
        "29 Nov 2024",
        "3 rows that sources gave were no bars",
        "Times are in CEST",
    ):
        assert part in words, part
    assert words.count("not financial advice") == 1


def test_a_good_day_has_no_banner_and_offers_every_table_as_a_file(open_page):
    app = open_page()
    assert not [*app.error, *app.warning, *app.info]
    labels = [item.proto.label for item in app.get("download_button")]
    assert labels == ["Series, CSV", "Sources, CSV", "Rows set aside, CSV", "Gaps, CSV"]


def test_stale_series_are_named(backend, open_page, replies, texts, words_of):
    document = invented_records.status(status="degraded")
    document["freshness"][0]["stale"] = True
    document["freshness"][0]["last_error"] = "yahoo did not answer"
    backend.replies[STATUS] = replies.of(document)
    app = open_page()
    assert "older than they should be. Gold (GC=F), 1 day" in texts(app.warning).replace("**", "")
    words = words_of(app)
    assert "It works, but not everything is right" in words
    assert "3 of 4" in words
    assert "✕ stale" in words.replace("\N{MULTIPLICATION X}", "✕")
    assert "yahoo did not answer" in words


def test_a_commit_that_something_was_changed_since_says_so(backend, open_page, replies, words_of):
    document = invented_records.status()
    document["versions"]["git_commit"] += "-dirty"
    backend.replies[STATUS] = replies.of(document)
    assert "0123456789ab-dirty" in words_of(open_page())


def test_simulated_series_are_announced(backend, open_page, replies, texts):
    document = invented_records.status()
    document["freshness"][2]["source"] = "simulated"
    backend.replies[STATUS] = replies.of(document)
    assert "none of these prices are real" in texts(open_page().error)


def test_a_replay_tells_no_age(backend, open_page, replies, texts, words_of):
    document = invented_records.status(market_source="replay")
    for series in document["freshness"]:
        series["source"] = "replay"
    backend.replies[STATUS] = replies.of(document)
    app = open_page()
    assert "stored files" in texts(app.info)
    words = words_of(app)
    assert "clock stands still" in words
    assert "21 minutes" not in words
    assert " days" not in words  # since it began to run, by two clocks


def test_what_the_service_says_is_listed_and_unhealthy_is_an_answer(
    backend, open_page, replies, texts, words_of
):
    sick = invented_records.health(status="unhealthy", problems=["no bundle: *x* <b>"])
    backend.replies[HEALTH] = replies.of(sick)
    backend.replies[HEALTH].status = 503
    backend.replies[STATUS] = replies.of(invented_records.status(status="unhealthy"))
    app = open_page()
    assert "no bundle: *x* <b>" in texts(app.warning)
    assert "It cannot forecast just now" in words_of(app)


def test_a_proxys_503_is_no_health(backend, open_page, replies, texts):
    backend.replies[HEALTH] = replies.problem()
    app = open_page()
    assert not app.exception
    assert "The service says" not in texts(app.warning)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("open", "left alone"),
        ("half_open", "is being tried"),
        ("blocked", "refuses this region"),
        ("new", "new"),
    ],
)
def test_a_breakers_state_is_a_mark_and_a_word(backend, open_page, replies, words_of, state, word):
    document = invented_records.status()
    document["breakers"][1] |= {
        "state": state,
        "shut_until": "2025-04-14T22:00:00Z",
        "last_error": "451",
    }
    backend.replies[STATUS] = replies.of(document)
    words = words_of(open_page())
    assert word in words
    assert "15 Apr 2025, 00:00" in words
    assert "binance: 451" in words


def test_a_ledger_that_was_changed_is_an_alarm(backend, open_page, replies, texts):
    check = invented_records.ledger_check(intact=False, first_bad=17)
    backend.replies[LEDGER] = replies.of(check)
    assert "not what was written" in texts(open_page().error)
    assert "row 17" in texts(open_page().error)


def test_a_check_that_cannot_be_had_leaves_the_rest(backend, open_page, replies, words_of):
    backend.replies[LEDGER] = replies.problem()
    backend.replies[METRICS] = replies.problem()
    app = open_page()
    words = words_of(app)
    assert "not checked just now" in words
    assert "figures in brief cannot be renewed" in words
    assert "1,234" in words


def test_a_check_that_fails_after_a_good_one_is_not_called_intact(
    backend, open_page, replies, words_of
):
    assert "intact" in words_of(open_page())
    backend.replies[LEDGER] = replies.problem()
    st.cache_data.clear()
    words = words_of(open_page())
    assert "intact" not in words
    assert words.count("not checked just now") == 2


def test_a_ledger_once_found_changed_stays_an_alarm(backend, open_page, replies, texts, words_of):
    check = invented_records.ledger_check(intact=False, first_bad=17)
    backend.replies[LEDGER] = replies.of(check)
    open_page()
    backend.replies[LEDGER] = replies.problem()
    st.cache_data.clear()
    app = open_page()
    assert "row 17" in texts(app.error)
    assert "not checked just now" not in words_of(app)


def test_nothing_yet_is_no_trouble(backend, open_page, replies, words_of):
    backend.replies[STATUS] = replies.of(
        invented_records.status(
            freshness=[], breakers=[], gaps=[], gaps_total=0, quarantine=None, ledger=None
        )
    )
    words = words_of(open_page())
    for part in ("No series is held yet", "Nobody is asked", "No bar is missing", "no database"):
        assert part in words


def test_many_gaps_are_listed_behind_a_click(backend, open_page, replies, words_of):
    document = invented_records.status(gaps_total=250)
    document["gaps"] = document["gaps"] * 50
    backend.replies[STATUS] = replies.of(document)
    app = open_page()
    assert "gave: 250." in words_of(app)
    assert len(app.dataframe) == 1


def test_a_backend_that_is_away_is_told_and_asked_once(open_page, texts, words_of):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    app = open_page(f"http://127.0.0.1:{port}")
    assert "cannot be reached" in texts(app.error)
    assert "How things stand is not known" in words_of(app)


def test_the_last_good_picture_stays_when_the_backend_goes(
    backend, open_page, replies, texts, words_of
):
    open_page()
    for path in (STATUS, HEALTH, METRICS, LEDGER):
        backend.replies[path] = replies.problem(detail="on holiday")
    st.cache_data.clear()
    app = open_page()
    assert "last good answer" in texts(app.error)
    words = words_of(app)
    for part in ("1,234", "How things stand is not known", "? Unknown", "the last that"):
        assert part in words
    assert "Everything works" not in words


def test_a_malformed_answer_is_a_banner(backend, open_page, replies, texts):
    backend.replies[STATUS] = replies.of({"status": "fine"})
    assert "cannot read" in texts(open_page().error)


def test_a_spanish_browser_is_answered_in_spanish(open_page, words_of):
    words = words_of(open_page(locale="es-MX"))
    for part in ("Todo funciona", "hace 21 minutos", "1.234", "no es un número"):
        assert part in words
