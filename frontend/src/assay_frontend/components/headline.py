"""The first glance: which session, median, range, chance of a rise, and the random walk."""

from __future__ import annotations

from assay_frontend.api.models import Forecast
from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, long_date, money, percent


def price_unit(t: Translator, currency: str) -> str:
    return t("hero.unit.USD") if currency == "USD" else t("hero.unit", currency=currency)


def range_words(t: Translator, forecast: Forecast, level: float) -> str:
    """`$3,190.10 to $3,272.80`, or a dash where the forecast has no such range."""
    interval = forecast.interval(level)
    if interval is None:
        return MISSING
    return t(
        "hero.range.value",
        lower=money(t, interval.lower, forecast.currency),
        upper=money(t, interval.upper, forecast.currency),
    )


def headline_html(t: Translator, forecast: Forecast) -> str:
    """Title, what it was made from, and four figures."""
    title = t("hero.title", date=long_date(t, forecast.target))
    lede = t("hero.lede", today=long_date(t, forecast.today))
    return (
        f'<section class="assay-hero"><h1>{html_text(title)}</h1>'
        f'<p class="lede">{html_text(lede)}</p>{figures_html(t, forecast)}</section>'
    )


def figures_html(t: Translator, forecast: Forecast) -> str:
    """Median, range, chance of a rise, and the random walk."""
    currency = forecast.currency
    change = t(
        "hero.change",
        change=money(t, forecast.median - forecast.last_close, currency, signed=True),
        share=percent(t, forecast.median / forecast.last_close - 1, 2, signed=True),
    )
    figures = [
        figure_html(
            t("hero.median"),
            html_text(money(t, forecast.median, currency)),
            change,
            unit=price_unit(t, currency),
        ),
        figure_html(
            t("hero.range"), html_text(range_words(t, forecast, 0.8)), t("hero.range.note")
        ),
        figure_html(t("hero.rise"), percent(t, forecast.probability_up), t("hero.rise.note")),
        figure_html(
            t("hero.walk"),
            html_text(money(t, forecast.random_walk, currency)),
            _walk_note(t, forecast),
        ),
    ]
    return f"<dl>{''.join(figures)}</dl>"


def empty_headline_html(t: Translator) -> str:
    """The page's heading where no forecast was ever had."""
    return f'<section class="assay-hero"><h1>{html_text(t("hero.empty"))}</h1></section>'


def _walk_note(t: Translator, forecast: Forecast) -> str:
    verdict = forecast.skill.verdict if forecast.skill else ""
    known = verdict if verdict in {"edge", "no_edge"} else "unknown"
    return t(f"hero.walk.{known}")


def figure_html(term: str, value_html: str, note: str, *, unit: str | None = None) -> str:
    """One figure of the first glance; the one with a `unit` is the largest."""
    kind = "figure median" if unit else "figure"
    unit_html = f'<dd class="unit">{html_text(unit)}</dd>' if unit else ""
    return (
        f'<div><dt>{html_text(term)}</dt><dd class="{kind}">{value_html}</dd>'
        f'{unit_html}<dd class="note">{html_text(note)}</dd></div>'
    )
