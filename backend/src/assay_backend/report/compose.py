"""Facts put into sentences: the report in one language, before it takes a form."""

from __future__ import annotations

from assay.market.keys import SIMULATED
from assay_backend.report.blocks import Bullets, Paragraph, Report, Section
from assay_backend.report.coins import BASE_RATE, DAY_MIN, coins_section, signals_section
from assay_backend.report.facts import CoinFacts, Facts
from assay_backend.report.gold import gold_section, interval_of, past_section, verdict
from assay_backend.report.house import data_section, ledger_section, service_section
from assay_backend.report.look import looks, session_lines
from assay_backend.report.words import Words


def compose(facts: Facts, words: Words) -> Report:
    """The report in the language of `words`."""
    attention = looks(facts, words)
    return Report(
        language=words.language,
        title=words("title", day=words.day(facts.now.date())),
        subtitle=words(
            "subtitle",
            at=words.instant(facts.now),
            version=facts.version,
            model=facts.model or words("no_champion"),
        ),
        banner=_banner(facts, words),
        sections=[
            _short_section(facts, attention, words),
            _agenda_section(facts, attention, words),
            gold_section(facts, words),
            past_section(facts, words),
            coins_section(facts, words),
            signals_section(facts, words),
            data_section(facts, words),
            service_section(facts, words),
            ledger_section(facts, words),
        ],
        footer=words("footer"),
    )


def _banner(facts: Facts, words: Words) -> str | None:
    if facts.mode == "simulated":
        return words("banner.simulated_mode")
    if facts.mode == "replay":
        return words("banner.replay")
    shown = {each["source"] for each in facts.market["freshness"]}
    return words("banner.simulated") if SIMULATED in shown else None


def _short_section(facts: Facts, attention: list[str], words: Words) -> Section:
    count = len(attention)
    last = words.counted("short.look", count) if count else words("short.quiet")
    lines = [_gold_line(facts, words), *(_coin_line(coin, words) for coin in facts.coins), last]
    return Section(words("short.title"), [Bullets(lines)])


def _agenda_section(facts: Facts, attention: list[str], words: Words) -> Section:
    lines = session_lines(facts, words)
    blocks = [Paragraph(line) for line in lines]
    if not attention:
        return Section(words("agenda.title"), [*blocks, Paragraph(words("agenda.nothing"), "good")])
    return Section(words("agenda.title"), [*blocks, Bullets(attention, "warning")])


def _gold_line(facts: Facts, words: Words) -> str:
    gold = facts.gold
    if gold is None:
        return words("short.no_gold", reason=facts.gold_problem)
    interval = interval_of(gold)
    return words(
        "short.gold",
        day=words.day(gold["predicted_date"]),
        median=words.number(gold["prediction"], 2),
        currency=gold["currency"],
        lower=words.number(interval["lower"], 2),
        upper=words.number(interval["upper"], 2),
        last=words.number(gold["last_close"], 2),
        verdict=verdict(gold["skill"], words),
    )


def _coin_line(coin: CoinFacts, words: Words) -> str:
    if DAY_MIN not in coin.signals:
        return words("short.no_coin", coin=coin.key.symbol, reason=coin.problem)
    signal = coin.signals[DAY_MIN]
    return words(
        "short.coin",
        coin=coin.key.symbol,
        regime=words.named("regime_word", signal["vol_regime"]),
        risk=words.percent(signal["risk_score"]),
        base=words.percent(BASE_RATE),
    )
