"""A chart on the page, with its words for those who do not see it."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}


def show_figure(figure: go.Figure, *, key: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, theme=None, config=CONFIG, alt=alt)
