"""Ribbon, gauge and equity: what they are made from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from assay_frontend.api.backtest_models import Backtest
from assay_frontend.api.crypto_models import PastHour, Signal
from assay_frontend.api.track_models import ReliabilityPoint
from assay_frontend.components.backtest_words import earned_sentences, hindsight
from assay_frontend.components.chance import against_chance
from assay_frontend.components.contributions import steps_figure, steps_of
from assay_frontend.components.equity_chart import drawdowns
from assay_frontend.components.regime_chart import Span, shares_of, spans_of
from assay_frontend.components.risk_gauge import gauge_html, like_cases, like_sentence
from assay_frontend.components.sparkline import sparkline_svg
from assay_frontend.i18n import translator
from assay_frontend.i18n.formats import risk_percent
from assay_frontend.theme.palette import palette

EN = translator("en")
MIDNIGHT = datetime(2025, 4, 14, tzinfo=UTC)


@pytest.fixture
def tested(backend):
    """The description's example of a back-test."""
    return Backtest.parse(json.loads(backend.replies["/v1/crypto/backtest"].body))


@pytest.mark.parametrize(
    ("own", "hold", "words"),
    [
        (
            (0.2, 0.9),
            (0.1, 0.5),
            ["more than buying and holding: +20.0 %", "it earned more: Sharpe"],
        ),
        (
            (0.1, 0.9),
            (0.2, 0.5),
            ["less than buying and holding: +10.0 %", "it earned more: Sharpe"],
        ),
        ((0.1, 0.4), (0.1001, 0.5), ["as much as buying and holding", "it earned less: Sharpe"]),
        ((0.1, None), (0.2, 0.5), ["It earned less"]),
        (
            (-0.178, -0.37),
            (-0.3, -0.53),
            ["lost less than buying and holding: \N{MINUS SIGN}17.8 % against \N{MINUS SIGN}"],
        ),
        (
            (-0.3, -0.53),
            (-0.178, -0.37),
            ["lost more than buying and holding: \N{MINUS SIGN}30.0 %"],
        ),
        ((-0.1, 0.1), (-0.1, -0.1), ["lost as much as buying and holding: \N{MINUS SIGN}10.0 %"]),
        ((0.0, 0.0), (-0.1, -0.2), ["lost less than buying and holding: +0.0 %"]),
        ((0.05, 0.4), (-0.3, -0.5), ["earned money where buying and holding lost it: +5.0 %"]),
        (
            (-0.05, -0.2),
            (0.3, 0.5),
            ["lost money where buying and holding earned it: \N{MINUS SIGN}5.0 %"],
        ),
    ],
)
def test_a_back_test_ends_in_a_verdict(tested, own, hold, words):
    strategy, held = (
        replace(figures, total_return=earned, sharpe=sharpe)
        for figures, (earned, sharpe) in ((tested.strategy, own), (tested.hold, hold))
    )
    sentences = earned_sentences(EN, replace(tested, strategy=strategy, hold=held))
    assert len(sentences) == len(words)
    for sentence, part in zip(sentences, words, strict=True):
        assert part in sentence.replace("\xa0", " ")


@pytest.mark.parametrize(
    ("trained_to", "words"),
    [
        (date(2025, 4, 13), []),
        (None, []),
        (date(2025, 4, 14), ["fitted on days up to 14 Apr 2025"]),
    ],
)
def test_hindsight_is_told_only_where_the_model_was_fitted_to_these_days(tested, trained_to, words):
    found = hindsight(EN, replace(tested, first_origin=MIDNIGHT, trained_to=trained_to))
    assert len(found) == len(words)
    assert all(part in sentence for part, sentence in zip(words, found, strict=True))


@pytest.mark.parametrize(("hits", "kind"), [(18, "fits"), (60, "above"), (1, "below")])
def test_chance_explains_some_counts_of_losses_and_others_not(hits, kind):
    assert against_chance(hits, 364, 0.05) == kind


