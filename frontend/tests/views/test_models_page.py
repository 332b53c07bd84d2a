"""The models page, in each state that it can be in."""

from __future__ import annotations

import socket

import pytest
import streamlit as st

import invented_records

CHAMPION, MODELS = "/v1/models/champion", "/v1/models"


@pytest.fixture
def words_of(words_of):
    """Breaks or none, a space is a space."""
    return lambda app: words_of(app).replace("\xa0", " ")


@pytest.fixture
def open_page(open_view):
    return lambda *args, **query: open_view("models", *args, **query)


def test_the_first_glance_says_who_and_how_good(open_page, words_of):
    words = words_of(open_page())
    for part in (
        "Who makes gold's forecast: Log-linear Student-t",
        "Version 2025-04-15-7c2ea766, trained on sessions from 30 Aug 2000 to 15 Apr 2025",
        "\N{MINUS SIGN}2.02 %",
        "very strong evidence (p &lt; 0.001)",
        "no evidence (p 0.775)",
        "over 3,843 sessions",
        "79.8 %",
    ):
        assert part in words, part
    assert words.count("not financial advice") == 1


def test_a_good_day_has_no_banner_and_offers_every_table_as_a_file(open_page):
    app = open_page()
    assert not [*app.error, *app.warning, *app.info]
    labels = [item.proto.label for item in app.get("download_button")]
    assert labels == [
        "Leaderboard, CSV",
        "CRPS, CSV",
        "Coverage, CSV",
        "Histogram, CSV",
        "History, CSV",
        "Versions, CSV",
        "Volatility models, CSV",
        "Losses, CSV",
        "All losses, CSV",
        "Checks, CSV",
    ]


def test_every_rival_is_on_the_board_with_its_tests_in_words(open_page, words_of):
    words = words_of(open_page())
    for part in (
        "Log-linear Student-t (served here)",
        "Neural network, MLP",
        "Random walk (tomorrow = today)",
        "Random walk with drift",
        "GARCH(1,1)-t",
        "hardly any evidence (p 0.059)",
        "some evidence (p 0.020)",
        "✓ evenly (p 0.660)",
        "unevenly (p &lt; 0.001)",
    ):
        assert part in words, part


def test_every_chart_has_a_text_alternative_and_numbers(open_page, words_of):
    app = open_page()
    drawn = app.get("plotly_chart")
    assert len(drawn) == 3
    assert all(chart.proto.alt for chart in drawn)
    assert "GARCH-t by weekday: +1.12\xa0%." in drawn[0].proto.alt
    assert words_of(app).count("<table ") == 10
    named = [expander.label for expander in app.expander]
    assert named.count("The numbers behind the chart") == 3


def test_champions_are_told_with_who_and_why(open_page, words_of):
    words = words_of(open_page())
    for part in (
        "rolled back to",
        "promoted by hand",
        "Its ranges were too narrow on *Friday*.",
        "10 Apr 2025, 23:30",
        "Times are in CEST",
    ):
        assert part in words, part


def test_the_volatility_model_has_a_card_of_its_own(open_page, words_of):
    words = words_of(open_page())
    for part in (
        "2025-01-20-b0b37fcc",
        "1 Jan 2023 to 20 Jan 2025",
        "BTC hourly, BTC daily, ETH daily",
        "judged on 299 days",
        "24 % better than saying the usual share",
        "\N{MINUS SIGN}29.40 %",
    ):
        assert part in words, part


def test_a_bundle_without_volatility_or_calibration_is_no_trouble(
    backend, open_page, replies, words_of
):
    document = invented_records.champion(volatility=None, calibration=None)
    backend.replies[CHAMPION] = replies.of(document)
    app = open_page()
    assert "holds no volatility model" in words_of(app)
    assert len(app.get("plotly_chart")) == 2


