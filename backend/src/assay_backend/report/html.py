"""A report as one HTML file that needs nothing else: no script, font or picture of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources

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

# What the page may load, which is nothing; sent with it, and written into it for the file.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

Pictures = Mapping[str, str]


def html(report: Report, pictures: Pictures) -> str:
    """The whole document; `pictures` are SVG elements by the plots' names, made by `plots`."""
    style = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    banner = f'<p class="banner" role="status">{escape(report.banner)}</p>' if report.banner else ""
    sections = "\n".join(_section(section, pictures) for section in report.sections)
    return f"""<!doctype html>
<html lang="{escape(report.language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="color-scheme" content="light">
<title>{escape(report.title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header><h1>{escape(report.title)}</h1><p>{escape(report.subtitle)}</p></header>
{banner}
{sections}
</main>
<footer>{escape(report.footer)}</footer>
</body>
</html>
"""


def _section(section: Section, pictures: Pictures) -> str:
    blocks = "\n".join(_block(block, pictures) for block in section.blocks)
    return f"<section>\n<h2>{escape(section.title)}</h2>\n{blocks}\n</section>"


def _block(block: Block, pictures: Pictures) -> str:
    match block:
        case Paragraph(text, tone):
            return f'<p class="{tone}">{escape(text)}</p>'
        case Bullets(items, tone):
            return _list(items, tone)
        case Table():
            return _table(block)
        case Figures(items):
            pairs = (f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in items)
            return f"<dl>{''.join(pairs)}</dl>"
        case Code(text):
            return f"<pre>{escape(text)}</pre>"
        case Plot(name, caption):
            return _figure(pictures.get(name), caption)


def _list(items: Sequence[str], tone: str) -> str:
    return f'<ul class="{tone}">{"".join(f"<li>{escape(item)}</li>" for item in items)}</ul>'


def _table(table: Table) -> str:
    head = _row(table.header, "th", table.right)
    body = "\n".join(_row(row, "td", table.right) for row in table.rows)
    return (
        f'<div class="wide"><table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


def _row(cells: Sequence[str], tag: str, right: frozenset[int]) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    parts = []
    for column, cell in enumerate(cells):
        side = ' class="right"' if column in right else ""
        parts.append(f"<{tag}{scope}{side}>{escape(cell)}</{tag}>")
    return f"<tr>{''.join(parts)}</tr>"


def _figure(picture: str | None, caption: str) -> str:
    if picture is None:
        return ""
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"
