"""Navigation only: which page stands at which address."""

from __future__ import annotations

import streamlit as st

from assay_frontend.components.frame import ICON, chosen_language
from assay_frontend.i18n import translator
from assay_frontend.views import gold

st.set_page_config(page_icon=str(ICON), layout="wide", initial_sidebar_state="collapsed")
language, _ = chosen_language()
t = translator(language)
title = f"{t('app.name')} · {t('nav.gold')}"
page = st.navigation(
    [
        st.Page(gold.render, title=title, url_path="overview", default=True),
        st.Page(gold.render, title=title, url_path="gold"),
    ],
    position="hidden",
)
page.run()
