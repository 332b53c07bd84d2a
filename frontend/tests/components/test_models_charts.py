"""What the models page draws and lists."""

from __future__ import annotations

import pytest

import invented_records
from assay_frontend.api.registry_models import ChampionCard, Registry
from assay_frontend.components.chance import chance_band
from assay_frontend.components.coverage_chart import compared, coverage_figure, coverage_words
from assay_frontend.components.evidence import evenness_words, evidence_words
from assay_frontend.components.models_tables import (
    crps_bars,
    history_csv,
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
    assert "GARCH(1,1)-t: 80% ranges held 80.4%." in coverage_words(EN, card.evaluation)


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
    assert (
        history_csv(registry.history)
        .splitlines()[2]
        .endswith(
            "rollback,2025-04-09-00000001,2025-04-08-00000000,ada,"
            "Its ranges were too narrow on *Friday*."
        )
    )
