"""Candles with volume below them, of sessions or of bars of any timeframe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from assay_frontend.components.figures import (
    MOST_TICKS,
    name_panel,
    quiet_figure,
    separators,
    watermark,
)
from assay_frontend.components.many_candles import (
    SHAPES_EACH,
    draw_many_candles,
    many_volumes_trace,
)
from assay_frontend.components.price_bar import PriceBar
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, number
from assay_frontend.theme.palette import Palette, translucent

_HEIGHT = 400
_MARGIN = {"l": 4, "r": 8, "t": 26, "b": 44}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """Bars side by side, whatever time lies between them, and how to speak of each.

    `names` are the bars' times, `words` their hover texts; `ticks` are positions with their names.
    """

    bars: Sequence[PriceBar]
    names: Sequence[str]
    words: Sequence[str]
    ticks: tuple[Sequence[int], Sequence[str]]
    price_title: str
    volume_title: str
    source: str
    decimals: int = 0


def candles_figure(
    t: Translator, candles: Candles, colours: Palette, *, end: float | None = None
) -> go.Figure:
    """`end` leaves room at the right, in bars, for what is drawn after the last one."""
    count = len(candles.bars)
    end = count - 1 if end is None else end
    figure = quiet_figure(colours, height=_HEIGHT)
    _draw_bars(t, figure, candles, colours)
    positions, names = candles.ticks
    figure.update_xaxes(
        tickvals=list(positions),
        ticktext=list(names),
        tickangle=0,
        range=[-1, max(end + 0.01 * count, count)],
        rangeslider_visible=False,
        tickfont={"color": colours.muted},
    )
    figure.update_yaxes(
        tickformat=f",.{candles.decimals}f", nticks=MOST_TICKS, domain=[0.24, 1.0], side="left"
    )
    figure.update_layout(
        yaxis2=_volume_axis(colours),
        xaxis={"anchor": "y2"},
        separators=separators(t),
        margin=_MARGIN,
    )
    name_panel(figure, candles.price_title, y=1.0, colours=colours)
    name_panel(figure, candles.volume_title, y=0.16, colours=colours)
    watermark(t, figure, candles.source, colours)
    return figure


def candle_trace(
    bars: Sequence[PriceBar], words: Sequence[str], colours: Palette
) -> go.Candlestick:
    """Hollow where the close is above the open, filled below: readable without colour."""
    return go.Candlestick(
        x=list(range(len(bars))),
        open=[bar.open for bar in bars],
        high=[bar.high for bar in bars],
        low=[bar.low for bar in bars],
        close=[bar.close for bar in bars],
        increasing={"line": {"color": colours.up, "width": 1.2}, "fillcolor": colours.background},
        decreasing={"line": {"color": colours.down, "width": 1.2}, "fillcolor": colours.down},
        text=list(words),
        hoverinfo="text",
        showlegend=False,
    )


def _draw_bars(t: Translator, figure: go.Figure, candles: Candles, colours: Palette) -> None:
    volumes = [bar.volume for bar in candles.bars]
    words = [
        f"{name}: {volume_words(t, volume)}"
        for name, volume in zip(candles.names, volumes, strict=True)
    ]
    faint = translucent(colours.muted, 0.55)
    if len(candles.bars) > SHAPES_EACH:
        draw_many_candles(figure, candles.bars, candles.words, colours)
        figure.add_trace(many_volumes_trace(volumes, words, faint))
        return
    figure.add_trace(candle_trace(candles.bars, candles.words, colours))
    figure.add_trace(
        go.Bar(
            x=list(range(len(volumes))),
            y=volumes,
            yaxis="y2",
            marker={"color": faint, "line": {"width": 0}},
            text=words,
            textposition="none",
            hovertemplate="%{text}<extra></extra>",
        )
    )


def volume_words(t: Translator, volume: float | None) -> str:
    """Whole where it is large; small amounts of a dear coin keep their decimals."""
    if volume is None:
        return MISSING
    return number(t, volume, 0 if volume >= 100 or volume == round(volume) else 2)


def _volume_axis(colours: Palette) -> dict[str, object]:
    return {
        "domain": [0.0, 0.16],
        "anchor": "x",
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "nticks": 3,
        "tickformat": ".2~s",
        "automargin": True,
        "tickfont": {"color": colours.muted, "size": 11},
    }
