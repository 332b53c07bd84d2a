"""Navigation only: which view draws which page."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.navigation.page import Page

from assay_frontend.addresses import PAGES, PageName
from assay_frontend.views import crypto, gold, models, overview, status, track_record
from assay_frontend.widgets.frame import ICON, readers_words, show_frame

VIEWS: dict[PageName, Callable[[], None]] = {
    "overview": overview.render,
    "gold": gold.render,
    "crypto": crypto.render,
    "track-record": track_record.render,
    "models": models.render,
    "status": status.render,
}

st.set_page_config(page_icon=str(ICON), layout="wide", initial_sidebar_state="collapsed")
t = readers_words()
pages: dict[str, Page] = {
    name: st.Page(
        VIEWS[name],
        title=f"{t('app.name')} · {t(f'nav.{name}')}",
        url_path=name,
        default=name == PAGES[0],
    )
    for name in PAGES
}

page = st.navigation(list(pages.values()), position="hidden")
show_frame(pages)
page.run()
