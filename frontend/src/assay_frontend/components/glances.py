"""A watched coin in a card: price, regime, risk, volatility, its past week, and yesterday."""

from __future__ import annotations

from assay_frontend.api.crypto_models import CoinHours, PastHour, Signal
from assay_frontend.components.coin_headline import source_name
from assay_frontend.components.regimes import regime_html, regime_word
from assay_frontend.components.sparkline import sparkline_html
from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, ahead, fine_percent, percent, price, risk_percent
from assay_frontend.markets import CoinChoice
from assay_frontend.theme.palette import Palette

DAY_HOURS = 24


def coin_card_html(t: Translator, signal: Signal, hours: CoinHours | None, colours: Palette) -> str:
    """What a glance at the coin says."""
    facts = [
        (t("coin.regime"), regime_html(t, signal.vol_regime)),
        (t("over.risk"), html_text(risk_percent(t, signal.risk_score))),
        (
            t("over.volatility", ahead=ahead(t, signal.horizon_minutes)),
            html_text(fine_percent(t, signal.volatility.horizon)),
        ),
    ]
    items = "".join(f"<div><dt>{html_text(a)}</dt><dd>{b}</dd></div>" for a, b in facts)
    return (
        f'<div class="assay-card"><h3>{html_text(signal.symbol)}</h3>'
        f"<p>{html_text(_price_words(t, signal, hours))}</p>{_spark(t, hours, colours)}"
        f"<dl>{items}</dl></div>"
    )


def empty_card_html(t: Translator, choice: CoinChoice, why: str) -> str:
    """The same where no signal was ever had."""
    return (
        f'<div class="assay-card"><h3>{html_text(choice.symbol)}</h3>'
        f"<p>{html_text(t('over.coin.none'))} {html_text(why)}</p></div>"
    )


def _price_words(t: Translator, signal: Signal, hours: CoinHours | None) -> str:
    close = price(t, signal.last_close, signal.quote) if signal.last_close else MISSING
    change = day_change(hours)
    source = source_name(t, signal.provenance.source)
    if change is None:
        return t("over.coin.price", close=close, source=source)
    return t(
        "over.coin.moved", close=close, change=percent(t, change, 1, signed=True), source=source
    )


def day_change(hours: CoinHours | None) -> float | None:
    """The price's simple return over the last 24 hours."""
    before = hours.before(DAY_HOURS) if hours else None
    return hours.hours[-1].close / before.close - 1 if hours and before else None


def _spark(t: Translator, hours: CoinHours | None, colours: Palette) -> str:
    if hours is None or len(hours.hours) < 2:
        return ""
    closes = [hour.close for hour in hours.hours]
    quote = hours.symbol.partition("/")[2]
    alt = t(
        "over.spark",
        symbol=hours.symbol,
        n=len(closes),
        first=price(t, closes[0], quote),
        last=price(t, closes[-1], quote),
        low=price(t, min(closes), quote),
        high=price(t, max(closes), quote),
    )
    return sparkline_html(closes, colours, alt=alt)


def yesterday_sentence(t: Translator, signal: Signal, hours: CoinHours | None) -> str | None:
    """How the coin's price, regime and risk stand to those of 24 hours ago."""
    before = hours.before(DAY_HOURS) if hours else None
    change = day_change(hours)
    if before is None or change is None:
        return None
    parts = [
        t("over.changed.price", symbol=signal.symbol, change=percent(t, change, 1, signed=True)),
        _regime_change(t, signal, before),
        _risk_change(t, signal, before),
    ]
    return " ".join(part for part in parts if part)


def _regime_change(t: Translator, signal: Signal, before: PastHour) -> str:
    if before.regime is None:
        return ""
    now, then = (regime_word(t, name) for name in (signal.vol_regime, before.regime))
    kind = "same" if signal.vol_regime == before.regime else "new"
    return t(f"over.changed.regime.{kind}", now=now, then=then)


def _risk_change(t: Translator, signal: Signal, before: PastHour) -> str:
    if before.risk_score is None:
        return ""
    now, then = (risk_percent(t, score) for score in (signal.risk_score, before.risk_score))
    return t(f"over.changed.risk.{'same' if now == then else 'new'}", now=now, then=then)