def test_a_volatility_model_that_was_not_judged_is_shown_as_it_is(
    backend, open_page, replies, words_of
):
    document = invented_records.champion()
    document["volatility"] |= {"held_out": None, "daily_from": None}
    backend.replies[CHAMPION] = replies.of(document)
    words = words_of(open_page())
    assert "2025-01-20-b0b37fcc" in words
    assert "judged on" not in words


def test_what_is_wrong_with_the_folder_is_told(backend, open_page, replies, texts):
    problems = ["data/processed/model.onnx does not match its checksum"]
    backend.replies[MODELS] = replies.of(invented_records.registry(problems=problems))
    said = texts(open_page().warning)
    assert "not the one that is served" in said
    assert problems[0] in said


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ["version 2025-04-22-5d03e1b8 answers 10% of the callers", "10 scored sessions",
              "\N{MINUS SIGN}3.00%", "of both (9) it is +1.20% against the champion's"]),
        ({"track_record": None}, ["None of its sessions has been scored yet"]),
        ({"answers": False, "challenger": None, "problems": ["challenger: model.onnx is *torn*"]},
         ["the champion serves everybody", "model.onnx is *torn*"]),
    ],
)  # fmt: skip
def test_a_challenger_on_trial_is_told_with_its_own_record(
    backend, open_page, replies, texts, changed, words
):
    trial = invented_records.trial(**changed)
    backend.replies[MODELS] = replies.of(invented_records.registry(canary=trial))
    said = texts(open_page().info).replace("\xa0", " ").replace(" %", "%")
    for part in words:
        assert part in said, said


def test_no_history_and_no_champion_are_no_trouble(backend, open_page, replies, texts, words_of):
    backend.replies[CHAMPION] = replies.problem(detail="no bundle: manifest.json")
    backend.replies[MODELS] = replies.of(
        invented_records.registry(champion=None, versions=[], history=[])
    )
    app = open_page()
    words = words_of(app)
    assert "Who makes gold's forecast is not known" in words
    assert "No change of champion is on record" in words
    assert "no bundle: manifest.json" in texts(app.error)


def test_a_history_that_cannot_be_had_leaves_the_rest(backend, open_page, replies, texts, words_of):
    backend.replies[MODELS] = replies.problem()
    app = open_page()
    assert "history of champions cannot be renewed" in texts(app.warning)
    assert "Log-linear Student-t" in words_of(app)


def test_a_single_model_or_one_without_scores_is_no_trouble(backend, open_page, replies, words_of):
    document = invented_records.champion()
    rows = document["evaluation"]["rows"]
    document["evaluation"]["rows"] = [{"name": "log_linear_t"}, rows[0]]
    document["skill"] = {"verdict": "no_edge"}
    backend.replies[CHAMPION] = replies.of(document)
    assert "not tested" in words_of(open_page())


def test_a_backend_that_is_away_is_told_and_asked_once(open_page, texts):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "cannot be reached" in texts(open_page(f"http://127.0.0.1:{port}").error)


def test_the_last_good_picture_stays_when_the_backend_goes(
    backend, open_page, replies, texts, words_of
):
    open_page()
    backend.replies[CHAMPION] = backend.replies[MODELS] = replies.problem()
    st.cache_data.clear()
    app = open_page()
    assert "last good answer" in texts(app.error)
    assert "promoted by hand" in words_of(app)


def test_a_malformed_answer_is_a_banner(backend, open_page, replies, texts):
    backend.replies[CHAMPION] = replies.of({"model_name": 1})
    assert "cannot read" in texts(open_page().error)


def test_a_spanish_browser_is_answered_in_spanish(open_page, words_of):
    words = words_of(open_page(locale="es-MX"))
    for part in (
        "Quién predice el oro",
        "indicios muy sólidos (p &lt; 0,001)",
        "promovido a mano",
        "del 1 ene 2023 al 20 ene 2025",
        "barras horarias de BTC, barras diarias de BTC, barras diarias de ETH",
    ):
        assert part in words, part
