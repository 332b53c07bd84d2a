"""Both languages say the same things, and write numbers and dates their own way."""

from __future__ import annotations

import ast
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest

import assay_frontend
from assay_frontend.i18n import LANGUAGES, language_named, translator
from assay_frontend.i18n import formats as f

EN, ES = translator("en"), translator("es")


def fields_of(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name}


def test_all_languages_have_the_same_keys():
    for language in LANGUAGES:
        assert translator(language).messages.keys() == EN.messages.keys()


def test_a_translation_takes_the_same_values():
    differing = [
        key for key in EN.messages if fields_of(EN.messages[key]) != fields_of(ES.messages[key])
    ]
    assert not differing
    assert all(text.strip() for text in ES.messages.values())


def test_every_key_that_the_code_names_exists():
    named = set()
    for path in Path(assay_frontend.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "t" and node.args:
                key = node.args[0]
                if isinstance(key, ast.Constant):
                    named.add(key.value)
    assert len(named) > 50
    assert named <= EN.messages.keys()


def test_an_unknown_name_stands_for_itself():
    assert EN.named("feature", "gold_ewma_0.8") == "Gold's volatility over about 5 sessions"
    assert EN.named("feature", "a_new_one") == "a_new_one"


@pytest.mark.parametrize(
    ("tag", "language"),
    [("es-MX", "es"), ("es_ES", "es"), ("EN", "en"), ("fr-FR", None), ("", None), (None, None)],
)
def test_a_browsers_language_is_taken_by_its_first_part(tag, language):
    assert language_named(tag) == language


def test_money():
    assert f.money(EN, 3231.4, "USD") == "$3,231.40"
    assert f.money(ES, 3231.4, "USD") == "3.231,40\xa0US$"
    assert f.money(EN, 1.0, "USD", signed=True) == "+$1.00"
    assert f.money(EN, -1.0, "USD", signed=True) == "\N{MINUS SIGN}$1.00"
    assert f.money(EN, 12.0, "EUR") == "EUR\xa012.00"
    assert f.money(EN, None, "USD") == f.MISSING


def test_shares_and_levels():
    assert f.percent(EN, 0.7904) == "79\xa0%"
    assert f.percent(ES, -0.0575, 1, signed=True) == "\N{MINUS SIGN}5,8\xa0%"
    levels = [f.level(EN, value) for value in (0.5, 0.95, 0.975)]
    assert levels == ["50\xa0%", "95\xa0%", "97.5\xa0%"]


def test_a_ratio_is_told_as_its_distance_from_one():
    assert [f.ratio_change(EN, ratio) for ratio in (0.98, 1.0021, 1.0, 0.999999, None)] == [
        "\N{MINUS SIGN}2.00\xa0%",
        "+0.21\xa0%",
        "0.00\xa0%",
        "0.00\xa0%",
        f.MISSING,
    ]


def test_p_values_are_never_zero():
    assert [f.p_value(EN, value) for value in (0.43, 0.001, 1e-12, None)] == [
        "0.430",
        "0.001",
        "< 0.001",
        f.MISSING,
    ]


def test_dates_are_written_out():
    day = date(2025, 4, 15)
    assert f.long_date(EN, day) == "Tuesday 15 April 2025"
    assert f.long_date(ES, day) == "martes 15 de abril de 2025"
    assert f.short_date(ES, date(2025, 9, 1)) == "1 sept 2025"


def test_a_moment_is_told_in_the_readers_zone():
    moment = datetime(2025, 4, 14, 21, tzinfo=UTC)
    assert f.instant(EN, moment, f.readers_zone("Asia/Tokyo")) == "Tuesday 15 April 2025, 06:00 JST"
    assert f.instant(EN, moment, f.readers_zone("America/Sao_Paulo")).endswith("18:00 UTC-03")


@pytest.mark.parametrize("name", [None, "", "Nowhere/Atlantis", "../etc/passwd", "\x00"])
def test_a_zone_that_is_unknown_is_utc(name):
    assert f.readers_zone(name) is UTC


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a minute"),
        (60, "1 minute"),
        (12000, "3 hours 20 minutes"),
        (7200, "2 hours"),
        (90000, "1 day 1 hour"),
        (172800 + 59 * 60, "2 days"),
    ],
)
def test_a_span_is_told_in_its_largest_units(seconds, words):
    assert f.span(EN, seconds) == words


def test_spanish_joins_two_units_with_a_word():
    assert f.span(ES, 31 * 3600) == "1 día y 7 horas"
    assert f.span(ES, 7200) == "2 horas"


def test_an_age_goes_on_after_the_answer_came():
    received = datetime(2025, 4, 14, 22, tzinfo=UTC)
    later = received + timedelta(seconds=90)
    assert f.age_now(3600.0, received, later) == 3690.0
    assert f.age_now(3600.0, later, received) == 3600.0
    assert f.age_now(None, received, later) is None


def test_spanish_prose_uses_no_decimal_point():
    prose = [text for key, text in ES.messages.items() if not key.startswith("format.")]
    assert not [text for text in prose if re.search(r"\d\.\d", text)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_percent_sign_is_written_one_way(language):
    """After a space that no line breaks."""
    messages = translator(language).messages
    assert not [key for key, text in messages.items() if re.search(r"[\d}]( ?)%", text)]


def strings_of(nodes):
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_every_key_is_used():
    """By its name in the code, or by the first part of one that the code puts together."""
    names, beginnings = set(), set()
    for path in Path(assay_frontend.__file__).parent.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names |= set(strings_of(nodes))
        for node in nodes:
            if isinstance(node, ast.JoinedStr):
                beginnings |= set(strings_of(node.values[:1]))
            elif isinstance(node, ast.Call):  # t.named("kind", …), partial(t.named, "kind")
                named = any(getattr(f, "attr", "") == "named" for f in (node.func, *node.args[:1]))
                beginnings |= {f"{kind}." for kind in strings_of(node.args[:2]) if named}
    beginnings = {each for each in beginnings if "." in each}
    unused = [
        key for key in EN.messages if key not in names if not key.startswith(tuple(beginnings))
    ]
    assert not unused


def test_what_is_compared_has_equally_many_decimals():
    assert f.fine_percents(EN, [0.0078, 0.019, None]) == [
        "0.78\xa0%", "1.90\xa0%", "\N{EM DASH}",
    ]  # fmt: skip
    assert f.fine_percents(EN, [0.31, 0.44]) == ["31\xa0%", "44\xa0%"]
    assert f.risk_percents(EN, [0.008, 0.14]) == ["0.8\xa0%", "14.0\xa0%"]
    assert f.risk_percents(EN, [0.31, 0.14]) == ["31\xa0%", "14\xa0%"]
