"""The candle chart of past sessions, with volume and the fan at its right."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from assay_frontend.api.models import Bar, Forecast
from assay_frontend.components.fan import add_fan, separators
from assay_frontend.components.figures import candle_trace, quiet_figure, watermark
from assay_frontend.components.headline import price_unit
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, long_date, money, month_tick, number, short_date
from assay_frontend.theme.palette import Palette

_FAN_SHARE = 0.09  # of the window's width: one session in 250 would be too thin to see
_MOST_TICKS = 7


def price_figure(
    t: Translator, bars: Sequence[Bar], forecast: Forecast, colours: Palette
) -> go.Figure:
    """Sessions stand side by side: the axis has no weekends."""
    last = len(bars) - 1
    end = last + max(2.0, _FAN_SHARE * len(bars))
    figure = quiet_figure(colours, height=400)
    figure.add_trace(candle_trace(t, bars, range(len(bars)), forecast.currency, colours))
    add_fan(t, figure, forecast, start=last, end=end, colours=colours)
    _add_volume(t, figure, bars, colours)
    positions, names = month_ticks(t, bars)
    figure.update_xaxes(
        tickvals=positions,
        ticktext=names,
        tickangle=0,
        range=[-1, end + 0.01 * len(bars)],
        rangeslider_visible=False,
        tickfont={"color": colours.muted},
    )
    figure.update_yaxes(tickformat=",.0f", nticks=7, domain=[0.24, 1.0], side="left")
    figure.update_layout(
        yaxis2={
            "domain": [0.0, 0.16],
            "anchor": "x",
            "fixedrange": True,
            "showgrid": False,
            "zeroline": False,
            "nticks": 3,
            "tickformat": ".2~s",
            "automargin": True,
            "tickfont": {"color": colours.muted, "size": 11},
        },
        xaxis={"anchor": "y2"},
        separators=separators(t),
    )
    _name_panels(t, figure, forecast, colours)
    watermark(t, figure, forecast, colours)
    return figure


def _add_volume(t: Translator, figure: go.Figure, bars: Sequence[Bar], colours: Palette) -> None:
    figure.add_trace(
        go.Bar(
            x=list(range(len(bars))),
            y=[bar.volume for bar in bars],
            yaxis="y2",
            marker={"color": colours.muted, "opacity": 0.55, "line": {"width": 0}},
            text=[
                f"{short_date(t, bar.session)}: "
                f"{MISSING if bar.volume is None else number(t, bar.volume)}"
                for bar in bars
            ],
            textposition="none",
            hovertemplate="%{text}<extra></extra>",
        )
    )


def _name_panels(t: Translator, figure: go.Figure, forecast: Forecast, colours: Palette) -> None:
    price = t("chart.price", unit=price_unit(t, forecast.currency))
    for text, y in ((price, 1.0), (t("chart.volume"), 0.16)):
        figure.add_annotation(
            text=text,
            xref="paper",
            yref="paper",
            x=0.0,
            y=y,
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            font={"size": 12, "color": colours.muted},
        )
    figure.update_layout(margin={"l": 4, "r": 8, "t": 26, "b": 44})


def month_ticks(t: Translator, bars: Sequence[Bar]) -> tuple[list[int], list[str]]:
    """Where each month begins, thinned so that names never touch on a phone."""
    starts = [
        position
        for position in range(1, len(bars))
        if bars[position].session.month != bars[position - 1].session.month
    ]
    step = max(1, -(-len(starts) // _MOST_TICKS))
    kept = starts[::step]
    return kept, [month_tick(t, bars[position].session) for position in kept]


def chart_words(t: Translator, key: str, bars: Sequence[Bar], forecast: Forecast) -> str:
    """The charts' text alternative."""
    currency = forecast.currency
    interval = forecast.interval(0.8)
    return t(
        key,
        n=len(bars),
        first=short_date(t, bars[0].session),
        last=short_date(t, bars[-1].session),
        close=money(t, forecast.last_close, currency),
        target=long_date(t, forecast.target),
        median=money(t, forecast.median, currency),
        lower=money(t, interval.lower if interval else None, currency),
        upper=money(t, interval.upper if interval else None, currency),
        walk=money(t, forecast.random_walk, currency),
    )
