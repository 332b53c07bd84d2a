"""What the figures of a signal mean, in sentences (Markdown)."""

from __future__ import annotations

import math

from assay_frontend.api.crypto_models import Signal
from assay_frontend.api.models import at_level
from assay_frontend.components.regimes import regime_text
from assay_frontend.components.text import markdown_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import ahead, fine_percent, fine_percents, percent, risk_percent
from assay_frontend.markets import DAY_MINUTES

USUAL_RISK = 0.2  # by its definition: one span in five ends above the 80th percentile
_ABOUT_USUAL = 0.02
HARDLY_SKILLED_MINUTES = 7 * DAY_MINUTES


def meaning_sentences(t: Translator, signal: Signal) -> list[str]:
    """Risk, what it is worth, volatility, value at risk, a large fall, and the regime."""
    return [
        _risk(t, signal),
        *_skill(t, signal),
        _volatility(t, signal),
        *_value_at_risk(t, signal),
        *_tail(t, signal),
        t("coin.means.regime", regime=regime_text(t, signal.vol_regime)),
    ]


def fallback_sentences(t: Translator, signal: Signal) -> list[str]:
    """What was done without; a code that has no sentence yet stands for itself."""
    return [markdown_text(t.named("fallback", code)) for code in signal.fallbacks]


def benchmark_words(t: Translator, signal: Signal) -> str | None:
    """What the benchmark says of the same time: `HAR: 2.1%`."""
    found = signal.explanation
    if found is None or found.benchmark is None or found.benchmark_volatility is None:
        return None
    name = t.named("model", found.benchmark)
    return f"{name}: {fine_percent(t, found.benchmark_volatility)}"


def _risk(t: Translator, signal: Signal) -> str:
    score, distance = signal.risk_score, signal.risk_score - USUAL_RISK
    kind = "usual" if abs(distance) < _ABOUT_USUAL else "higher" if distance > 0 else "lower"
    threshold = signal.volatility.threshold
    limit = t("coin.means.limit", value=fine_percent(t, threshold)) if threshold else ""
    sentence = t(
        "coin.means.risk",
        score=risk_percent(t, score),
        ahead=ahead(t, signal.horizon_minutes),
        limit=limit,
    )
    return f"{sentence} {t(f'coin.means.risk.{kind}')}"


def _skill(t: Translator, signal: Signal) -> list[str]:
    long = signal.horizon_minutes >= HARDLY_SKILLED_MINUTES
    return [t("coin.means.skill")] if long else []


def _volatility(t: Translator, signal: Signal) -> str:
    found = signal.volatility
    parts = [
        t(
            "coin.means.volatility",
            ahead=ahead(t, signal.horizon_minutes),
            value=fine_percent(t, found.horizon),
        )
    ]
    if found.lower is not None and found.upper is not None:
        lower, upper = fine_percents(t, [found.lower, found.upper])
        parts.append(t("coin.means.range", lower=lower, upper=upper))
    if found.percentile is not None:
        parts.append(t("coin.means.percentile", share=percent(t, found.percentile)))
    return " ".join(parts)


def _value_at_risk(t: Translator, signal: Signal) -> list[str]:
    risks = [
        at_level(pairs, level)
        for level in (0.95, 0.99)
        for pairs in (signal.value_at_risk, signal.expected_shortfall)
    ]
    if None in risks:
        return []
    names = ("var95", "es95", "var99", "es99")
    values = {name: fine_percent(t, risk) for name, risk in zip(names, risks, strict=True)}
    return [t("coin.means.var", ahead=ahead(t, signal.horizon_minutes), **values)]


def _tail(t: Translator, signal: Signal) -> list[str]:
    chance, fall = signal.tail_loss_probability, signal.tail_loss_return
    if chance is None:
        return []
    if fall is None or fall >= 0:
        return [t("coin.means.tail", chance=risk_percent(t, chance))]
    loss = fine_percent(t, -math.expm1(fall))
    return [t("coin.means.tail.of", chance=risk_percent(t, chance), loss=loss)]
