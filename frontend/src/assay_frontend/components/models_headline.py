"""The models page's first glance: who makes the forecast, and whether that is any good."""

from __future__ import annotations

from datetime import date

from assay_frontend.api.models import Skill, at_level
from assay_frontend.api.registry_models import ChampionCard
from assay_frontend.components.evidence import evidence_words
from assay_frontend.components.headline import figure_html
from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    number,
    percent,
    ratio_change,
    short_date,
)


def models_headline_html(t: Translator, card: ChampionCard) -> str:
    skill = card.skill
    held = at_level(skill.coverage, 0.8)
    figures = [
        figure_html(
            t("models.hero.crps"),
            ratio_change(t, skill.crps_vs_random_walk),
            _evidence(t, skill.crps_p_value),
            unit=t("models.hero.crps.unit"),
        ),
        figure_html(
            t("models.hero.rmse"),
            ratio_change(t, skill.rmse_vs_random_walk),
            _evidence(t, skill.p_value),
        ),
        figure_html(t("models.hero.held"), percent(t, held, 1), _sessions(t, skill)),
        figure_html(
            t("models.hero.rivals"),
            number(t, len(card.evaluation.rows)),
            t("models.hero.rivals.note"),
        ),
    ]
    title = t("models.title", name=t.named("model", card.model_type))
    lede = t(
        "models.lede",
        version=card.version,
        start=short_date(t, card.trained_from),
        end=short_date(t, card.trained_to),
        n=number(t, card.evaluation.n),
        first=_day(t, card.evaluation.start),
        last=_day(t, card.evaluation.end),
    )
    return (
        f'<section class="assay-hero"><h1>{html_text(title)}</h1>'
        f'<p class="lede">{html_text(lede)}</p><dl>{"".join(figures)}</dl></section>'
    )


def empty_models_html(t: Translator) -> str:
    """The page's heading where no champion was ever told."""
    return f'<section class="assay-hero"><h1>{html_text(t("models.title.unknown"))}</h1></section>'


def _day(t: Translator, day: date | None) -> str:
    return MISSING if day is None else short_date(t, day)


def _evidence(t: Translator, p: float | None) -> str:
    return t("models.untested") if p is None else evidence_words(t, p)


def _sessions(t: Translator, skill: Skill) -> str:
    if skill.origins is None:
        return MISSING
    return t("models.hero.sessions", n=number(t, skill.origins))
