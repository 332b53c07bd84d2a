"""The crypto page's tables and files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from functools import partial

from assay_frontend.api.crypto_models import CoinBars, Signal, TimedBar
from assay_frontend.api.models import at_level
from assay_frontend.components.candles import volume_words
from assay_frontend.components.coin_candles import bar_name
from assay_frontend.components.coin_headline import source_name
from assay_frontend.components.contributions import Step, points, step_name
from assay_frontend.components.numbers import About, Column, Numbers
from assay_frontend.components.regimes import regime_text
from assay_frontend.components.tables import Table, csv_text
from assay_frontend.components.text import file_stem
from assay_frontend.components.volatility_chart import PastVolatility
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    fine_percent,
    fine_percents,
    length,
    number,
    percent,
    price,
    risk_percents,
    short_instant,
)


def coin_bars_table(
    t: Translator, shown: Sequence[TimedBar], market: CoinBars, zone: tzinfo
) -> Table:
    """Newest first."""
    rows, quote = shown[::-1], market.symbol.partition("/")[2]
    table = {t("table.opened"): [bar_name(t, bar, market.timeframe, zone) for bar in rows]}
    for name in ("open", "high", "low", "close"):
        table[t(f"table.{name}")] = [price(t, getattr(bar, name), quote) for bar in rows]
    table[t("table.volume")] = [volume_words(t, bar.volume) for bar in rows]
    return table


def past_table(t: Translator, past: PastVolatility, zone: tzinfo) -> Table:
    """Newest first."""
    return {
        t("table.until"): [short_instant(t, end, zone) for end in past.ends[::-1]],
        t("coin.chart.realized"): fine_percents(t, past.values[::-1]),
    }


def signal_table(t: Translator, signal: Signal) -> Table:
    """What the volatility chart draws at its right."""
    found = signal.volatility
    rows = {
        t("coin.chart.forecast"): found.horizon,
        t("table.lower80"): found.lower,
        t("table.upper80"): found.upper,
        t("coin.chart.threshold"): found.threshold,
    }
    return {
        t("table.figure"): list(rows),
        t("table.value"): [fine_percent(t, value) for value in rows.values()],
    }


def about_signal(signal: Signal) -> About:
    """What figures of a signal are about."""
    return {
        "symbol": signal.symbol,
        "source": signal.provenance.source,
        "horizon_min": signal.horizon_minutes,
        "as_of": signal.provenance.as_of,
    }


def signal_stem(signal: Signal, name: str) -> str:
    """Of a file of them: another horizon's and another day's have other names."""
    as_of = signal.provenance.as_of
    parts = [signal.symbol, signal.provenance.source, f"{signal.horizon_minutes}min", name]
    return file_stem(*parts, *([f"{as_of:%Y-%m-%d}"] if as_of else []))


def steps_numbers(t: Translator, steps: Sequence[Step], *, file: str, about: About) -> Numbers:
    """The explanation in the order of its chart."""
    log_odds = partial(number, t, decimals=3, signed=True)
    return Numbers.of(
        [
            Column("input", [step.name or "rest" for step in steps]),
            Column("", steps, t("table.feature"), partial(step_name, t)),
            Column(
                "value", [s.value for s in steps], t("table.value"),
                lambda value: number(t, value, 2, signed=value < 0),
            ),
            Column("log_odds", [s.effect for s in steps], t("table.log_odds"), log_odds),
            Column("", steps, t("table.points"), partial(points, t)),
            Column("risk_before", [s.start for s in steps]),
            Column(
                "risk_after", [s.end for s in steps], t("table.risk_after"),
                partial(percent, t, decimals=1),
            ),
        ],
        file=file,
        about=about,
    )  # fmt: skip


def recent_table(t: Translator, signals: Sequence[Signal], zone: tzinfo) -> Table:
    """As they are given: newest first."""
    made = [signal.created_at or signal.provenance.as_of for signal in signals]
    return {
        t("table.made"): [MISSING if m is None else short_instant(t, m, zone) for m in made],
        t("table.market"): [
            f"{s.symbol}, {source_name(t, s.provenance.source)}, {s.timeframe}" for s in signals
        ],
        t("coin.horizon"): [length(t, s.horizon_minutes) for s in signals],
        t("coin.risk"): risk_percents(t, [s.risk_score for s in signals]),
        t("coin.regime"): [regime_text(t, s.vol_regime) for s in signals],
        t("coin.volatility"): fine_percents(t, [s.volatility.horizon for s in signals]),
        t("coin.var"): fine_percents(t, [at_level(s.value_at_risk, 0.95) for s in signals]),
    }


def coin_bars_csv(shown: Sequence[TimedBar], market: CoinBars) -> str:
    """In the form that `assay-train volatility --bars` reads, with their origin beside them."""
    where = [market.symbol, market.timeframe, market.provenance.source]
    rows = [
        [
            bar.opened,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            *where,
        ]
        for bar in shown
    ]
    header = ["timestamp", "open", "high", "low", "close", "volume"]
    return csv_text([*header, "symbol", "timeframe", "source"], rows)


def past_csv(past: PastVolatility) -> str:
    """Realized volatility as a share, not in percent."""
    rows = [
        [end, past.horizon_minutes, value, past.source]
        for end, value in zip(past.ends, past.values, strict=True)
        if value is not None
    ]
    return csv_text(["until", "horizon_min", "realized_volatility", "source"], rows)


def signal_csv(signal: Signal) -> str:
    """One figure a row, contributions included; numbers as the API gave them."""
    found = signal.volatility
    figures: list[tuple[str, object]] = [
        ("symbol", signal.symbol),
        ("exchange", signal.exchange),
        ("source", signal.provenance.source),
        ("timeframe", signal.timeframe),
        ("horizon_min", signal.horizon_minutes),
        ("as_of", signal.provenance.as_of),
        ("risk_score", signal.risk_score),
        ("vol_regime", signal.vol_regime),
        ("nowcast_ret", signal.last_return),
        ("volatility.horizon", found.horizon),
        ("volatility.annualized", found.annualized),
        ("volatility.percentile", found.percentile),
        ("volatility.lower", found.lower),
        ("volatility.upper", found.upper),
        ("volatility.threshold_volatility", found.threshold),
        *((f"value_at_risk.{level:g}", value) for level, value in signal.value_at_risk),
        *((f"expected_shortfall.{level:g}", value) for level, value in signal.expected_shortfall),
        ("tail_loss_probability", signal.tail_loss_probability),
        ("tail_loss_return", signal.tail_loss_return),
        ("model_version", signal.model_version),
        ("volatility_version", signal.volatility_version),
    ]
    items = signal.explanation.contributions if signal.explanation else ()
    figures += [(f"contribution.{item.name}", item.effect) for item in items]
    return csv_text(["figure", "value"], [pair for pair in figures if pair[1] is not None])


def recent_csv(signals: Sequence[Signal]) -> str:
    """One stored signal a row."""
    header = ["created_at", "symbol", "exchange", "source", "timeframe", "horizon_min"]
    header += ["risk_score", "vol_regime", "volatility", "value_at_risk_95"]
    rows = [
        [
            signal.created_at,
            signal.symbol,
            signal.exchange,
            signal.provenance.source,
            signal.timeframe,
            signal.horizon_minutes,
            signal.risk_score,
            signal.vol_regime,
            signal.volatility.horizon,
            at_level(signal.value_at_risk, 0.95),
        ]
        for signal in signals
    ]
    return csv_text(header, rows)
