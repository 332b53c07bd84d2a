"""Sentences of the training about models, which are English and call them by their code names."""

from __future__ import annotations

import re

from assay_frontend.components.text import html_text
from assay_frontend.i18n import translator

_CODE_NAME = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")


def models_named(text: str) -> str:
    """With the names that people know, in the sentence's own language."""
    named = translator("en").named
    return _CODE_NAME.sub(lambda found: named("model", found[0]), text)


def english_html(text: str) -> str:
    """Marked as English, so that no screen reader reads it out as the page's language."""
    return f'<span lang="en">{html_text(models_named(text))}</span>'
