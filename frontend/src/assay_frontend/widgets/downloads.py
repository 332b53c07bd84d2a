"""What the chart shows, as files."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from assay_frontend.api.models import Bar, Forecast
from assay_frontend.components import tables
from assay_frontend.i18n import Translator


def offer_bars(t: Translator, bars: Sequence[Bar], *, source: str) -> None:
    """The name says where the bars came from: a file outlives the page's banner."""
    offer_file(
        t,
        "download.bars",
        tables.bars_csv(bars, source=source),
        file_name=f"gold-bars-{source}-{bars[-1].session}.csv",
    )


def offer_forecast(t: Translator, forecast: Forecast) -> None:
    offer_file(
        t,
        "download.forecast",
        tables.forecast_csv(forecast),
        file_name=f"gold-forecast-{forecast.provenance.source}-{forecast.target}.csv",
    )


def offer_file(t: Translator, key: str, text: str, *, file_name: str) -> None:
    """A button named `key` that gives `text` without a rerun."""
    st.download_button(
        t(key),
        text,
        file_name=file_name,
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        help=t(f"{key}.help"),
        key=key,
    )
