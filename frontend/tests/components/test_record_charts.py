"""What the track record's figures hold, and the arithmetic of chance beneath them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

import invented_records
from assay_frontend.api.track_models import GoldRecord, Rate, ReliabilityPoint, SignalRecord
from assay_frontend.components.chance import (
    against_chance,
    chance_band,
    kupiec_p,
    trailing_shares,
    uneven_p,
)
from assay_frontend.components.figures import MOST_TICKS, signed_ticks
from assay_frontend.components.loss_chart import losses_figure, losses_words
from assay_frontend.components.outcome_chart import outcomes_figure, outcomes_words
from assay_frontend.components.pit_chart import pit_figure, pit_verdict, pit_words
from assay_frontend.components.record_headline import signal_record_html
from assay_frontend.components.record_tables import (
    forecasts_csv,
    forecasts_table,
    signals_csv,
    signals_table,
)
from assay_frontend.components.record_words import gold_sentences, signal_sentences
from assay_frontend.components.reliability_chart import reliability_figure
from assay_frontend.components.share_chart import (
    HeldOverTime,
    known,
    shares_caption,
    shares_figure,
    shares_words,
)
from assay_frontend.components.skill_chart import ratio_so_far, skill_figure
from assay_frontend.i18n import translator
from assay_frontend.theme.palette import palette

EN, ES = translator("en"), translator("es")
LIGHT = palette("light")


@pytest.fixture(scope="module")
def gold():
    return GoldRecord.parse(invented_records.gold_record(120))


@pytest.fixture(scope="module")
def signals():
    return SignalRecord.parse(invented_records.signal_record(150))


@pytest.mark.parametrize(
    ("n", "share", "band"),
    [(1, 0.8, (0, 1)), (10, 0.05, (0, 2)), (60, 0.8, (42, 54)), (250, 0.1, (16, 35))],
)
def test_the_band_of_chance_holds_19_of_20(n, share, band):
    """Against the binomial distribution summed term by term."""
    assert chance_band(n, share) == band
    low, high = band
    weights = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    assert sum(weights[:low]) <= 0.025 < sum(weights[: low + 1])
    assert sum(weights[high + 1 :]) <= 0.025 + 1e-12


@given(st.integers(0, 400), st.floats(0.01, 0.99))
def test_the_band_is_an_interval_of_counts(n, share):
    low, high = chance_band(n, share)
    assert 0 <= low <= high <= n
    assert low - 1 <= n * share <= high + 1


@pytest.mark.parametrize(
    ("hits", "n", "level", "p"),
    [
        # -2 * 299 * ln 0.99 is 6.010; a standard normal is beyond its root, 2.452, by p
        (0, 299, 0.01, 0.0142),
        (0, 364, 0.01, 0.0068),
        # 2 * (10 * ln 2 + 90 * ln (90 / 95)) is 4.131
        (10, 100, 0.05, 0.0421),
        (5, 100, 0.05, 1.0),
        (5, 5, 0.05, 4.4166e-8),
    ],
)
def test_kupiecs_test_says_how_well_chance_explains_a_share(hits, n, level, p):
    assert kupiec_p(hits, n, level) == pytest.approx(p, rel=0.01)


def test_of_no_losses_there_is_nothing_to_test():
    assert kupiec_p(0, 0, 0.05) is None


@given(st.lists(st.booleans(), max_size=150), st.integers(10, 80))
def test_trailing_shares_are_those_of_a_slow_loop(flags, window):
    expected = []
    for i in range(len(flags)):
        seen = flags[max(0, i + 1 - window) : i + 1]
        expected.append(sum(seen) / len(seen) if len(seen) >= 10 else None)
    assert trailing_shares(flags, window) == expected


def test_each_outcome_is_a_mark_inside_or_outside_its_range(gold):
    shown = gold.scored[-60:]
    figure = outcomes_figure(EN, shown, LIGHT)
    (bars,) = [trace for trace in figure.data if trace.type == "bar"]
    marks = {trace.name: trace for trace in figure.data if trace.type == "scatter"}
    assert len(marks["inside"].x) + len(marks["outside"].x) == 60
    assert marks["inside"].marker.symbol != marks["outside"].marker.symbol
    for name, held in (("inside", True), ("outside", False)):
        for x, y in zip(marks[name].x, marks[name].y, strict=True):
            low = bars.base[x]
            assert (low <= y <= low + bars.y[x]) is held
    assert f"{len(marks['outside'].x)} outside" in outcomes_words(EN, shown)


def test_shares_end_where_the_newest_outcomes_do(gold):
    flags = tuple(bool(outcome.held(0.8)) for _, outcome in gold.scored)
    series = [HeldOverTime(0.8, flags), HeldOverTime(0.95, flags), HeldOverTime(0.5, flags[:5])]
    assert [one.level for one in known(series)] == [0.95, 0.8]
    moments = [item.row.due for item, _ in gold.scored]
    figure = shares_figure(EN, series[:2], moments, LIGHT, UTC)
    line = next(trace for trace in figure.data if trace.name == "80\xa0%")
    assert line.y[-1] == pytest.approx(100 * sum(flags[-60:]) / 60)
    assert line.y[8] is None
    dashes = [trace.line.dash for trace in figure.data]
    assert len(set(dashes)) == len(dashes)


def test_the_score_so_far_ends_at_the_summarys(gold):
    path = ratio_so_far(gold.scored)
    assert path[:9] == [None] * 9
    assert path[-1] == pytest.approx(1 - gold.crps_skill)
    (line,) = skill_figure(EN, gold.scored, LIGHT).data
    assert line.y[-1] == pytest.approx(-100 * gold.crps_skill)


def test_where_a_course_has_but_one_point_yet_it_is_a_dot():
    first = GoldRecord.parse(invented_records.gold_record(10))
    assert [trace.mode for trace in skill_figure(EN, first.scored, LIGHT).data] == ["markers"]
    held = [HeldOverTime(0.8, (True,) * 10)]
    moments = [item.row.due for item, _ in first.scored]
    assert [t.mode for t in shares_figure(EN, held, moments, LIGHT, UTC).data] == ["markers"]


def test_the_histogram_shows_every_outcome_and_an_even_share(gold):
    figure = pit_figure(EN, gold.pit, LIGHT)
    assert sum(figure.data[0].y) == 120
    dashed = next(shape for shape in figure.layout.shapes if shape.type == "line")
    assert dashed.y0 == dashed.y1 == 12
    assert "By chance between 6 and 19" in pit_words(EN, gold.pit)


def test_the_axis_of_few_closes_counts_by_one():
    assert pit_figure(EN, [0, 1, 0, 0, 1, 1, 0, 0, 0, 2], LIGHT).layout.yaxis.dtick == 1
    assert pit_figure(EN, [12] * 10, LIGHT).layout.yaxis.dtick is None


@pytest.mark.parametrize("parts", [2, 3, 10, 11])
def test_unevenness_is_judged_as_chi_squared(parts):
    counts = [20 + i for i in range(parts)]
    assert uneven_p(counts) == pytest.approx(chisquare(counts).pvalue)
    assert uneven_p([4] * parts) is None, "too few for that test"


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([30, 16, 17, 15, 28, 19, 28, 24, 34, 39], "leaned high"),
        ([39, 34, 24, 28, 19, 28, 15, 17, 16, 30], "leaned low"),
        ([40, 25, 20, 20, 20, 20, 20, 20, 25, 40], "differ by more than chance"),
        ([25, 27, 22, 30, 21, 25, 24, 26, 28, 22], "are what chance explains"),
        ([0, 1, 0, 2, 0, 0, 1, 0, 3, 1], ""),
    ],
)
def test_all_bars_together_are_judged_too(counts, words):
    assert words in pit_verdict(EN, counts)
    assert bool(pit_verdict(ES, counts)) == bool(words)


def test_ranges_over_time_are_judged_by_as_many_outcomes_as_there_are():
    moments = [datetime(2025, 1, day, tzinfo=UTC) for day in range(1, 11)]
    series = [HeldOverTime(0.8, (True,) * 10)]
    assert "of 10 outcomes" in shares_caption(EN, moments)
    assert "between 5 and 10" in shares_caption(EN, moments)
    assert "newest 10 outcomes" in shares_words(EN, series, moments, UTC)
    assert "between 42 and 54" in shares_caption(EN, moments * 7)


def test_counts_stand_only_where_they_have_room():
    near, far = [ReliabilityPoint(1234, s, s) for s in (0.09, 0.11)], ReliabilityPoint(77, 0.5, 0.5)
    figure = reliability_figure(EN, [*near, far], LIGHT)
    assert [note.text for note in figure.layout.annotations if note.yref != "paper"] == ["77"]


@pytest.mark.parametrize(("low", "high"), [(-0.73, 0.73), (-4.4, 4.4), (-0.055, 12.0), (-90, 90)])
def test_a_signed_axis_has_a_bare_zero_and_few_names_that_differ(low, high):
    ticks = signed_ticks(EN, low, high, suffix=" %")
    assert "0" in ticks["ticktext"]
    assert len({*ticks["ticktext"]}) == len(ticks["tickvals"]) <= MOST_TICKS + 1
    assert all(low <= value <= high for value in ticks["tickvals"])


@given(st.integers(1, 200), st.floats(0.001, 0.999), st.floats(0, 1))
def test_a_mark_lies_in_its_box_where_and_only_where_chance_explains(n, said, share):
    hits = round(share * n)
    figure = reliability_figure(EN, [ReliabilityPoint(n, said, hits / n)], LIGHT)
    (trace,), box = figure.data, figure.layout.shapes[0]
    held = box.y0 - 1e-9 <= trace.y[0] <= box.y1 + 1e-9
    assert held == (against_chance(hits, n, said) == "fits")
    assert (box.x0 + box.x1) / 2 == pytest.approx(100 * said)
    assert 0 <= box.y0 <= box.y1 <= 100


def test_losses_beyond_the_value_at_risk_are_crosses(signals):
    figure = losses_figure(EN, signals.scored, LIGHT, UTC)
    marks = {trace.name: trace for trace in figure.data if trace.type == "scatter"}
    bars = next(trace for trace in figure.data if trace.type == "bar")
    beyond = marks["beyond the value at risk"]
    assert len(beyond.x) == dict(signals.value_at_risk)[0.95].hits
    assert all(y < bars.y[x] for x, y in zip(beyond.x, beyond.y, strict=True))
    assert f"{len(beyond.x)} beyond it" in losses_words(EN, signals.scored, UTC)


@pytest.mark.parametrize("t", [EN, ES])
@pytest.mark.parametrize(("hits", "kind"), [(40, "narrow"), (48, "fits"), (59, "wide")])
def test_a_range_is_called_too_narrow_or_wide_only_beyond_chance(t, gold, hits, kind):
    record = replace(gold, coverage=((0.8, Rate(60, hits)),), counted=60)
    words = {
        "narrow": ("too narrow", "demasiado estrechos"),
        "fits": ("If they are right", "Si son correctos"),
        "wide": ("too wide", "demasiado anchos"),
    }[kind]
    assert words[t.language == "es"] in gold_sentences(t, record)[0]


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.4, " That this is more than chance: no evidence (p 0.400)."),
        (0.004, " That this is more than chance: strong evidence (p 0.004)."),
        (None, ""),
    ],
)
def test_skill_is_told_with_what_a_test_says_of_it(gold, p, words):
    record = replace(gold, coverage=(), crps_skill=0.021, crps_p_value=p)
    said = gold_sentences(EN, record)[0].replace("\xa0", " ")
    assert said.partition("walk's.")[2] == words
    assert "2.1 % better" in said


@pytest.mark.parametrize(("hits", "words"), [(2, "too high"), (22, "Taken at"), (60, "too low")])
def test_risk_scores_are_judged_as_a_whole(signals, hits, words):
    record = replace(signals, risk_score=0.2, events=Rate(100, hits), counted=100)
    assert words in signal_sentences(EN, record)[0]


def test_a_risk_of_next_to_nothing_is_not_told_as_nothing(signals):
    low = replace(signals.items[-1], risk_score=0.005)
    record = replace(signals, risk_score=0.005, items=(low,))
    told = "0.5\xa0%"
    assert signals_table(EN, record.items, UTC)["Risk score"] == [told]
    assert f"said {told} on average" in signal_record_html(EN, record)
    assert f"said {told} on average" in signal_sentences(EN, record)[0]


def test_nothing_is_said_of_nothing():
    assert gold_sentences(EN, GoldRecord.parse(invented_records.gold_record(0))) == []
    assert signal_sentences(EN, SignalRecord.parse(invented_records.signal_record(0))) == []


@pytest.mark.parametrize("t", [EN, ES])
def test_tables_have_a_row_for_each_item_newest_first(t, gold, signals):
    for table, items in (
        (forecasts_table(t, gold.items), gold.items),
        (signals_table(t, signals.items, UTC), signals.items),
    ):
        assert {len(column) for column in table.values()} == {len(items)}
        assert all(cell for column in table.values() for cell in column)
    assert next(iter(forecasts_table(EN, gold.items).values()))[0] == "15 Apr 2025"
    assert len(forecasts_table(t, gold.items)) == 6


@pytest.mark.parametrize(
    ("text", "count"), [("gold", 121), ("signals", 152)], ids=["gold", "signals"]
)
def test_files_hold_every_row_and_column(gold, signals, text, count):
    lines = (forecasts_csv(gold.items) if text == "gold" else signals_csv(signals.items)).split(
        "\n"
    )
    assert len(lines) == count + 2
    assert len({line.count(",") for line in lines[:-1]}) == 1
    assert "None" not in "".join(itertools.chain(lines))
