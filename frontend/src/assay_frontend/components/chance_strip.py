"""The chance of a rise against that of a fall, as one strip."""

from __future__ import annotations

from assay_frontend.components.text import html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import percent

_NEARLY_EVEN = 0.05


def chance_html(t: Translator, probability_up: float) -> str:
    """Falls to the left, rises to the right, a line at even odds; in words below."""
    down, up = (percent(t, share) for share in (1 - probability_up, probability_up))
    left = f"{100 * (1 - probability_up):.2f}%"
    alt = html_text(t("chance.alt", up=up, down=down))
    return (
        f'<div class="assay-strip" role="img" aria-label="{alt}">'
        f'<span style="width:{left}"></span><i></i></div>'
        f'<p class="assay-strip-words"><span>\N{BLACK DOWN-POINTING TRIANGLE} '
        f"{html_text(t('chance.fall', share=down))}</span>"
        f"<span>{html_text(t('chance.rise', share=up))} \N{BLACK UP-POINTING TRIANGLE}</span></p>"
    )


def chance_words(t: Translator, probability_up: float) -> str:
    """What to make of it."""
    even = abs(probability_up - 0.5) < _NEARLY_EVEN
    return t(f"chance.words.{'even' if even else 'leaning'}")
