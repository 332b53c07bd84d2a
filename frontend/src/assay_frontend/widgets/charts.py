"""Charts and tables on the page: words for those who do not see them, numbers, and a file."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from assay_frontend.components.numbers import Numbers
from assay_frontend.components.tables import table_html
from assay_frontend.i18n import Translator
from assay_frontend.widgets.downloads import offer_file

CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}
MOST_ROWS = 16  # of a table that is shown whole; a longer one scrolls


def show_figure(figure: go.Figure, *, key: str, alt: str) -> None:
    """Of a chart whose numbers stand elsewhere on the page."""
    st.plotly_chart(figure, key=key, theme=None, config=CONFIG, alt=alt)


def show_chart(
    t: Translator,
    figure: go.Figure,
    numbers: Numbers,
    *,
    key: str,
    alt: str,
    download: str,
    caption: str = "",
    title: str | None = None,
) -> None:
    """A picture, what to make of it, and the numbers behind it; `download` names their file."""
    show_figure(figure, key=key, alt=alt)
    if caption:
        st.caption(caption)
    show_numbers(t, numbers, download=download, title=title)


def show_numbers(
    t: Translator,
    numbers: Numbers,
    *,
    download: str,
    title: str | None = None,
    most_rows: int = MOST_ROWS,
) -> None:
    """Folded away, with the file beside them; a table of more than `most_rows` scrolls, and cuts
    sentences off.
    """
    name = title or t("chart.table")
    with st.container(
        horizontal=True, vertical_alignment="top", gap="small", key=f"assay_numbers_{download}"
    ):
        if numbers.rows:
            with st.expander(name):
                _show_rows(numbers, label=name, most_rows=most_rows)
        offer_file(t, f"download.{download}", numbers.csv, file_name=numbers.file)


def _show_rows(numbers: Numbers, *, label: str, most_rows: int) -> None:
    if numbers.rows > most_rows:
        st.dataframe(numbers.table, hide_index=True, height=280)
    else:
        st.html(table_html(numbers.table, label=label))


def show_table(
    t: Translator, numbers: Numbers, *, label: str, download: str, caption: str = ""
) -> None:
    """A table in sight, what to make of it, and the same as a file."""
    st.html(table_html(numbers.table, label=label))
    if caption:
        st.caption(caption)
    offer_file(t, f"download.{download}", numbers.csv, file_name=numbers.file)
