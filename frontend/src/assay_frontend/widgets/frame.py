"""What every page shares: style, brand, links, language switch, foot."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from assay_frontend.components.text import html_text, markdown_text
from assay_frontend.i18n import (
    DEFAULT_LANGUAGE,
    LANGUAGES,
    Language,
    Translator,
    language_named,
    translator,
)
from assay_frontend.theme.palette import Palette, palette, style_sheet

STATIC = Path(__file__).parent.parent / "static"
ICON = STATIC / "icon.png"
_LINKS = "assay_links_by_name"


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
    """Follows the shade that the reader's browser shows."""
    return palette("dark" if st.context.theme.type == "dark" else "light")


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
    st.html(style_sheet(readers_palette()))
    with st.container(
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="assay_frame",
    ):
        st.html(_brand(t, language), width="content")
        with st.container(horizontal=True, width="content", gap="small", key="assay_links"):
            for name, page in links.items():
                show_link(page, t(f"nav.{name}"))
        _language_switch(t, language)
    if refused is not None:
        st.warning(t("notice.lang", value=markdown_text(refused[:40])))


def _brand(t: Translator, language: Language) -> str:
    """The first page's script tells its language to the document, which is served as English."""
    name, tagline = html_text(t("app.name")), html_text(t("app.tagline"))
    return (
        f'<div class="assay-brand" lang="{language}">{_logo()}<div><strong>{name}</strong> '
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


def show_footer(t: Translator) -> None:
    st.html(f'<p class="assay-footer">{html_text(t("footer.advice"))}</p>')
