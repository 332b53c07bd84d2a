"""p-values in words."""

from __future__ import annotations

from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, p_value

NO_BREAK = "\N{NO-BREAK SPACE}"
_STEPS = ((0.001, "very_strong"), (0.01, "strong"), (0.05, "some"), (0.1, "weak"))


def evidence_kind(p: float) -> str:
    """How hard a difference is to put down to chance."""
    return next((name for limit, name in _STEPS if p < limit), "none")


def evidence_words(t: Translator, p: float | None) -> str:
    """`strong evidence (p 0.004)`; a dash where nothing was tested."""
    if p is None:
        return MISSING
    return t("evidence.words", evidence=t(f"evidence.{evidence_kind(p)}"), p=_unbroken(t, p))


def directed_evidence(t: Translator, p: float | None, ratio: float | None) -> str:
    """`better: strong evidence (p 0.004)`; evidence of nothing points nowhere.

    `ratio` is a loss over the rival's, so below 1 is better.
    """
    words = evidence_words(t, p)
    if p is None or ratio is None or ratio == 1 or evidence_kind(p) == "none":
        return words
    return t(f"evidence.{'better' if ratio < 1 else 'worse'}", evidence=words)


def tail_evidence(t: Translator, p: float | None, rate: float | None, level: float) -> str:
    """`rarer than said, too cautious: some evidence (p 0.014)`, of losses beyond a value at risk.

    `rate` is how often they came, `level` how often they should; evidence of nothing points
    nowhere.
    """
    words = evidence_words(t, p)
    if p is None or rate is None or evidence_kind(p) == "none":
        return words
    return t(f"evidence.{'rarer' if rate < level else 'oftener'}", evidence=words)


def evenness_words(t: Translator, p: float | None) -> str:
    """Whether outcomes fell evenly; here a small p speaks against the model."""
    if p is None:
        return MISSING
    kind = "uneven" if p < 0.05 else "even"
    return t(f"evidence.{kind}", p=_unbroken(t, p))


def _unbroken(t: Translator, p: float) -> str:
    """The number stays on one line with its sign."""
    return p_value(t, p).replace(" ", NO_BREAK)
