"""A report as Markdown, with GitHub's tables. Plots are left out: the tables have the figures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assay_backend.report.blocks import (
    Block,
    Bullets,
    Code,
    Figures,
    Paragraph,
    Plot,
    Report,
    Section,
    Table,
)

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~])")
# What would begin a list or a heading.
_NUMBERED = re.compile(r"^(\d+)([.)])")
_MARKED = re.compile(r"^([#+-])")


def markdown(report: Report) -> str:
    """The whole document, ending with a newline."""
    parts = [f"# {escaped(report.title)}", escaped(report.subtitle)]
    if report.banner:
        parts.append(f"> **{escaped(report.banner)}**")
    parts += [_section(section) for section in report.sections]
    parts += ["---", escaped(report.footer)]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    r"""`text` on one line, with no character that Markdown or HTML would take for its own.

    >>> print(escaped("a|b <c>"))
    a\|b \<c\>
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()).replace("&", "&amp;"))


def _line(text: str) -> str:
    """The same where it begins a line."""
    return _MARKED.sub(r"\\\1", _NUMBERED.sub(r"\1\\\2", escaped(text)))


def _section(section: Section) -> str:
    blocks = [text for block in section.blocks if (text := _block(block))]
    return "\n\n".join([f"## {escaped(section.title)}", *blocks])


def _block(block: Block) -> str:
    match block:
        case Paragraph(text, tone):
            return f"**{escaped(text)}**" if tone == "warning" else _line(text)
        case Bullets(items):
            return "\n".join(f"- {_line(item)}" for item in items)
        case Table():
            return _table(block)
        case Figures(items):
            return "\n".join(f"- {escaped(name)}: **{escaped(value)}**" for name, value in items)
        case Code(text):
            return f"    {text}"
        case Plot():
            return ""


def _table(table: Table) -> str:
    ruler = ["---:" if column in table.right else "---" for column in range(len(table.header))]
    cells = [[escaped(cell) for cell in row] for row in (table.header, *table.rows)]
    return "\n".join(_row(row) for row in (cells[0], ruler, *cells[1:]))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell or ' ' for cell in cells)} |"
