"""What the figures hold, and the arithmetic beneath them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from assay_frontend.api.models import FeatureEffect, Forecast, History
from assay_frontend.components.effects import (
    effect_sentence,
    effects_figure,
    step_words,
    strongest_first,
    strongest_sentence,
    today_words,
    width_change,
    width_steps,
)
from assay_frontend.components.fan import zoom_figure
from assay_frontend.components.figures import spread_apart
from assay_frontend.components.gold_chart import chart_words, month_ticks, price_figure
from assay_frontend.i18n import translator
from assay_frontend.theme.palette import palette

EN, ES = translator("en"), translator("es")
LIGHT = palette("light")


@pytest.fixture
def forecast(market):
    return Forecast.parse(market.forecast)


@pytest.fixture
def bars(market):
    return History.parse(market.history).bars


def traces_named(figure, name):
    return [trace for trace in figure.data if trace.name == name]


@pytest.mark.parametrize("count", [1, 2, 60, 250])
def test_the_fan_opens_from_the_last_close_to_each_range(bars, forecast, count):
    figure = price_figure(EN, bars[-count:], forecast, LIGHT)
    for level, lower, upper in (
        ("95\xa0%", 3160.85, 3301.15),
        ("80\xa0%", 3190.1, 3272.8),
        ("50\xa0%", 3210.35, 3252.65),
    ):
        (band,) = traces_named(figure, f"{level} range")
        assert list(band.y) == [3230.4, upper, lower, 3230.4]
        assert band.x[0] == count - 1
        assert band.x[1] >= count + 1


@pytest.mark.parametrize("draw", [price_figure, zoom_figure])
def test_the_random_walk_is_a_dashed_level_line_on_the_same_chart(bars, forecast, draw):
    (walk,) = traces_named(draw(EN, bars, forecast, LIGHT), "Random walk")
    assert walk.line.dash == "dash"
    assert set(walk.y) == {3230.4}


def test_candles_tell_rise_from_fall_without_colour(bars, forecast):
    candles = price_figure(EN, bars, forecast, LIGHT).data[0]
    assert candles.increasing.fillcolor == LIGHT.background
    assert candles.decreasing.fillcolor == LIGHT.down


def test_a_missing_range_and_a_missing_volume_leave_the_rest(market):
    market.forecast["intervals"] = market.forecast["intervals"][:1]
    for row in market.history["data"]:
        row["volume"] = None
    bars = History.parse(market.history).bars
    figure = price_figure(EN, bars, Forecast.parse(market.forecast), LIGHT)
    assert traces_named(figure, "95\xa0% range")
    assert not traces_named(figure, "80\xa0% range")


@pytest.mark.parametrize(("source", "marked"), [("simulated", True), ("yahoo", False)])
def test_a_chart_of_simulated_bars_carries_a_mark(market, bars, source, marked):
    forecast = Forecast.parse({**market.forecast, "source": source})
    for draw in (price_figure, zoom_figure):
        texts = [note.text for note in draw(EN, bars, forecast, LIGHT).layout.annotations]
        assert ("SIMULATED" in texts) is marked


def test_prices_in_a_spanish_chart_have_decimal_commas(bars, forecast):
    assert zoom_figure(ES, bars, forecast, LIGHT).layout.separators == ",."


def test_the_close_up_names_each_end_of_each_range(bars, forecast):
    notes = zoom_figure(EN, bars, forecast, LIGHT).layout.annotations
    assert [note.text for note in notes] == [
        "95\xa0%  3,161",
        "80\xa0%  3,190",
        "50\xa0%  3,210",
        "50\xa0%  3,253",
        "80\xa0%  3,273",
        "95\xa0%  3,301",
    ]


def test_the_text_alternative_tells_what_the_chart_shows(bars, forecast):
    words = chart_words(EN, "chart.candles.alt", bars[-120:], forecast)
    assert "120 gold sessions" in words
    assert "Tuesday 15 April 2025: median $3,231.40, 80\xa0% range $3,190.10 to $3,272.80" in words


def test_month_names_are_thinned_to_fit_a_phone(bars):
    positions, names = month_ticks(EN, bars)
    assert 2 <= len(names) <= 7
    assert all(bars[p].session.month != bars[p - 1].session.month for p in positions)


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ([], []),
        ([5.0], [5.0]),
        ([0.0, 20.0], [0.0, 20.0]),
        ([0.0, 4.0], [-3.0, 7.0]),
        ([0.0, 0.0, 0.0], [-10.0, 0.0, 10.0]),
        ([0.0, 9.0, 50.0], [-0.5, 9.5, 50.0]),
    ],
)
def test_labels_that_would_touch_are_moved_apart_about_their_middle(positions, expected):
    assert spread_apart(positions, 10.0) == pytest.approx(expected)


def test_labels_stay_apart_and_in_order_when_groups_meet():
    moved = spread_apart([0.0, 1.0, 9.0, 18.0, 19.0, 60.0], 10.0)
    gaps = [after - before for before, after in pairwise(moved)]
    assert min(gaps) >= 10.0 - 1e-9


def test_an_effect_on_the_log_of_the_spread_is_told_as_a_share_of_the_width():
    assert width_change(math.log(1.1)) == pytest.approx(0.10)
    assert width_change(math.log(0.5)) == pytest.approx(-0.5)


def test_an_effect_is_told_in_words():
    wider = FeatureEffect("next_payrolls", 1.0, math.log(1.1))
    narrower = FeatureEffect("unheard_of", None, math.log(0.96))
    assert effect_sentence(EN, wider) == "US jobs report in the next session: about 10\xa0% wider."
    assert effect_sentence(EN, narrower) == "unheard_of: about 4.0\xa0% narrower."


@pytest.mark.parametrize(
    ("t", "names"),
    [
        (
            EN,
            [
                "The next session is a Friday",
                "No US Federal Reserve decision since the last close",
                "The next session is not a Thursday",
                "next_unheard_of",
            ],
        ),
        (
            ES,
            [
                "La próxima sesión es viernes",
                "Sin decisión de la Reserva Federal desde el último cierre",
                "La próxima sesión no es jueves",
                "next_unheard_of",
            ],
        ),
    ],
    ids=["en", "es"],
)
def test_a_calendar_input_that_is_not_so_is_told_as_such(t, names):
    effects = [
        FeatureEffect("next_friday", 1.0, math.log(1.06)),
        FeatureEffect("next_after_fomc", 0.0, math.log(0.98)),
        FeatureEffect("next_thursday", 0.0, math.log(0.99)),
        FeatureEffect("next_unheard_of", 0.0, math.log(0.999)),
    ]
    figure = effects_figure(t, width_steps(effects), LIGHT)
    drawn = [note.text for note in figure.layout.annotations]
    for item, name in zip(effects, names, strict=True):
        assert effect_sentence(t, item).startswith(f"{name}:")
        assert name in strongest_sentence(t, item)
        assert name in drawn


@pytest.mark.parametrize("t", [EN, ES])
def test_every_calendar_input_can_be_denied(t):
    names = {key.removeprefix("feature.") for key in t.messages if key.startswith("feature.next_")}
    assert len(names) == 9
    for name in names:
        denied = effect_sentence(t, FeatureEffect(name, 0.0, 0.1))
        assert denied != effect_sentence(t, FeatureEffect(name, 1.0, 0.1))


def test_the_strongest_effect_stands_on_top(forecast):
    effects = strongest_first(forecast.explanation)[:4]
    assert [item.effect for item in effects] == [0.21, 0.0953101798, 0.07, -0.06]
    figure = effects_figure(EN, width_steps(effects), LIGHT)
    assert list(figure.data[0].y) == [3, 2, 1, 0]
    assert list(figure.data[0].text) == [
        "+23\xa0%",
        "+10\xa0%",
        "+7.3\xa0%",
        "\N{MINUS SIGN}5.8\xa0%",
    ]


def test_each_step_of_the_width_begins_where_the_one_above_it_ended(forecast):
    steps = width_steps(forecast.explanation)
    assert [step.item.feature if step.item else None for step in steps][-2:] == [
        "next_tuesday",
        None,
    ]
    assert len(steps) == 9
    assert steps[0].start == 0.0
    assert all(a.end == b.start for a, b in pairwise(steps))
    total = sum(item.effect for item in forecast.explanation)
    assert steps[-1].end == pytest.approx(total)
    # exp(0.3793101798) is 1.4613
    assert today_words(EN, steps) == "Today: +46\xa0%"
    assert step_words(EN, steps[-1]).startswith(
        "All smaller inputs together: \N{MINUS SIGN}0.6\xa0%"
    )


def test_effects_that_are_all_nothing_can_be_drawn():
    figure = effects_figure(EN, width_steps([FeatureEffect("x", 0.0, 0.0)]), LIGHT)
    low, high = figure.layout.xaxis.range
    assert low <= 0 < high
