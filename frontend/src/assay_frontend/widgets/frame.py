"""What every page shares: style, brand, links, switches of language and shade, foot."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import get_args

import streamlit as st
from streamlit.navigation.page import Page

from assay_frontend.components.text import asked_text, html_text
from assay_frontend.i18n import (
    DEFAULT_LANGUAGE,
    LANGUAGES,
    Language,
    Translator,
    language_named,
    translator,
)
from assay_frontend.theme.palette import Palette, Shade, palette, style_sheet

STATIC = Path(__file__).parent.parent / "static"
ICON = STATIC / "icon.png"
_LINKS = "assay_links_by_name"
_ASKED_SHADE = "assay_asked_shade"


def chosen_language() -> tuple[Language, str | None]:
    """`?lang=`, else the browser's language, else English; and a refused value of `lang`."""
    asked = st.query_params.get("lang")
    named = language_named(asked)
    if named:
        return named, None
    return language_named(st.context.locale) or DEFAULT_LANGUAGE, asked


def readers_words() -> Translator:
    """The words that the page speaks."""
    return translator(chosen_language()[0])


def readers_palette() -> Palette:
    """The colours of the shade that `show_frame` drew the page in."""
    return palette(st.session_state["shade"])


def readers_links() -> Mapping[str, Page]:
    """The pages by name, as `show_frame` was given them."""
    links: Mapping[str, Page] = st.session_state[_LINKS]
    return links


def show_link(page: Page | None, label: str, query: Mapping[str, str] | None = None) -> None:
    """A way to a page that keeps the language; nothing where there is no such page."""
    if page is not None:
        st.page_link(page, label=label, query_params={**(query or {}), **_kept()} or None)


def _kept() -> dict[str, str]:
    """What of the address goes from page to page."""
    return {"lang": chosen_language()[0]} if "lang" in st.query_params else {}


def show_frame(links: Mapping[str, Page]) -> None:
    """The head of every page; `links` are its pages by name, in order."""
    st.session_state[_LINKS] = links
    language, refused = chosen_language()
    t = translator(language)
    asked = _settle_shade()
    st.html(style_sheet(readers_palette()))
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="assay_frame",
    ):
        st.html(_brand(t, language, asked), width="content")
        with st.container(horizontal=True, width="content", gap="small", key="assay_links"):
            for name, page in links.items():
                show_link(page, t(f"nav.{name}"))
        with st.container(horizontal=True, width="content", gap="small", key="assay_switches"):
            _language_switch(t, language)
            _shade_switch(t)
    if refused is not None:
        st.warning(t("notice.lang", value=asked_text(refused)))


def _settle_shade() -> Shade | None:
    """Settles the page's shade: the browser's, or one asked for that it does not show yet.

    Returns the latter.
    """
    shown: Shade = "dark" if st.context.theme.type == "dark" else "light"
    asked: Shade | None = st.session_state.get(_ASKED_SHADE)
    if asked == shown:
        asked = st.session_state[_ASKED_SHADE] = None
    st.session_state["shade"] = asked or shown
    return asked


def _brand(t: Translator, language: Language, asked: Shade | None) -> str:
    """The first page's script takes from it the document's language, and a shade asked for."""
    name, tagline = html_text(t("app.name")), html_text(t("app.tagline"))
    shade = f' data-shade="{asked}"' if asked else ""
    return (
        f'<div class="assay-brand" lang="{language}"{shade}>{_logo()}<div><strong>{name}</strong> '
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


def _shade_switch(t: Translator) -> None:
    """The style sheet draws a sun and a moon over the names, which stay for those who hear them."""

    def ask() -> None:
        st.session_state[_ASKED_SHADE] = st.session_state["shade"]

    st.segmented_control(
        t("app.shade"),
        get_args(Shade),
        required=True,
        format_func=lambda shade: t(f"shade.{shade}"),
        key="shade",
        on_change=ask,
        label_visibility="collapsed",
    )


def show_footer(t: Translator) -> None:
    st.html(f'<p class="assay-footer">{html_text(t("footer.advice"))}</p>')
