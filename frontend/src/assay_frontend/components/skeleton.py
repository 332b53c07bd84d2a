"""The shape of a page to come: shown until its first answer is there."""

from __future__ import annotations

from assay_frontend.components.text import html_text

_PAGE = f'<b></b><b class="short"></b><div>{"<i></i>" * 4}</div><u></u><u></u>'
_PART = "<u></u>"


def skeleton_html(words: str, *, whole: bool = True) -> str:
    """A heading, a row of figures and two blocks, about as high as what takes their place; of a
    part that is not the `whole` page one block.

    Whoever hears the page hears `words`; the style sheet lets the shapes breathe, unless a reader
    wants nothing to move.
    """
    return (
        f'<div class="assay-skeleton" role="status" aria-busy="true"><p>{html_text(words)}</p>'
        f'<div aria-hidden="true">{_PAGE if whole else _PART}</div></div>'
    )
