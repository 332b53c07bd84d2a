"""Navigation only: which page stands at which address."""

from __future__ import annotations

import streamlit as st

from assay_frontend.components.frame import ICON, readers_words, show_frame
from assay_frontend.views import crypto, gold

st.set_page_config(page_icon=str(ICON), layout="wide", initial_sidebar_state="collapsed")
t = readers_words()
name = t("app.name")
gold_title = f"{name} · {t('nav.gold')}"
overview = st.Page(gold.render, title=gold_title, url_path="overview", default=True)
gold_page = st.Page(gold.render, title=gold_title, url_path="gold")
crypto_page = st.Page(crypto.render, title=f"{name} · {t('nav.crypto')}", url_path="crypto")

page = st.navigation([overview, gold_page, crypto_page], position="hidden")
show_frame({"nav.gold": gold_page if page is gold_page else overview, "nav.crypto": crypto_page})
page.run()
