"""What the models page draws and lists."""

from __future__ import annotations

import csv
import io
from datetime import UTC

import pytest

import invented_records
from assay_frontend.api.registry_models import ChampionCard, Registry
from assay_frontend.components.chance import chance_band
from assay_frontend.components.coverage_chart import compared, coverage_figure, coverage_words
from assay_frontend.components.evidence import (
    directed_evidence,
    evenness_words,
    evidence_words,
    tail_evidence,
)
from assay_frontend.components.gate_words import decision_html, gate_numbers, models_named
from assay_frontend.components.models_tables import (
    crps_bars,
    history_numbers,
    leaderboard_csv,
    leaderboard_in_words,
)
from assay_frontend.i18n import translator
from assay_frontend.theme.palette import palette

EN, ES = translator("en"), translator("es")
LIGHT = palette("light")


@pytest.fixture
def card():
    return ChampionCard.parse(invented_records.champion())


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.0, "very strong evidence (p < 0.001)"),
        (0.001, "strong evidence (p 0.001)"),
        (0.01, "some evidence (p 0.010)"),
        (0.049, "some evidence (p 0.049)"),
        (0.05, "hardly any evidence (p 0.050)"),
        (0.1, "no evidence (p 0.100)"),
        (1.0, "no evidence (p 1.000)"),
        (None, "—"),
    ],
)
def test_p_values_in_words(p, words):
    assert evidence_words(EN, p).replace("\xa0", " ") == words


@pytest.mark.parametrize(
    ("p", "rate", "words"),
    [
        (0.0142, 0.0, "rarer than said, too cautious: some evidence (p 0.014)"),
        (0.0068, 0.03, "more often than said, not cautious enough: strong evidence (p 0.007)"),
        (0.4, 0.0, "no evidence (p 0.400)"),
        (None, None, "\N{EM DASH}"),
    ],
)
def test_losses_beyond_a_value_at_risk_are_told_with_their_direction(p, rate, words):
    assert tail_evidence(EN, p, rate, 0.01).replace("\xa0", " ") == words


def test_a_small_p_speaks_against_evenness():
    assert evenness_words(EN, 0.5) == "✓ evenly (p\xa00.500)"
    assert evenness_words(EN, 0.01) == "✗ unevenly (p\xa00.010)"
    assert evenness_words(EN, None) == "—"


def test_the_board_has_every_row_sharpest_first(card):
    table = leaderboard_in_words(EN, card.evaluation)
    assert len(table) == 8
    assert table["Model"][0] == "Log-linear Student-t (served here)"
    assert table["Model"][-1] == "GARCH-t by weekday"
    assert {len(column) for column in table.values()} == {6}


def test_bars_are_distances_from_the_random_walk(card):
    bars = crps_bars(EN, card.evaluation)
    assert len(bars) == 5
    assert [bar.start for bar in bars] == [0.0] * 5
    assert bars[0].end == pytest.approx(100 * (0.00524 / 0.00535 - 1))
    assert bars[-1].end > 0 > bars[0].end


@pytest.mark.parametrize(
    ("p", "ratio", "words"),
    [
        (0.02, 0.97, "better: some evidence (p 0.020)"),
        (0.02, 1.03, "worse: some evidence (p 0.020)"),
        (0.02, None, "some evidence (p 0.020)"),
        (0.02, 1.0, "some evidence (p 0.020)"),
        (0.5, 1.03, "no evidence (p 0.500)"),
        (None, 0.97, "\N{EM DASH}"),
    ],
)
def test_evidence_says_which_way_it_points(p, ratio, words):
    assert directed_evidence(EN, p, ratio).replace("\xa0", " ") == words


def test_each_rival_is_measured_against_the_one_its_test_names(card):
    board = leaderboard_in_words(EN, card.evaluation)
    walk, garch = card.evaluation.row("random_walk"), card.evaluation.row("garch_t")
    assert card.evaluation.crps_ratio(walk, "garch_t") == pytest.approx(walk.crps / garch.crps)
    assert any(cell.startswith("better: ") for cell in board["Evidence of a difference"])
    assert any(
        cell.startswith("worse: ") for cell in board["Evidence of a difference from GARCH-\u2060t"]
    )


def test_an_unknown_reason_keeps_its_words_and_is_marked_as_english():
    assert decision_html(ES, "log_linear_t: a<b") == (
        '<span lang="en">Log-linear Student-t: a&lt;b</span>'
    )
    assert models_named("MLP, not_a_model") == "MLP, not_a_model"


