"""The report's sections on gold."""

from __future__ import annotations

from assay_backend.report.blocks import Block, Figures, Paragraph, Plot, Section, Table
from assay_backend.report.facts import Document, Facts
from assay_backend.report.words import NOTHING, Words
from assay_backend.services.tracked import Tracked

LEVEL_SHOWN = 0.8
# Below this no difference that can be expected would show.
TOO_FEW = 500

GOLD_PLOT, COVERAGE_PLOT = "gold", "coverage"


def gold_section(facts: Facts, words: Words) -> Section:
    """The forecast of the next session."""
    return Section(words("gold.title"), _forecast(facts, words))


def past_section(facts: Facts, words: Words) -> Section:
    """What was forecast lately, what came of it, and how that adds up."""
    if not facts.forecasts:
        return Section(words("past.title"), [Paragraph(words("past.none"), "notice")])
    blocks: list[Block] = [_past_table(facts, words)]
    if facts.figures.gold["n"]:
        blocks += _so_far(facts.figures.gold, words)
    return Section(words("past.title"), blocks)


def verdict(skill: Document, words: Words) -> str:
    """Whether the median has an edge."""
    return words(f"verdict.{skill['verdict']}")


def interval_of(said: Document, level: float = LEVEL_SHOWN) -> Document:
    """The interval of a level, as answered."""
    found: Document = next(each for each in said["intervals"] if each["level"] == level)
    return found


def _forecast(facts: Facts, words: Words) -> list[Block]:
    gold = facts.gold
    if gold is None:
        return [Paragraph(words("gold.none", reason=facts.gold_problem), "warning")]
    items = [
        (words("gold.next"), words.day(gold["predicted_date"])),
        (words("gold.median"), f"{words.number(gold['prediction'], 2)} {gold['currency']}"),
        (words("gold.last_close"), words.number(gold["last_close"], 2)),
        (words("gold.random_walk"), words.number(gold["benchmark"]["prediction"], 2)),
        (words("gold.up"), words.percent(gold["probability_up"], 1)),
        *(
            (words("gold.interval", level=words.percent(each["level"])), _from_to(each, words))
            for each in gold["intervals"]
        ),
    ]
    return [
        Figures(items),
        Plot(GOLD_PLOT, words("gold.plot", day=words.day(gold["predicted_date"]))),
        Paragraph(_skill_line(gold["skill"], words)),
        Paragraph(words("gold.settlement"), "notice"),
    ]


def _from_to(interval: Document, words: Words) -> str:
    lower, upper = (words.number(interval[name], 2) for name in ("lower", "upper"))
    return words("gold.from_to", lower=lower, upper=upper)


def _skill_line(skill: Document, words: Words) -> str:
    return words(
        "gold.skill",
        from_=skill["evaluated_from"],
        to=skill["evaluated_to"],
        n=words.number(skill["origins"]),
        rmse=words.number(skill["rmse_vs_random_walk"], 4),
        crps=words.number(skill["crps_vs_random_walk"], 4),
        verdict=verdict(skill, words),
    )


def _past_table(facts: Facts, words: Words) -> Table:
    names = ("session", "model", "median", "interval", "actual", "inside", "error", "rw_error")
    return Table(
        [words(f"past.{name}") for name in names],
        [_past_row(item, words) for item in reversed(facts.forecasts)],
        frozenset({2, 3, 4, 6, 7}),
    )


def _past_row(item: Tracked, words: Words) -> list[str]:
    said, outcome = item.said, item.outcome
    row = [
        words.day(said["predicted_date"]),
        said["model_version"],
        words.number(said["prediction"], 2),
        _from_to(interval_of(said), words),
    ]
    if outcome is None:
        return [*row, words(f"status.{item.status}"), NOTHING, NOTHING, NOTHING]
    return [
        *row,
        words.number(outcome["actual"], 2),
        words("yes" if outcome["inside"][str(LEVEL_SHOWN)] else "no"),
        words.number(outcome["error"], 2, signed=True),
        words.number(outcome["random_walk_error"], 2, signed=True),
    ]


def _so_far(summary: Document, words: Words) -> list[Block]:
    skill, hits = summary["skill"], summary["hits"]
    said = words(
        "past.summary",
        n=words.number(summary["n"]),
        skill=words.percent(skill["crps_skill"], 2, signed=True),
        rmse=words.number(skill["rmse_ratio_rw"], 4),
        hits=words.number(hits["hits"]),
        moved=words.number(hits["n"]),
    )
    few = [Paragraph(words("past.too_few"), "notice")] if summary["n"] < TOO_FEW else []
    rows = [
        [
            words.percent(float(level)),
            words.number(rate["hits"]),
            words.number(rate["n"]),
            words.percent(rate["rate"], 1),
        ]
        for level, rate in summary["coverage"].items()
    ]
    header = [words(f"past.{name}") for name in ("coverage", "held", "of", "rate")]
    return [
        Paragraph(said),
        *few,
        Table(header, rows, frozenset({0, 1, 2, 3})),
        Plot(COVERAGE_PLOT, words("past.plot")),
    ]
