"""The daily report: complete in both forms and languages, valid, and needing nothing else."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from assay_backend.languages import LANGUAGES
from assay_backend.report import pictures
from assay_backend.report.compose import compose
from assay_backend.report.html import html
from assay_backend.report.markdown import escaped, markdown
from assay_backend.report.pictures import draw, drawings
from assay_backend.report.words import words_of
from parsed_page import Page


def tables(text):
    """The tables of a Markdown document, as rows of cells."""
    found, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            assert line.endswith("|"), line
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            found.append(rows)
            rows = []
    return found


@pytest.fixture(scope="module")
def both_pasts(facts, lived):
    return {"new": facts, "lived": lived}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("past", ["new", "lived"])
def test_the_page_is_whole_and_asks_nobody_for_anything(both_pasts, past, language):
    facts, words = both_pasts[past], words_of(language)
    drawn = asyncio.run(draw(drawings(facts, words)))
    text = html(compose(facts, words), drawn)
    page = Page(text)
    assert ("lang", language) in page.attributes
    assert page.seen.count("svg") == len(drawn) >= 3
    assert "script" not in page.seen
    assert "://" not in text
    assert not re.search(r"url\(|@import|<link|<img|<iframe", text)
    names = {name for name, _ in page.attributes}
    assert not {"src", "href", "xlink:href", "srcset"} & names
    assert not any(name.startswith("on") for name in names)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("past", ["new", "lived"])
def test_markdowns_tables_have_as_many_cells_in_each_row(both_pasts, past, language):
    text = markdown(compose(both_pasts[past], words_of(language)))
    found = tables(text)
    assert len(found) >= 3
    for header, ruler, *rows in found:
        assert rows
        assert all(re.fullmatch(r"-{3}:?", cell) for cell in ruler)
        assert {len(row) for row in (ruler, *rows)} == {len(header)}
    assert text.startswith("# ")
    assert text.endswith("\n")


def test_what_others_say_is_no_markup_in_either_form(lived):
    report = compose(lived, words_of("en"))
    page, text = html(report, {}), markdown(report)
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#x27;x|y&#x27;)" in page
    assert "<b>no" not in page
    assert "<script>" not in text
    assert r"\<script\>alert('x\|y')\</script\>" in text
    assert r"a \| b c \*d\*" in text


def test_both_forms_say_the_same(lived):
    report = compose(lived, words_of("en"))
    page, text = "".join(Page(html(report, {})).texts), markdown(report)
    for cell in (cell for rows in tables(text) for row in (rows[0], *rows[2:]) for cell in row):
        plain = re.sub(r"\\(.)", r"\1", cell).replace("&amp;", "&")
        assert plain in " ".join(page.split()), cell


def test_a_character_that_markdown_means_something_by_is_escaped():
    assert escaped("a_b [c](d) <e> & `f`\n|g|") == (r"a\_b \[c\](d) \<e\> &amp; \`f\` \|g\|")


def test_every_part_is_there(lived):
    text = markdown(compose(lived, words_of("en")))
    titles = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "In short",
        "The next 24 hours",
        "Gold: the next session",
        "Gold: what was forecast, and what came",
        "Coins: now",
        "Coins: what was said since yesterday, and what came",
        "Data",
        "Service",
        "Ledger",
    ]
    assert re.search(r"^    \S+Z rows \d+ head [0-9a-f]{64}$", text, re.MULTILINE)
    for cell in ("waits", "no bars came", "simulated, not scored", "7 d"):
        assert f"| {cell} |" in text, cell


def test_nothing_at_all_is_still_a_report(facts):
    bare = replace(
        facts,
        gold=None,
        gold_problem="No bars have been had",
        head=None,
        closes=(),
        coins=(),
        forecasts=(),
        market={**facts.market, "freshness": [], "breakers": []},
        quarantine=None,
    )
    for language in LANGUAGES:
        report = compose(bare, words_of(language))
        Page(html(report, {}))
        assert "No bars have been had" in markdown(report)
    assert drawings(bare, words_of("en")) == []


# Plots


def test_without_plots_a_report_is_still_one(facts, monkeypatch, caplog):
    monkeypatch.setattr(pictures.sys, "executable", "/bin/false")
    assert asyncio.run(draw(drawings(facts, words_of("en")))) == {}
    assert "could not be drawn" in caplog.text


def test_plots_that_take_too_long_are_given_up(facts, monkeypatch, caplog, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(pictures.sys, "executable", str(slow))
    monkeypatch.setattr(pictures, "DRAWING_SECONDS", 0.1)
    assert asyncio.run(draw(drawings(facts, words_of("en")))) == {}
    assert "not drawn" in caplog.text
