"""Foreign text made safe for Markdown and HTML."""

from __future__ import annotations

import re
from html import escape

_BREAKS = re.compile(r"[^\S\xa0]+")  # a space that no line breaks stays one
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_MOST_CHARACTERS = 40


def markdown_text(text: str) -> str:
    """`text` as Markdown that shows it literally: two dollar signs make no mathematics."""
    return _PUNCTUATION.sub(r"\\\1", _BREAKS.sub(" ", text).strip())


def asked_text(asked: str) -> str:
    """What an address asks for, to be told in Markdown; cut where it is long."""
    if len(asked) > _MOST_CHARACTERS:
        asked = f"{asked[:_MOST_CHARACTERS]}…"
    return markdown_text(asked)


def dollars_escaped(markdown: str) -> str:
    """Our own Markdown, whose dollar signs are money and never mathematics."""
    return markdown.replace("$", "\\$")


def file_stem(*parts: str) -> str:
    """A file's name without its ending: letters and digits, joined by hyphens."""
    return "-".join(re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-").lower() for part in parts)


html_text = escape
