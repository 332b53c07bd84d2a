"""The first glance at a coin: risk, regime, volatility, and what may be lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from assay_frontend.api.crypto_models import Signal
from assay_frontend.api.models import at_level
from assay_frontend.components.headline import figure_html
from assay_frontend.components.regimes import regime_html
from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    ahead,
    fine_percent,
    fine_percents,
    instant,
    length,
    percent,
    price,
    risk_percent,
    short_instant,
)
from assay_frontend.markets import DAY_MINUTES, EXCHANGES, MINUTES, CoinChoice

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def coin_headline_html(t: Translator, signal: Signal, zone: tzinfo) -> str:
    """Title, what it was made from, and four figures."""
    figures = [
        figure_html(
            t("coin.risk"),
            risk_percent(t, signal.risk_score),
            t("coin.risk.note"),
            unit=t("coin.risk.unit", ahead=ahead(t, signal.horizon_minutes)),
        ),
        figure_html(t("coin.regime"), regime_html(t, signal.vol_regime), t("coin.regime.note")),
        figure_html(t("coin.volatility"), *_volatility(t, signal)),
        figure_html(t("coin.var"), *_value_at_risk(t, signal)),
    ]
    heading = _title(t, signal.symbol, signal.horizon_minutes)
    return (
        f'<section class="assay-hero"><h1>{html_text(heading)}</h1>'
        f'<p class="lede">{html_text(_lede(t, signal, zone))}</p><dl>{"".join(figures)}</dl>'
        "</section>"
    )


def empty_coin_headline_html(t: Translator, choice: CoinChoice, *, refused: bool) -> str:
    """The page's heading where no signal was ever had, or where none can be."""
    heading = _title(t, choice.symbol, choice.horizon_minutes)
    if refused:
        heading = t("coin.title.refused", symbol=choice.symbol)
    return f'<section class="assay-hero"><h1>{html_text(heading)}</h1></section>'


def _title(t: Translator, symbol: str, horizon_minutes: int) -> str:
    return t("coin.title", symbol=symbol, ahead=ahead(t, horizon_minutes))


def source_name(t: Translator, source: str) -> str:
    """`Binance`, `Simulation`, or the name as it came."""
    return EXCHANGES.get(source) or t.named("source", source)


def timeframe_words(t: Translator, timeframe: str) -> str:
    """`1 hour`; of a timeframe that this page does not offer its name."""
    minutes = MINUTES.get(timeframe)
    if minutes is None:
        return timeframe
    return t("span.day", n=1) if minutes == DAY_MINUTES else length(t, minutes)


def _lede(t: Translator, signal: Signal, zone: tzinfo) -> str:
    origin, close = signal.origin or signal.provenance.as_of, signal.last_close
    parts = [
        t(
            "coin.lede",
            source=source_name(t, signal.provenance.source),
            until=MISSING if origin is None else instant(t, origin, zone),
        )
    ]
    if close is not None and close > 0:
        end = _last_bars_end(signal)
        said = {
            "close": price(t, close, signal.quote),
            "change": percent(t, signal.last_return, 2, signed=True),
            "bar": timeframe_words(t, signal.timeframe),
        }
        if end is None or end == origin:
            parts.append(t("coin.lede.close", **said))
        else:
            parts.append(t("coin.lede.close.earlier", end=short_instant(t, end, zone), **said))
    return " ".join(parts)


def _last_bars_end(signal: Signal) -> datetime | None:
    """Of the timeframe's own bars, which need not be those that the figures are made from: they end
    at whole multiples of their length, in UTC.
    """
    minutes, newest = MINUTES.get(signal.timeframe), signal.provenance.as_of
    if minutes is None or newest is None:
        return None
    return newest - (newest - EPOCH) % timedelta(minutes=minutes)


def _volatility(t: Translator, signal: Signal) -> tuple[str, str]:
    found = signal.volatility
    interval = ""
    if found.lower is not None and found.upper is not None:
        lower, upper = fine_percents(t, [found.lower, found.upper])
        interval = t("coin.volatility.range", lower=lower, upper=upper)
    a_year = t("coin.volatility.year", annualized=fine_percent(t, found.annualized))
    return fine_percent(t, found.horizon), f"{interval} {a_year}".strip()


def _value_at_risk(t: Translator, signal: Signal) -> tuple[str, str]:
    shortfall = at_level(signal.expected_shortfall, 0.95)
    note = t("coin.var.note", shortfall=fine_percent(t, shortfall))
    return fine_percent(t, at_level(signal.value_at_risk, 0.95)), note
