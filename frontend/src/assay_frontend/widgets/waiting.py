"""What a reader sees while an answer is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from assay_frontend.components.skeleton import skeleton_html

_SEEN = "assay_seen"


@contextmanager
def waiting(words: str, *, part: str, whole: bool = True) -> Iterator[None]:
    """Before the first answer the shape of the page; later, over the picture that stays, `words`
    where it takes more than a moment. Nothing moves but at the first answer.

    `part` names what waits: a page, or a part of one that is not the `whole`.
    """
    seen: set[str] = st.session_state.setdefault(_SEEN, set())
    with st.container(key=f"assay_wait_{part}"):
        place = st.empty()
        if part in seen:
            with st.spinner(words):
                yield
            return
        place.html(skeleton_html(words, whole=whole))
        try:
            yield
        finally:
            place.empty()
        seen.add(part)
