"""The risk score on its scale, and how such scores were borne out."""

from __future__ import annotations

from collections.abc import Sequence

from assay_frontend.api.track_models import ReliabilityPoint
from assay_frontend.components.chance import chance_band
from assay_frontend.components.regime_chart import USUAL_RISK
from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number, percent, risk_percent

LEAST_CASES = 10


def gauge_html(t: Translator, score: float) -> str:
    """A scale from 0 to 100 %, filled up to the score, with a tick at the usual 20 %;
    quiet up to there.
    """
    said, usual = risk_percent(t, score), percent(t, USUAL_RISK)
    kind = "high" if score > USUAL_RISK else "usual"
    return (
        f'<p class="assay-gauge-score" aria-hidden="true">{html_text(said)}</p>'
        f'<div class="assay-gauge {kind}" role="img" '
        f'aria-label="{html_text(t("gauge.alt", risk=said))}">'
        f'<span style="width:{100 * score:.2f}%"></span>'
        f'<i style="left:{100 * USUAL_RISK:.0f}%"></i></div>'
        f'<p class="assay-gauge-words"><span>{html_text(percent(t, 0.0))}</span>'
        f'<span style="left:{100 * USUAL_RISK:.0f}%">{html_text(t("gauge.usual", usual=usual))}'
        f"</span><span>{html_text(percent(t, 1.0))}</span></p>"
    )


def like_cases(points: Sequence[ReliabilityPoint], score: float) -> ReliabilityPoint | None:
    """The tenth of the scale that the score lies in."""
    return next((p for p in points if _tenth(p.said) == _tenth(score)), None)


def _tenth(score: float) -> int:
    return min(int(score * 10 + 1e-9), 9)


def like_sentence(t: Translator, points: Sequence[ReliabilityPoint], score: float) -> str:
    """What came of the scores of this one's tenth, and whether chance alone explains the
    difference from what they said on average.
    """
    point, tenth = like_cases(points, score), _tenth(score)
    ends = {"low": percent(t, tenth / 10), "high": percent(t, (tenth + 1) / 10)}
    if point is None or point.n < LEAST_CASES:
        return t("gauge.like.few", n=number(t, point.n if point else 0), **ends)
    low, high = chance_band(point.n, min(max(point.said, 1e-6), 1 - 1e-6))
    hits = round(point.happened * point.n)
    kind = "as_said" if low <= hits <= high else "more" if hits > high else "less"
    sentence = t(
        "gauge.like",
        n=number(t, point.n),
        said=risk_percent(t, point.said),
        happened=risk_percent(t, point.happened),
        **ends,
    )
    return f"{sentence} {t(f'gauge.like.{kind}')}"
