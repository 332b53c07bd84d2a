"""Regimes: a mark that fills up and a word, so that colour is never needed."""

from __future__ import annotations

from typing import Final

from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator

MARKS: Final = {
    "calm": "\N{WHITE CIRCLE}",
    "normal": "\N{CIRCLE WITH LEFT HALF BLACK}",
    "turbulent": "\N{BLACK CIRCLE}",
}


def regime_word(t: Translator, regime: str) -> str:
    return t.named("regime", regime)


def regime_text(t: Translator, regime: str) -> str:
    """`◐ normal`."""
    return f"{MARKS.get(regime, '')} {regime_word(t, regime)}".strip()


def regime_html(t: Translator, regime: str) -> str:
    """The same; the style sheet draws the mark, in the regime's colour."""
    word = regime_word(t, regime)
    word = html_text(word[:1].upper() + word[1:])
    if regime not in MARKS:
        return word
    return f'<span class="assay-mark {regime}" aria-hidden="true"></span>{word}'
