"""The fan: the forecast's ranges, opening from the last close to the next session."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from assay_frontend.api.models import Bar, Forecast
from assay_frontend.components.candles import candle_trace
from assay_frontend.components.figures import quiet_figure, separators, spread_apart, watermark
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import day_and_month, long_date, money, number
from assay_frontend.i18n.formats import level as level_words
from assay_frontend.theme.palette import Palette, translucent

FAN_LEVELS = (0.95, 0.8, 0.5)
_BAND_OPACITY = 0.22  # bands lie on each other, so the middle is the darkest
ZOOM_SESSIONS = 12
_ZOOM_FAN_WIDTH = 5.0
_ZOOM_HEIGHT = 400
_ZOOM_MARGIN = {"l": 4, "r": 92, "t": 10, "b": 44}
_LABEL_PIXELS = 16.0


def add_fan(
    t: Translator,
    figure: go.Figure,
    forecast: Forecast,
    *,
    start: float,
    end: float,
    colours: Palette,
) -> None:
    """Bands, median and random walk, from the last close at x = `start` to x = `end`."""
    for wanted in FAN_LEVELS:
        interval = forecast.interval(wanted)
        if interval is None:
            continue
        figure.add_trace(
            go.Scatter(
                x=[start, end, end, start],
                y=[forecast.last_close, interval.upper, interval.lower, forecast.last_close],
                fill="toself",
                fillcolor=translucent(colours.fan, _BAND_OPACITY),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                name=t("chart.level", level=level_words(t, wanted)),
            )
        )
    for name, price, style, colour in (
        (t("chart.median"), forecast.median, "solid", colours.fan),
        (t("chart.walk"), forecast.random_walk, "dash", colours.random_walk),
    ):
        figure.add_trace(
            go.Scatter(
                x=[start, end],
                y=[forecast.last_close, price],
                mode="lines",
                line={"color": colour, "width": 2, "dash": style},
                hoverinfo="skip",
                name=name,
            )
        )
    _add_hover_points(t, figure, forecast, end)


def _add_hover_points(t: Translator, figure: go.Figure, forecast: Forecast, x: float) -> None:
    """Invisible points at the fan's edge, so that a pointer can read its prices."""
    points = [(t("chart.median"), forecast.median), (t("chart.walk"), forecast.random_walk)]
    for interval in forecast.intervals:
        name = t("chart.level", level=level_words(t, interval.level))
        points += [(name, interval.lower), (name, interval.upper)]
    figure.add_trace(
        go.Scatter(
            x=[x] * len(points),
            y=[price for _, price in points],
            mode="markers",
            marker={"size": 14, "opacity": 0},
            text=[f"{name}: {money(t, price, forecast.currency)}" for name, price in points],
            hovertemplate="%{text}<extra></extra>",
        )
    )


def zoom_figure(
    t: Translator, bars: Sequence[Bar], forecast: Forecast, colours: Palette
) -> go.Figure:
    """The last sessions and the fan, large enough to read each range off."""
    shown = bars[-ZOOM_SESSIONS:]
    last = len(shown) - 1
    end = last + _ZOOM_FAN_WIDTH
    lowest, highest = _price_span(shown, forecast)
    figure = quiet_figure(colours, height=_ZOOM_HEIGHT)
    words = [bar_words(t, bar, forecast.currency) for bar in shown]
    figure.add_trace(candle_trace(shown, words, colours))
    add_fan(t, figure, forecast, start=last, end=end, colours=colours)
    pixels_per_price = (_ZOOM_HEIGHT - _ZOOM_MARGIN["t"] - _ZOOM_MARGIN["b"]) / (highest - lowest)
    _label_edges(t, figure, forecast, x=end, pixels_per_price=pixels_per_price, colours=colours)
    ticks = [0, last, end]
    first_day, last_day = (day_and_month(t, shown[i].session) for i in (0, last))
    target_day = f"<br>{day_and_month(t, forecast.target)}"  # a line lower: no room beside it
    figure.update_xaxes(
        tickvals=ticks,
        ticktext=[first_day, last_day, target_day],
        range=[-0.8, end + 0.2],
        rangeslider_visible=False,
        tickfont={"color": colours.muted},
        tickangle=0,
    )
    figure.update_yaxes(tickformat=",.0f", nticks=6, range=[lowest, highest])
    figure.update_layout(margin=_ZOOM_MARGIN, separators=separators(t))
    watermark(t, figure, forecast.provenance.source, colours)
    return figure


def bar_words(t: Translator, bar: Bar, currency: str) -> str:
    """What a pointer on a session reads."""
    prices = {
        name: money(t, getattr(bar, name), currency) for name in ("open", "high", "low", "close")
    }
    return t("chart.bar", date=long_date(t, bar.session), **prices)


def _price_span(bars: Sequence[Bar], forecast: Forecast) -> tuple[float, float]:
    """The axis' ends: all bars and ranges, with a little room."""
    lows = [*(bar.low for bar in bars), *(i.lower for i in forecast.intervals), forecast.median]
    highs = [*(bar.high for bar in bars), *(i.upper for i in forecast.intervals), forecast.median]
    room = 0.04 * (max(highs) - min(lows)) or 0.01 * forecast.median
    return min(lows) - room, max(highs) + room


def _label_edges(
    t: Translator,
    figure: go.Figure,
    forecast: Forecast,
    *,
    x: float,
    pixels_per_price: float,
    colours: Palette,
) -> None:
    """Each range's ends beside the fan, `95%  3,301`, moved apart where they would touch."""
    edges = [
        (price, level_words(t, interval.level))
        for interval in forecast.intervals
        for price in (interval.lower, interval.upper)
    ]
    edges.sort()
    heights = spread_apart([price * pixels_per_price for price, _ in edges], _LABEL_PIXELS)
    for (price, name), height in zip(edges, heights, strict=True):
        figure.add_annotation(
            x=x,
            y=price,
            text=f"{name}  {number(t, price)}",
            xanchor="left",
            xshift=6,
            yshift=height - price * pixels_per_price,
            showarrow=False,
            font={"size": 12, "color": colours.text},
        )
