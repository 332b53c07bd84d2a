"""What the report says: the same in both languages, and a look where there is something to see."""

from __future__ import annotations

import json
import string
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources

import pytest

from assay.calendars import gold_calendar
from assay_backend import report as room
from assay_backend.languages import LANGUAGES
from assay_backend.report.agenda import agenda_at
from assay_backend.report.compose import compose
from assay_backend.report.look import looks
from assay_backend.report.pictures import drawings
from assay_backend.report.words import Words, words_of


def messages(language):
    return json.loads(resources.files(room).joinpath(f"{language}.json").read_text("utf-8"))


def test_languages_have_the_same_sentences_with_the_same_places():
    def places(text):
        return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field)

    english, spanish = (messages(language) for language in LANGUAGES)
    assert english.keys() == spanish.keys()
    for key, text in english.items():
        assert places(text) == places(spanish[key]), key
        assert text.strip()
        assert spanish[key].strip()


def test_no_sentence_is_left_over(lived, facts, monkeypatch):
    """Every key is used by some report, or belongs to a family of which others are."""
    used = set()

    class Noting(dict):
        def __getitem__(self, key):
            used.add(key)
            return super().__getitem__(key)

        def get(self, key, default=None):
            used.add(key)
            return super().get(key, default)

    words = Words("en", Noting(messages("en")))
    simulated = replace(facts, mode="auto")
    nothing = replace(
        facts,
        mode="live",
        gold=None,
        gold_problem="none",
        head=None,
        coins=(),
        signals=(),
        forecasts=(),
        signals_cut=True,
        trained_to=None,
        model=None,
    )
    for each in (facts, lived, simulated, replace(facts, mode="replay"), nothing):
        compose(each, words)
        drawings(each, words)
    families = ("regime", "fallback", "breaker", "state", "horizon", "verdict", "status")
    other = {"short.look.one", "short.quiet", "agenda.nothing", "signals.none"}
    other |= {
        "agenda.no_reason",
        "agenda.unscorable.other",
        "health.gaps.one",
        "coins.fallback",
        "short.look.other",
    }
    left = {key for key in messages("en") if not key.startswith(families)} - used - other
    assert left == set()


@pytest.mark.parametrize(
    ("value", "decimals", "english", "spanish"),
    [
        (2650.25, 2, "2,650.25", "2.650,25"),
        (-0.004, 2, "0.00", "0,00"),
        (-1234.5, 1, "\N{MINUS SIGN}1,234.5", "\N{MINUS SIGN}1.234,5"),
        (None, 2, "\N{EN DASH}", "\N{EN DASH}"),
    ],
)
def test_numbers_look_as_they_do_in_each_language(value, decimals, english, spanish):
    assert words_of("en").number(value, decimals) == english
    assert words_of("es").number(value, decimals) == spanish


def test_days_and_ages_by_hand():
    words = words_of("es")
    assert words.day("2026-11-27") == "vie 2026-11-27"
    assert [words.age(seconds) for seconds in (59, 7199, 7200, 172_799, 172_800)] == [
        "0 min", "119 min", "2 h", "47 h", "2 d",
    ]  # fmt: skip
    assert words.percent(0.0123, 1, signed=True) == "+1,2\N{NO-BREAK SPACE}%"


# What needs a look


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "session", "closes", "half_day", "days_off"),
    [
        ("2026-11-18T23:00", "2026-11-19", "2026-11-19T22:00", False, []),
        ("2026-11-20T23:00", "2026-11-23", "2026-11-23T22:00", False, []),
        ("2026-11-25T23:00", "2026-11-27", "2026-11-27T18:45", True, ["2026-11-26"]),
        ("2026-07-02T20:59", "2026-07-02", "2026-07-02T21:00", False, []),
        ("2026-07-02T21:00", "2026-07-06", "2026-07-06T21:00", False, ["2026-07-03"]),
    ],
)
def test_the_next_session_by_hand(now, session, closes, half_day, days_off):
    found = agenda_at(at(now))
    assert found.session == date.fromisoformat(session)
    assert found.closes == at(closes)
    assert found.half_day is half_day
    assert found.days_off == tuple(date.fromisoformat(day) for day in days_off)


@pytest.mark.parametrize(
    ("now", "fomc", "payrolls"),
    [
        ("2024-12-05T13:29", None, None),
        ("2024-12-05T13:31", None, "2024-12-06T13:30"),
        ("2024-12-17T19:01", "2024-12-18T19:00", None),
        ("2024-12-18T19:00", "2024-12-18T19:00", None),
        ("2024-12-18T19:01", None, None),
        ("2025-02-07T00:00", None, "2025-02-07T13:30"),
        ("2024-06-07T00:00", None, "2024-06-07T12:30"),
    ],
)
def test_events_of_the_coming_day_by_hand(now, fomc, payrolls):
    found = agenda_at(at(now))
    assert found.fomc == (at(fomc) if fomc else None)
    assert found.payrolls == (at(payrolls) if payrolls else None)


def test_a_table_that_runs_out_is_told_and_one_that_has_run_out_stops_nothing():
    last = gold_calendar().last_known
    before = datetime(last.year, last.month, last.day, 12, tzinfo=UTC) - timedelta(days=80)
    assert ("gold", last) in agenda_at(before).ending
    after = agenda_at(before + timedelta(days=200))
    assert after.session is None
    assert ("gold", last) in after.ending
    assert not agenda_at(at("2026-06-01T12:00")).ending


def test_looks_are_told_where_there_is_something_to_see_and_only_there(facts, lived):
    words = words_of("en")
    calm = [
        replace(coin, signals={h: {**s, "risk_score": 0.2} for h, s in coin.signals.items()})
        for coin in facts.coins
    ]
    quiet = replace(facts, coins=tuple(calm), trained_to=facts.now.date(), forecasts=())
    assert looks(quiet, words) == []
    said = "\n".join(looks(lived, words))
    for part in (
        "holiday",
        "half day",
        "FOMC",
        "payrolls",
        "ends on",
        "checksum",
        "train anew",
        "overdue",
        "no bars",
        "does not answer",
        "disk is full",
        "could not be scored",
    ):
        assert part in said, part
    risky = [
        replace(coin, signals={h: {**s, "risk_score": 0.21} for h, s in coin.signals.items()})
        for coin in facts.coins
    ]
    said = looks(replace(quiet, coins=tuple(risky)), words)
    assert len(said) == 2 * len(risky)
    assert all("21\N{NO-BREAK SPACE}%" in line for line in said)
