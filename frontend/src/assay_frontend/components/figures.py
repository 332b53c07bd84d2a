"""What every chart shares: a quiet frame that takes its colours from the palette."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from assay_frontend.api.models import Bar, Forecast
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import long_date, money
from assay_frontend.theme.palette import Palette

CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}


def quiet_figure(colours: Palette, *, height: int) -> go.Figure:
    """An empty figure that neither drags nor zooms, so that a finger scrolls the page."""
    figure = go.Figure()
    figure.update_layout(
        template=None,
        height=height,
        margin={"l": 4, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": '"Source Sans", system-ui, sans-serif', "size": 13, "color": colours.text},
        hoverlabel={
            "bgcolor": colours.panel,
            "bordercolor": colours.grid,
            "font": {"color": colours.text},
        },
        dragmode=False,
        showlegend=False,
        uirevision="assay",
    )
    figure.update_xaxes(fixedrange=True, showgrid=False, zeroline=False, linecolor=colours.grid)
    figure.update_yaxes(
        fixedrange=True,
        gridcolor=colours.grid,
        gridwidth=0.5,
        zeroline=False,
        automargin=True,
        tickfont={"color": colours.muted},
    )
    return figure


def candle_trace(
    t: Translator, bars: Sequence[Bar], positions: Sequence[int], currency: str, colours: Palette
) -> go.Candlestick:
    """Hollow where the close is above the open, filled below: readable without colour."""
    return go.Candlestick(
        x=list(positions),
        open=[bar.open for bar in bars],
        high=[bar.high for bar in bars],
        low=[bar.low for bar in bars],
        close=[bar.close for bar in bars],
        increasing={"line": {"color": colours.up, "width": 1.2}, "fillcolor": colours.background},
        decreasing={"line": {"color": colours.down, "width": 1.2}, "fillcolor": colours.down},
        text=[bar_words(t, bar, currency) for bar in bars],
        hoverinfo="text",
        showlegend=False,
    )


def bar_words(t: Translator, bar: Bar, currency: str) -> str:
    prices = {
        name: money(t, getattr(bar, name), currency) for name in ("open", "high", "low", "close")
    }
    return t("chart.bar", date=long_date(t, bar.session), **prices)


def watermark(t: Translator, figure: go.Figure, forecast: Forecast, colours: Palette) -> None:
    """A chart of simulated bars says so even when it is cut out of the page."""
    if forecast.provenance.source != "simulated":
        return
    figure.add_annotation(
        text=t("banner.simulated.mark"),
        xref="paper",
        yref="paper",
        x=0.02,
        y=0.98,
        xanchor="left",
        yanchor="top",
        showarrow=False,
        bgcolor=colours.alarm_background,
        borderpad=4,
        font={"size": 13, "color": colours.alarm_text, "weight": 700},
    )


def show_figure(figure: go.Figure, *, key: str, alt: str) -> None:
    st.plotly_chart(figure, key=key, theme=None, config=CONFIG, alt=alt)
