"""How far to trust the forecast, in sentences (Markdown)."""

from __future__ import annotations

from assay_frontend.api.models import Evaluation, Forecast, Skill, at_level
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number, p_value, percent, short_date

SIGNIFICANT = 0.05
_SAME = 0.0005  # a ratio this near to one reads as 0.0%


def verdict_sentences(
    t: Translator, forecast: Forecast, evaluation: Evaluation | None
) -> list[str]:
    """The verdict first, then errors, coverage, sharpness, and what kind of model it is."""
    skill = forecast.skill
    verdict = skill.verdict if skill and skill.verdict in {"edge", "no_edge"} else "unknown"
    sentences = [t(f"verdict.{verdict}")]
    if skill:
        sentences += [*_error(t, skill), *_coverage(t, skill, evaluation), *_sharpness(t, skill)]
    return [*sentences, _model(t, forecast, evaluation)]


def _error(t: Translator, skill: Skill) -> list[str]:
    ratio = skill.rmse_vs_random_walk
    if ratio is None or not (skill.origins and skill.evaluated_from and skill.evaluated_to):
        return []
    kind = "same" if abs(ratio - 1) < _SAME else "better" if ratio < 1 else "worse"
    return [
        t(
            f"verdict.rmse.{kind}",
            n=number(t, skill.origins),
            start=short_date(t, skill.evaluated_from),
            end=short_date(t, skill.evaluated_to),
            share=percent(t, abs(ratio - 1), 1),
            p=_p(t, skill.p_value),
        )
    ]


def _coverage(t: Translator, skill: Skill, evaluation: Evaluation | None) -> list[str]:
    """From the forecast itself; else from the champion's row of the leaderboard."""
    coverage, origins = skill.coverage, skill.origins
    row = evaluation.row(evaluation.champion) if evaluation else None
    if not coverage and evaluation and row:
        coverage, origins = row.coverage, evaluation.n
    held = {level: at_level(coverage, level) for level in (0.5, 0.8, 0.95)}
    if held[0.8] is None or not origins:
        return []
    key = "verdict.held80" if None in held.values() else "verdict.held"
    return [
        t(
            key,
            n=number(t, origins),
            held50=percent(t, held[0.5]),
            held80=percent(t, held[0.8]),
            held95=percent(t, held[0.95]),
        )
    ]


def _sharpness(t: Translator, skill: Skill) -> list[str]:
    ratio, p = skill.crps_vs_random_walk, skill.crps_p_value
    if ratio is None:
        return []
    share = percent(t, abs(ratio - 1), 1)
    if ratio >= 1:
        return [t("verdict.sharp.no", share=share, p=_p(t, p))]
    if p is None:
        return [t("verdict.sharp.untested", share=share)]
    kind = "proven" if p < SIGNIFICANT else "unproven"
    return [t(f"verdict.sharp.{kind}", share=share, p=_p(t, p))]


def _p(t: Translator, value: float | None) -> str:
    if value is None:
        return ""
    text = p_value(t, value)
    return t("verdict.p", relation=text if text.startswith("<") else f"= {text}")


def _model(t: Translator, forecast: Forecast, evaluation: Evaluation | None) -> str:
    """Speaks of rival networks only where the leaderboard shows them."""
    if forecast.is_network:
        return t("verdict.network", kind=forecast.model_type)
    name = t.named("model", forecast.model_type)
    networks = evaluation.networks if evaluation else ()
    if not networks:
        return t("verdict.benchmark", name=name)
    kind = "one" if len(networks) == 1 else "several"
    return t(f"verdict.benchmark.{kind}", name=name, networks=", ".join(networks))
