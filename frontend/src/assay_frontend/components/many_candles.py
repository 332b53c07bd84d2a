"""Candles by the thousand: a browser draws a few shapes in no time, and five thousand in seconds.

Plotly makes shapes of each candle and of each bar of volume, and of each piece of a line with gaps.
Where bars are too many to be told apart anyway, many that closed above their open are one path
here, and as many of the others another one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from assay_frontend.components.price_bar import PriceBar
from assay_frontend.theme.palette import Palette

SHAPES_EACH = 1000
_HALF_WIDTH = 0.3
# Neighbours that share a pixel are in different layers, and the last one drawn is what is seen of
# them: where all that fell lay above all that rose, a rally would look like a fall.
LAYERS = 8
_ROOM = 0.05  # above and below, in parts of what lies between the lowest and the highest


def draw_many_candles(
    figure: go.Figure, bars: Sequence[PriceBar], words: Sequence[str], colours: Palette
) -> None:
    """Hollow and filled candles, and an unseen line along the closes that tells `words`."""
    for layer in range(LAYERS):
        up: list[str] = []
        down: list[str] = []
        for place in range(layer, len(bars), LAYERS):
            bar = bars[place]
            (up if bar.close > bar.open else down).append(_outline(place, bar))
        for outlines, colour, fill in (
            (up, colours.up, colours.background), (down, colours.down, colours.down),
        ):  # fmt: skip
            figure.add_shape(
                type="path",
                path="".join(outlines),
                line={"color": colour, "width": 1},
                fillcolor=fill,
            )
    figure.add_trace(
        go.Scatter(
            x=np.arange(len(bars)),
            y=np.array([bar.close for bar in bars]),
            mode="lines",
            line={"width": 0},
            text=list(words),
            hoverinfo="text",
            showlegend=False,
        )
    )
    low, high = min(bar.low for bar in bars), max(bar.high for bar in bars)
    room = _ROOM * (high - low or high)
    figure.update_layout(yaxis_range=[low - room, high + room])


def many_volumes_trace(
    volumes: Sequence[float | None], words: Sequence[str], colour: str
) -> go.Scatter:
    """The volumes as one area of steps, each a bar wide, on the second axis."""
    return go.Scatter(
        x=np.arange(len(volumes)),
        y=np.array([np.nan if volume is None else volume for volume in volumes]),
        yaxis="y2",
        mode="lines",
        line={"shape": "hvh", "width": 0},
        fill="tozeroy",
        fillcolor=colour,
        text=list(words),
        hoverinfo="text",
        showlegend=False,
    )


def _outline(place: int, bar: PriceBar) -> str:
    """Body, lower and upper wick, as an SVG path in the axes' own units."""
    left, right = place - _HALF_WIDTH, place + _HALF_WIDTH
    foot, top = sorted((bar.open, bar.close))
    return (
        f"M{left:.10g},{foot!r}H{right:.10g}V{top!r}H{left:.10g}Z"
        f"M{place},{bar.low!r}V{foot!r}M{place},{top!r}V{bar.high!r}"
    )
