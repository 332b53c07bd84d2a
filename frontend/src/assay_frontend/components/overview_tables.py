"""The overview's numbers as a table and as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from assay_frontend.api.crypto_models import CoinHours, Signal
from assay_frontend.api.models import Forecast, History, at_level
from assay_frontend.components.coin_headline import source_name
from assay_frontend.components.glances import DAY_HOURS, day_change
from assay_frontend.components.numbers import Column, Numbers
from assay_frontend.components.regimes import regime_text
from assay_frontend.components.tables import Table, csv_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    fine_percents,
    money,
    percent,
    price,
    risk_percent,
    risk_percents,
    short_date,
    short_instant,
)


class _Close(NamedTuple):
    symbol: str
    name: str
    source: str
    until: date
    words: str
    close: float


Seen = Sequence[tuple[Signal, CoinHours | None]]


def coins_table(t: Translator, seen: Seen) -> Table:
    def of(hours: CoinHours | None) -> str:
        before = hours.before(DAY_HOURS) if hours else None
        score = before.risk_score if before else None
        return MISSING if score is None else risk_percent(t, score)

    return {
        t("table.coin"): [signal.symbol for signal, _ in seen],
        t("over.table.close"): [
            price(t, s.last_close, s.quote) if s.last_close else MISSING for s, _ in seen
        ],
        t("over.table.change"): [percent(t, day_change(h), 1, signed=True) for _, h in seen],
        t("coin.regime"): [regime_text(t, signal.vol_regime) for signal, _ in seen],
        t("over.risk"): risk_percents(t, [signal.risk_score for signal, _ in seen]),
        t("over.table.risk.before"): [of(hours) for _, hours in seen],
        t("coin.volatility"): fine_percents(t, [s.volatility.horizon for s, _ in seen]),
        t("coin.var"): fine_percents(t, [at_level(s.value_at_risk, 0.95) for s, _ in seen]),
        t("data.source"): [source_name(t, s.provenance.source) for s, _ in seen],
    }


def overview_csv(forecast: Forecast | None, seen: Seen) -> str:
    """One figure a row, with the day or the instant that it is about."""
    rows: list[tuple[object, ...]] = []
    if forecast is not None:
        interval = forecast.interval(0.8)
        figures = {
            "last_close": forecast.last_close,
            "median": forecast.median,
            "lower_80": interval and interval.lower,
            "upper_80": interval and interval.upper,
            "probability_up": forecast.probability_up,
            "random_walk": forecast.random_walk,
        }
        about = dict.fromkeys(figures, forecast.target) | {"last_close": forecast.today}
        market = (forecast.symbol, forecast.provenance.source)
        rows += [(*market, about[name], name, it) for name, it in figures.items()]
    for signal, hours in seen:
        change = day_change(hours)
        coin = {
            "last_close": signal.last_close,
            "change_24h": None if change is None else round(change, 6),
            "vol_regime": signal.vol_regime,
            "risk_score": signal.risk_score,
            "volatility": signal.volatility.horizon,
            "value_at_risk_95": at_level(signal.value_at_risk, 0.95),
        }
        ends = dict.fromkeys(coin, signal.target_time)
        ends |= {"last_close": signal.origin, "change_24h": signal.origin}
        rows += [
            (signal.symbol, signal.provenance.source, end, name, figure)
            for (name, figure), end in zip(coin.items(), ends.values(), strict=True)
        ]
    return csv_text(("market", "source", "about", "figure", "value"), rows)


def prices_numbers(
    t: Translator,
    gold: History | None,
    forecast: Forecast | None,
    seen: Seen,
    zone: tzinfo,
    *,
    sessions: int,
    file: str,
) -> Numbers:
    """What the small lines draw: gold's last closes by session, the coins' by the hour."""
    closes: list[_Close] = []
    if gold is not None and forecast is not None:
        market = (gold.symbol, t("nav.gold"), gold.provenance.source)
        closes += [
            _Close(*market, bar.session, money(t, bar.close, forecast.currency), bar.close)
            for bar in gold.bars[-sessions:]
        ]
    for signal, hours in seen:
        market = (signal.symbol, signal.symbol, signal.provenance.source)
        closes += [
            _Close(*market, h.time, price(t, h.close, signal.quote), h.close)
            for h in (hours.hours if hours else ())
        ]

    def moment(when: date) -> str:
        return short_instant(t, when, zone) if isinstance(when, datetime) else short_date(t, when)

    return Numbers.of(
        [
            Column("market", [each.symbol for each in closes]),
            Column("", [each.name for each in closes], t("table.market")),
            Column("source", [each.source for each in closes]),
            Column("until", [each.until for each in closes], t("table.until"), moment),
            Column("", [each.words for each in closes], t("table.close")),
            Column("close", [each.close for each in closes]),
        ],
        file=file,
    )
