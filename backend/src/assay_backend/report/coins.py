"""The report's sections on coins."""

from __future__ import annotations

from collections.abc import Sequence

from assay.evaluation.track_record import HitRate, mean
from assay_backend.report.blocks import Block, Bullets, Paragraph, Plot, Section, Table
from assay_backend.report.facts import MOST_SIGNALS, CoinFacts, Document, Facts, SignalGroup
from assay_backend.report.words import Words
from assay_backend.services.tracked import Tracked

BASE_RATE = 0.2  # of the risk event: the 80th percentile of the past year
DAY_MIN, HOUR_MIN = 1440, 60
GROUPS_SHOWN = 30

WEEK_PLOT, RISK_PLOT, RELIABILITY_PLOT = "week", "risk", "reliability"


def coins_section(facts: Facts, words: Words) -> Section:
    """What is said of the watched coins now."""
    if not facts.coins:
        return Section(words("coins.title"), [Paragraph(words("coins.none"), "notice")])
    blocks: list[Block] = []
    said = [coin for coin in facts.coins if coin.signals]
    if said:
        base = words.percent(BASE_RATE)
        blocks += [
            _now_table(said, words),
            Plot(RISK_PLOT, words("coins.plot.risk", base=base)),
            Plot(WEEK_PLOT, words("coins.plot.week")),
            Paragraph(words("coins.meaning", base=base), "notice"),
        ]
    if fallbacks := [line for coin in said if (line := _fallbacks(coin, words))]:
        blocks.append(Bullets(fallbacks, "notice"))
    problems = [
        words("coins.problem", coin=coin.key.symbol, problem=coin.problem)
        for coin in facts.coins
        if coin.problem
    ]
    if problems:
        blocks.append(Bullets(problems, "warning"))
    return Section(words("coins.title"), blocks)


def signals_section(facts: Facts, words: Words) -> Section:
    """What was stored since yesterday, what came of it, and how that adds up."""
    since, blocks = words.instant(facts.signals_since), list[Block]()
    if facts.signals:
        blocks += [Paragraph(words("signals.since", since=since)), _stored_table(facts, words)]
    else:
        blocks.append(Paragraph(words("signals.none", since=since), "notice"))
    if facts.signals_cut:
        blocks.append(Paragraph(words("signals.cut", count=words.number(MOST_SIGNALS)), "notice"))
    if facts.figures.signals["n"]:
        blocks += _so_far(facts.figures.signals, words)
    return Section(words("signals.title"), blocks)


def horizon_name(minutes: int, words: Words) -> str:
    """`30 min`, `4 h`, `7 d`."""
    if minutes % DAY_MIN == 0 and minutes > DAY_MIN:
        return words("horizon.days", count=words.number(minutes // DAY_MIN))
    if minutes % HOUR_MIN == 0:
        return words("horizon.hours", count=words.number(minutes // HOUR_MIN))
    return words("horizon.minutes", count=words.number(minutes))


def _now_table(coins: Sequence[CoinFacts], words: Words) -> Table:
    names = (
        "coin", "source", "price", "regime", "horizon", "risk", "volatility", "interval",
        "annualized", "percentile", "var",
    )  # fmt: skip
    return Table(
        [words(f"coins.{name}") for name in names],
        [
            _now_row(coin, minutes, signal, words)
            for coin in coins
            for minutes, signal in coin.signals.items()
        ],
        frozenset({2, 5, 6, 7, 8, 9, 10}),
    )


def _now_row(coin: CoinFacts, minutes: int, signal: Document, words: Words) -> list[str]:
    volatility, at_risk = signal["volatility"], signal["value_at_risk"]
    interval = (words.percent(volatility[name], 2) for name in ("lower", "upper"))
    return [
        coin.key.symbol,
        signal["source"],
        _price(signal["last_close"], words),
        words.named("regime", signal["vol_regime"]),
        horizon_name(minutes, words),
        words.percent(signal["risk_score"]),
        words.percent(volatility["horizon"], 2),
        words("gold.from_to", **dict(zip(("lower", "upper"), interval, strict=True))),
        words.percent(volatility["annualized"]),
        words.percent(volatility["percentile"]),
        " / ".join(words.percent(at_risk[level], 1) for level in ("0.95", "0.99")),
    ]


def _price(value: float, words: Words) -> str:
    """Five digits or so, however small."""
    decimals = 2 if value >= 100.0 else 4 if value >= 1.0 else 8
    return words.number(value, decimals)


def _fallbacks(coin: CoinFacts, words: Words) -> str:
    reasons = dict.fromkeys(
        name for signal in coin.signals.values() for name in signal["fallbacks"]
    )
    if not reasons:
        return ""
    told = "; ".join(words.named("fallback", name) for name in reasons)
    return words("coins.fallback", coin=coin.key.symbol, reasons=told)


def _stored_table(facts: Facts, words: Words) -> Table:
    names = ("market", "horizon", "stored", "counted", "said", "came", "inside", "realized", "var")
    return Table(
        [words(f"signals.{name}") for name in names],
        [_stored_row(group, words) for group in facts.signals[:GROUPS_SHOWN]],
        frozenset({2, 3, 4, 5, 6, 7, 8}),
    )


def _stored_row(group: SignalGroup, words: Words) -> list[str]:
    counted = [item for item in group.items if item.counted]
    said = mean([item.said["risk_score"] for item in group.items if item.status != "late"])
    volatilities = (
        mean([item.said["volatility"]["horizon"] for item in counted]),
        mean([item.scores["realized_volatility"] for item in counted]),
    )
    simulated = all(item.status == "simulated" for item in group.items)
    return [
        group.subject,
        horizon_name(group.horizon_min, words),
        words.number(len(group.items)),
        words("status.simulated") if simulated else words.number(len(counted)),
        words.percent(said),
        words.percent(_rate(counted, "above_threshold")),
        words.percent(_rate(counted, "inside")),
        " / ".join(words.percent(value, 2) for value in volatilities),
        " / ".join(
            words.percent(HitRate.of([item.scores["var_hit"][level] for item in counted]).rate)
            for level in ("0.95", "0.99")
        ),
    ]


def _rate(counted: Sequence[Tracked], name: str) -> float | None:
    return HitRate.of([item.scores[name] for item in counted]).rate


def _so_far(summary: Document, words: Words) -> list[Block]:
    at_risk = summary["value_at_risk"]
    said = words(
        "signals.so_far",
        n=words.number(summary["n"]),
        brier=words.number(summary["brier"], 3),
        skill=words.percent(summary["brier_skill"], 1, signed=True),
        inside=words.percent(summary["coverage"]["0.8"]["rate"], 1),
        var95=words.percent(at_risk["0.95"]["rate"], 1),
        var99=words.percent(at_risk["0.99"]["rate"], 1),
    )
    return [
        Paragraph(said),
        Plot(RELIABILITY_PLOT, words("signals.plot")),
        Paragraph(words("signals.tail"), "notice"),
    ]
