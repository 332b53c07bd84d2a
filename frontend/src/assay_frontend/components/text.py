"""Foreign text made safe for Markdown and HTML."""

from __future__ import annotations

import re
from html import escape

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def markdown_text(text: str) -> str:
    """`text` as Markdown that shows it literally: two dollar signs make no mathematics."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def dollars_escaped(markdown: str) -> str:
    """Our own Markdown, whose dollar signs are money and never mathematics."""
    return markdown.replace("$", "\\$")


html_text = escape
