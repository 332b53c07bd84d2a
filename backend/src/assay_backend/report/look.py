"""What needs a look in the next 24 hours, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from assay_backend.report.coins import BASE_RATE
from assay_backend.report.facts import CoinFacts, Document, Facts
from assay_backend.report.words import Words

OLD_TRAINING = timedelta(days=90)
# Of what went wrong earlier everyone knows by now.
RECENT = timedelta(hours=24)


def looks(facts: Facts, words: Words) -> list[str]:
    """One sentence each; none where all is quiet."""
    return [
        *_events(facts, words),
        *_champion(facts, words),
        *_data(facts, words),
        *(sentence for coin in facts.coins for sentence in _risks(coin, words)),
        *_store(facts, words),
    ]


def session_lines(facts: Facts, words: Words) -> list[str]:
    """When gold trades next, which nobody needs to look after."""
    agenda = facts.agenda
    if agenda.session is None:
        return []
    at = words.instant(agenda.closes)
    return [words("agenda.session", day=words.day(agenda.session), at=at)]


def series_name(series: Document, words: Words) -> str:
    """`binance BTC/USDT 1h`, or `GC=F daily`."""
    if series["exchange"] is None:
        return words("gold_series", symbol=series["symbol"])
    return f"{series['exchange']} {series['symbol']} {series['timeframe']}"


def _events(facts: Facts, words: Words) -> Iterator[str]:
    agenda = facts.agenda
    for day in agenda.days_off:
        yield words("agenda.day_off", day=words.day(day))
    if agenda.half_day:
        yield words("agenda.half_day")
    for name, moment in (("fomc", agenda.fomc), ("payrolls", agenda.payrolls)):
        if moment is not None:
            yield words(f"agenda.{name}", at=words.instant(moment))
    for table, day in agenda.ending:
        yield words(f"agenda.ending.{table}", day=words.day(day))


def _champion(facts: Facts, words: Words) -> Iterator[str]:
    for problem in facts.problems:
        yield words("agenda.problem", problem=problem)
    if facts.gold_problem and facts.gold_problem not in facts.problems:
        yield words("short.no_gold", reason=facts.gold_problem)
    if facts.trained_to is not None:
        age = facts.now.date() - facts.trained_to
        if age > OLD_TRAINING:
            day, days = words.day(facts.trained_to), words.number(age.days)
            yield words("agenda.bundle", day=day, count=days)


def _data(facts: Facts, words: Words) -> Iterator[str]:
    for series in facts.market["freshness"]:
        name = series_name(series, words)
        if series["source"] is None:
            reason = series["last_error"] or ""
            yield words("agenda.no_bars", series=name, reason=reason).strip()
        elif series["stale"]:
            yield words("agenda.stale", series=name, at=words.instant(series["as_of"]))
    for each in facts.market["breakers"]:
        if each["state"] in ("open", "blocked"):
            yield words(
                "agenda.breaker",
                endpoint=each["endpoint"],
                state=words.named("breaker", each["state"]),
                reason=each["last_error"] or words("agenda.no_reason"),
            )


def _risks(coin: CoinFacts, words: Words) -> Iterator[str]:
    for minutes, signal in coin.signals.items():
        if round(signal["risk_score"], 2) > BASE_RATE:  # as it is printed
            yield words(
                "agenda.risk",
                coin=coin.key.symbol,
                horizon=words(f"horizon.{minutes}"),
                risk=words.percent(signal["risk_score"]),
                base=words.percent(BASE_RATE),
            )


def _store(facts: Facts, words: Words) -> Iterator[str]:
    if facts.head is None:
        yield words("agenda.no_database")
    if fault := facts.market["store_fault"]:
        yield words("agenda.store", reason=fault)
    given_up = [
        item
        for item in (*facts.forecasts, *(each for group in facts.signals for each in group.items))
        if item.status == "unscorable" and facts.now - item.row.entry.due < 8 * RECENT
    ]
    if given_up:
        yield words.counted("agenda.unscorable", len(given_up))
