"""The track record's first glance: what was promised, and what held."""

from __future__ import annotations

from assay_frontend.api.track_models import GoldRecord, Rate, SignalRecord
from assay_frontend.components.headline import figure_html
from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    number,
    percent,
    ratio_change,
    risk_percent,
    short_date,
)


def gold_record_html(t: Translator, record: GoldRecord) -> str:
    """How often the 80 % ranges held, direction, skill, and how many are scored."""
    held = record.rate_at(0.8)
    figures = [
        figure_html(
            t("record.hero.held"),
            percent(t, held.rate if held else None),
            _of(t, held),
            unit=t("record.hero.held.unit"),
        ),
        figure_html(
            t("record.hero.direction"),
            percent(t, record.direction.rate),
            _of(t, record.direction),
        ),
        figure_html(
            t("record.hero.skill"),
            ratio_change(t, None if record.crps_skill is None else 1 - record.crps_skill),
            t("record.hero.skill.note"),
        ),
        figure_html(
            t("record.hero.scored"), number(t, record.counted), _waiting(t, record.pending)
        ),
    ]
    lede = t("record.lede.none")
    if record.first_target and record.last_target:
        lede = t(
            "record.lede.gold",
            n=number(t, record.counted),
            first=short_date(t, record.first_target),
            last=short_date(t, record.last_target),
        )
    return _hero(t, lede, figures)


def signal_record_html(t: Translator, record: SignalRecord) -> str:
    """What scores said and what happened, ranges, value at risk, and how many are scored."""
    held = dict(record.coverage).get(0.8)
    beyond = dict(record.value_at_risk).get(0.95)
    score = record.risk_score
    said = MISSING if score is None else risk_percent(t, score)
    figures = [
        figure_html(
            t("record.hero.happened"),
            percent(t, record.events.rate),
            _of(t, record.events),
            unit=t("record.hero.happened.unit", said=said),
        ),
        figure_html(
            t("record.hero.volatility"), percent(t, held.rate if held else None), _of(t, held)
        ),
        figure_html(
            t("record.hero.var"), percent(t, beyond.rate if beyond else None, 1), _of(t, beyond)
        ),
        figure_html(
            t("record.hero.scored"), number(t, record.counted), _waiting(t, record.pending)
        ),
    ]
    key = "record.lede.signals" if record.counted else "record.lede.signals.none"
    return _hero(t, t(key, n=number(t, record.counted), symbol=record.symbol), figures)


def empty_record_html(t: Translator) -> str:
    """The page's heading where nothing was ever received."""
    return f'<section class="assay-hero"><h1>{html_text(t("record.title"))}</h1></section>'


def _hero(t: Translator, lede: str, figures: list[str]) -> str:
    return (
        f'<section class="assay-hero"><h1>{html_text(t("record.title"))}</h1>'
        f'<p class="lede">{html_text(lede)}</p><dl>{"".join(figures)}</dl></section>'
    )


def _of(t: Translator, rate: Rate | None) -> str:
    if rate is None or not rate.n:
        return t("record.none_yet")
    return t("record.of", hits=number(t, rate.hits), n=number(t, rate.n))


def _waiting(t: Translator, pending: int) -> str:
    return t("record.waiting", n=number(t, pending)) if pending else MISSING