def test_the_steps_of_a_risk_end_where_its_headline_stands(coin):
    signal = Signal.parse({**coin.signal, "risk_score": 0.0076})
    figure = steps_figure(EN, steps_of(signal), palette("light"))
    notes = [note.text.replace("\xa0", " ") for note in figure.layout.annotations]
    assert risk_percent(EN, 0.0076).replace("\xa0", " ") == "0.8 %"
    assert any("0.8 %" in note for note in notes)


def hours_of(*regimes):
    return [
        PastHour(MIDNIGHT + timedelta(hours=i), 1.0, regime, 0.2, 0.01, None)
        for i, regime in enumerate(regimes)
    ]


def test_neighbours_of_one_regime_make_a_span_and_unknown_hours_none():
    hours = hours_of(None, "calm", "calm", "normal", None, "normal")
    assert spans_of(hours) == [Span("calm", 1, 2), Span("normal", 3, 3), Span("normal", 5, 5)]
    assert shares_of(hours) == {"calm": 0.5, "normal": 0.5, "turbulent": 0.0}


def test_without_any_regime_there_is_no_share():
    assert spans_of(hours_of(None, None)) == []
    assert shares_of(hours_of(None)) == {}


def test_a_drawdown_is_measured_from_the_highest_equity_so_far_the_start_included():
    assert drawdowns([0.9, 1.0, 1.25, 1.0, 1.5]) == pytest.approx([-0.1, 0.0, 0.0, -0.2, 0.0])


def test_scores_are_compared_with_those_of_their_own_tenth():
    points = [ReliabilityPoint(50, 0.14, 0.16), ReliabilityPoint(4, 0.31, 1.0)]
    assert like_cases(points, 0.199) is points[0]
    assert like_cases(points, 0.3) is points[1]
    assert like_cases(points, 0.2) is None
    assert like_cases([ReliabilityPoint(1, 1.0, 1.0)], 1.0) is not None


@pytest.mark.parametrize(
    ("happened", "words"),
    [(0.16, "within what chance explains"), (0.5, "more often"), (0.0, "less often")],
)
def test_a_difference_that_chance_explains_is_told_from_one_that_it_does_not(happened, words):
    # of 50 cases with chance 0.14, 19 of 20 times 3 to 12 happen
    points = [ReliabilityPoint(50, 0.14, happened)]
    assert words in like_sentence(EN, points, 0.15)


@pytest.mark.parametrize(
    ("score", "said", "looked_at"),
    [
        (0.008, 0.04, "from 0 % to 10 %, 4 % on average"),
        (0.25, 0.24, "from 20 % to 30 %, 24 % on average"),
        (1.0, 0.99, "from 90 % to 100 %, 99.0 % on average"),
    ],
)
def test_the_scores_that_were_looked_at_are_named(score, said, looked_at):
    sentence = like_sentence(EN, [ReliabilityPoint(113, said, said)], score)
    assert looked_at in sentence.replace("\xa0", " ")


def test_a_handful_of_cases_is_not_judged():
    assert "only 4 times" in like_sentence(EN, [ReliabilityPoint(4, 0.31, 1.0)], 0.31)


def test_the_gauge_is_filled_up_to_the_score():
    html = gauge_html(EN, 0.314)
    assert 'style="width:31.40%"' in html
    assert 'aria-label="Risk gauge from 0 to 100\xa0%: 31\xa0%.' in html


@pytest.mark.parametrize(("score", "kind"), [(0.03, "usual"), (0.2, "usual"), (0.21, "high")])
def test_the_gauge_prints_its_score_and_alarms_only_above_the_usual_risk(score, kind):
    html = gauge_html(EN, score)
    assert f'aria-hidden="true">{100 * score:.0f}\xa0%</p>' in html
    assert f'class="assay-gauge {kind}"' in html


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0], [1.0, 3.0, 2.0]])
def test_a_line_of_any_length_can_be_drawn(values):
    colours = palette("light")
    assert sparkline_svg(values, colours).startswith("<svg ")
    assert "nan" not in sparkline_svg(values, colours, ahead=(0.5, 1.0, 2.0))
