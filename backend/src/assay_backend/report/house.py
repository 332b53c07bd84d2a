"""The report's sections on data, service and ledger."""

from __future__ import annotations

from assay.clock import iso_utc
from assay_backend.report.blocks import Block, Bullets, Code, Figures, Paragraph, Section, Table
from assay_backend.report.facts import Document, Facts
from assay_backend.report.look import series_name
from assay_backend.report.words import NOTHING, Words

GAPS_SHOWN = 5


def data_section(facts: Facts, words: Words) -> Section:
    """How fresh bars are, how upstreams answer, what is missing and what was set aside."""
    market = facts.market
    blocks: list[Block] = []
    if market["freshness"] and not any(each["stale"] for each in market["freshness"]):
        blocks.append(Paragraph(words("health.fresh"), "good"))
    blocks.append(_series_table(facts, words))
    if market["breakers"]:
        blocks.append(_breaker_table(facts, words))
    if market["gaps_total"]:
        blocks.append(Paragraph(words.counted("health.gaps", market["gaps_total"])))
        blocks.append(Bullets([_gap(gap, words) for gap in market["gaps"][:GAPS_SHOWN]]))
    blocks.append(Paragraph(_quarantine(facts.quarantine, words), "notice"))
    return Section(words("health.title"), blocks)


def service_section(facts: Facts, words: Words) -> Section:
    """How much was asked, stored and scored."""
    metrics, figures = facts.metrics, facts.figures
    items = [
        ("status", words.named("state", facts.status)),
        ("started", words.instant(metrics["start_time"])),
        ("requests", words.number(metrics["requests_total"])),
        ("signals", words.number(metrics["signals_total"])),
        ("last_signal", words.instant(metrics["last_signal_at"])),
        ("upstream_calls", words.number(metrics["upstream_calls_total"])),
        ("upstream_failures", words.number(metrics["upstream_failures_total"])),
        ("forecasts_scored", words.number(figures.known.get("gold_forecast", 0))),
        ("forecasts_waiting", words.number(figures.waiting.get("gold_forecast", 0))),
        ("signals_scored", words.number(figures.known.get("signal", 0))),
        ("signals_waiting", words.number(figures.waiting.get("signal", 0))),
        ("bundle", words.instant(facts.bundle_created)),
    ]
    named = [(words(f"service.{name}"), value) for name, value in items]
    return Section(words("service.title"), [Figures(named)])


def ledger_section(facts: Facts, words: Words) -> Section:
    """Its length and its newest hash, published so that a later cut shows."""
    if facts.head is None:
        return Section(words("ledger.title"), [Paragraph(words("ledger.none"), "warning")])
    line = f"{iso_utc(facts.now)} rows {facts.head.rows} head {facts.head.hash.hex()}"
    return Section(words("ledger.title"), [Code(line), Paragraph(words("ledger.said"), "notice")])


def _series_table(facts: Facts, words: Words) -> Table:
    names = ("series", "source", "newest", "age", "state", "rows")
    return Table(
        [words(f"health.{name}") for name in names],
        [_series_row(each, words) for each in facts.market["freshness"]],
        frozenset({3, 5}),
    )


def _series_row(each: Document, words: Words) -> list[str]:
    missing = each["source"] is None
    state = "missing" if missing else "stale" if each["stale"] else "current"
    return [
        series_name(each, words),
        each["source"] or NOTHING,
        words.instant(each["as_of"]),
        words.age(each["age_seconds"]),
        words(f"health.{state}"),
        words.number(each["rows"]),
    ]


def _breaker_table(facts: Facts, words: Words) -> Table:
    names = ("endpoint", "state", "calls", "failed", "last_error")
    rows = [
        [
            each["endpoint"],
            words.named("breaker", each["state"]),
            words.number(each["calls"]),
            words.number(each["failed"]),
            each["last_error"] or NOTHING,
        ]
        for each in facts.market["breakers"]
    ]
    return Table([words(f"health.{name}") for name in names], rows, frozenset({2, 3}))


def _gap(gap: Document, words: Words) -> str:
    start, end = (_moment(gap[name], words) for name in ("start", "end"))
    span = start if start == end else words("gold.from_to", lower=start, upper=end)
    return words("health.gap", series=series_name(gap, words), span=span)


def _moment(text: str, words: Words) -> str:
    return words.instant(text) if "T" in text else words.day(text)


def _quarantine(quarantine: Document | None, words: Words) -> str:
    if not quarantine or not quarantine["rows"]:
        return words("health.no_quarantine")
    reasons = ", ".join(f"{name} {count}" for name, count in quarantine["by_reason"].items())
    return words("health.quarantine", count=words.number(quarantine["rows"]), reasons=reasons)
