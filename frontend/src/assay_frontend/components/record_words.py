"""What a track record shows so far, in sentences (Markdown), with what chance alone could do."""

from __future__ import annotations

from assay_frontend.api.track_models import GoldRecord, Rate, SignalRecord
from assay_frontend.components.chance import against_chance, chance_band
from assay_frontend.components.evidence import evidence_words
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import level as level_words
from assay_frontend.i18n.formats import number, percent, risk_percent

FEW = 250  # outcomes
_SAME = 0.0005


def gold_sentences(t: Translator, record: GoldRecord) -> list[str]:
    """Ranges first, then skill and direction, then how much that says."""
    if not record.counted:
        return []
    sentences = [
        t(
            f"record.words.held.{_kind(rate, level)}",
            level=level_words(t, level),
            **_share(t, rate, level),
        )
        for level, rate in record.coverage
        if level in (0.5, 0.8, 0.95) and rate.n
    ]
    sentences += _skill(t, record)
    if (direction := record.direction).n:
        sentences.append(
            t(f"record.words.direction.{_kind(direction, 0.5)}", **_share(t, direction, 0.5))
        )
    return [*sentences, *few_words(t, record.counted)]


def signal_sentences(t: Translator, record: SignalRecord) -> list[str]:
    """Risk scores, ranges of volatility, value at risk, then how much that says."""
    if not record.counted:
        return []
    sentences = []
    if record.risk_score is not None and record.events.n:
        said = min(max(record.risk_score, 1e-6), 1 - 1e-6)
        kind = _kind(record.events, said)
        share = _share(t, record.events, said)
        sentences.append(
            t(f"record.words.risk.{kind}", said=risk_percent(t, record.risk_score), **share)
        )
    if record.brier_skill is not None:
        sign = "better" if record.brier_skill > 0 else "worse"
        skill = percent(t, abs(record.brier_skill))
        sentences.append(t(f"record.words.brier.{sign}", share=skill))
    sentences += [
        t("record.words.volatility." + _kind(rate, level), **_share(t, rate, level))
        for level, rate in record.coverage
        if rate.n
    ]
    sentences += [
        t(
            f"record.words.var.{_kind(rate, 1 - confidence)}",
            level=level_words(t, confidence),
            **_share(t, rate, 1 - confidence),
        )
        for confidence, rate in record.value_at_risk
        if rate.n
    ]
    return [*sentences, *few_words(t, record.counted)]


def _kind(rate: Rate, nominal: float) -> str:
    return against_chance(rate.hits, rate.n, nominal)


def _share(t: Translator, rate: Rate, nominal: float) -> dict[str, str]:
    low, high = chance_band(rate.n, nominal)
    return {
        "hits": number(t, rate.hits),
        "n": number(t, rate.n),
        "share": percent(t, rate.rate, 1),
        "low": number(t, low),
        "high": number(t, high),
    }


def _skill(t: Translator, record: GoldRecord) -> list[str]:
    if record.crps_skill is None:
        return []
    same = abs(record.crps_skill) < _SAME
    kind = "same" if same else "better" if record.crps_skill > 0 else "worse"
    said = t(f"record.words.skill.{kind}", share=percent(t, abs(record.crps_skill), 1))
    if record.crps_p_value is None:
        return [said]
    evidence = evidence_words(t, record.crps_p_value)
    return [f"{said} {t('record.words.skill.evidence', evidence=evidence)}"]


def few_words(t: Translator, n: int) -> list[str]:
    """How much chance has to say, while outcomes are few."""
    return [t("record.words.few", n=number(t, n))] if n < FEW else []