def test_the_gates_checks_are_told_in_the_readers_words_and_kept_as_they_were():
    reasons = [
        "log_linear_t: coverage at 80% within two standard errors: yes "
        "(0.7983, -0.26 standard errors)",
        "MLP: Diebold-Mariano against log_linear_t: NO (one-sided p 0.0000)",
        "something else",
    ]
    found = gate_numbers(ES, reasons, file="gate.csv")
    assert list(found.table.values()) == [
        ["t de Student log-lineal", "Red neuronal, MLP", ""],
        [
            "Cobertura del 80\xa0% a dos errores estándar como mucho",
            "Contraste de Diebold-Mariano frente a t de Student log-lineal",
            "something else",
        ],
        ["\N{CHECK MARK} sí", "\N{MULTIPLICATION X} no", ""],
        ["0,7983, a \N{MINUS SIGN}0,26 errores estándar", "p de una cola < 0,001", ""],
    ]
    assert "MLP,Diebold-Mariano against log_linear_t,NO,one-sided p 0.0000" in found.csv


def test_marks_stand_where_the_coverage_is_and_boxes_where_chance_is(card):
    figure = coverage_figure(EN, card.evaluation, LIGHT)
    assert [row.name for row in compared(card.evaluation)] == [
        "log_linear_t", "random_walk", "garch_t",
    ]  # fmt: skip
    champion, _, garch = figure.data
    assert list(champion.y) == pytest.approx([-0.2] * 4)
    assert list(garch.y) == pytest.approx([0.4] * 4)
    assert len({trace.marker.symbol for trace in figure.data}) == 3
    low, high = chance_band(3843, 0.8)
    box = figure.layout.shapes[1]
    assert (box.y0, box.y1) == pytest.approx((100 * (low / 3843 - 0.8), 100 * (high / 3843 - 0.8)))
    assert "GARCH(1,1)-t: 80\xa0% ranges held 80.4\xa0%." in coverage_words(EN, card.evaluation)


def test_a_benchmark_that_serves_is_drawn_once():
    document = invented_records.champion()
    document["evaluation"]["champion"] = "garch_t"
    evaluation = ChampionCard.parse(document).evaluation
    assert [row.name for row in compared(evaluation)] == ["garch_t", "random_walk"]


def test_files_hold_every_row(card):
    lines = leaderboard_csv(card.evaluation).splitlines()
    assert len(lines) == 7
    assert lines[0].endswith("coverage_0.5,coverage_0.8,coverage_0.9,coverage_0.95")
    registry = Registry.parse(invented_records.registry())
    history = history_numbers(EN, registry.history, UTC, shown=2, file="champions.csv")
    rows = list(csv.DictReader(io.StringIO(history.csv)))
    assert [row["action"] for row in rows] == ["publish", "rollback", "promote"]
    assert rows[1]["why"] == "Its ranges were too narrow on *Friday*."
    assert rows[1]["replaced"] == "2025-04-08-00000000"
    assert history.rows == 2


def test_changes_are_told_newest_first_by_their_moment_and_can_be_told_apart():
    """The present champion's own publication is told last, whatever its moment."""

    def change(at, volatility, digest):
        return {
            "at": at, "by": "ada", "action": "publish", "why": "Passed the gate.",
            "version": "2025-04-15-7c2ea766", "volatility_version": volatility, "digest": digest,
            "replaced": None, "replaced_digest": None,
        }  # fmt: skip

    registry = Registry.parse(
        invented_records.registry(
            history=[
                change(None, "v0", "00" * 32),
                change("2025-04-15T23:10:00Z", "v1", "11" * 32),
                change("2025-04-18T09:00:00Z", "v3", "33" * 32),
                change("2025-04-16T09:00:00Z", "v2", "22" * 32),
            ]
        )
    )
    numbers = history_numbers(EN, registry.history, UTC, shown=9, file="champions.csv")
    assert numbers.table["Volatility model"] == ["v3", "v2", "v1", "v0"]
    assert numbers.table["Checksum"] == ["33333333", "22222222", "11111111", "00000000"]
    assert len(set(zip(*numbers.table.values(), strict=True))) == 4
    assert numbers.csv.splitlines()[1].startswith(",publish,2025-04-15-7c2ea766,v0,0000")
