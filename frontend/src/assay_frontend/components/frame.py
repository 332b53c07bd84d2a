"""What every page shares: style, brand, language switch, and what the address asks for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st

from assay_frontend.components.text import html_text, markdown_text
from assay_frontend.i18n import (
    DEFAULT_LANGUAGE,
    LANGUAGES,
    Language,
    Translator,
    language_named,
    translator,
)
from assay_frontend.theme.palette import readers_palette, style_sheet

STATIC = Path(__file__).parent.parent / "static"
ICON = STATIC / "icon.png"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a query parameter chose; `refused` is its value where it is not on offer."""

    value: int
    refused: str | None


def chosen_language() -> tuple[Language, str | None]:
    """`?lang=`, else the browser's language, else English; and a refused value of `lang`."""
    asked = st.query_params.get("lang")
    named = language_named(asked)
    if named:
        return named, None
    return language_named(st.context.locale) or DEFAULT_LANGUAGE, asked


def show_frame() -> Translator:
    """Draws the page's head and gives the words that the rest of the page speaks."""
    language, refused = chosen_language()
    t = translator(language)
    st.html(style_sheet(readers_palette()))
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.html(_brand(t), width="content")
        _language_switch(t, language)
    if refused is not None:
        st.warning(t("notice.lang", value=markdown_text(refused[:40])))
    return t


def _brand(t: Translator) -> str:
    name, tagline = html_text(t("app.name")), html_text(t("app.tagline"))
    return (
        f'<div class="assay-brand">{_logo()}<div><strong>{name}</strong> '
        f"<span>{tagline}</span></div></div>"
    )


@cache
def _logo() -> str:
    """As a data address: st.html strips inline SVG."""
    encoded = b64encode((STATIC / "logo.svg").read_bytes()).decode()
    return f'<img src="data:image/svg+xml;base64,{encoded}" alt="">'


def _language_switch(t: Translator, language: Language) -> None:
    def follow() -> None:
        if chosen := st.session_state.get("language"):
            st.query_params["lang"] = chosen

    st.session_state["language"] = language
    st.segmented_control(
        t("app.language"),
        list(LANGUAGES),
        required=True,
        format_func=lambda code: LANGUAGES[code],
        key="language",
        on_change=follow,
        label_visibility="collapsed",
    )


def whole_number_parameter(name: str, *, choices: Sequence[int], default: int) -> Choice:
    """A query parameter that must be one of `choices`."""
    asked = st.query_params.get(name)
    if asked is None:
        return Choice(default, None)
    value = next((choice for choice in choices if str(choice) == asked), None)
    return Choice(default, asked) if value is None else Choice(value, None)
