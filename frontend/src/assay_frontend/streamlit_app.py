"""Navigation only: which page stands at which address."""

from __future__ import annotations

import streamlit as st

from assay_frontend.views import crypto, gold, models, overview, status, track_record
from assay_frontend.widgets.frame import ICON, readers_words, show_frame

# in the order of the links; the name is the address too, and `nav.<name>` its words
PAGES = {
    "overview": overview.render,
    "gold": gold.render,
    "crypto": crypto.render,
    "track-record": track_record.render,
    "models": models.render,
    "status": status.render,
}

st.set_page_config(page_icon=str(ICON), layout="wide", initial_sidebar_state="collapsed")
t = readers_words()
pages = {
    name: st.Page(
        render,
        title=f"{t('app.name')} · {t(f'nav.{name}')}",
        url_path=name,
        default=name == "overview",
    )
    for name, render in PAGES.items()
}

page = st.navigation(list(pages.values()), position="hidden")
show_frame(pages)
page.run()
