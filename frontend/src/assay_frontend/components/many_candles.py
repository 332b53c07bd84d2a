"""Candles by the thousand: a browser draws three shapes in no time, and five thousand in seconds.

Plotly makes a shape of each candle and of each bar of volume. Where that is too many to be told
apart anyway, all that closed above their open are one shape here, all others a second one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from assay_frontend.components.price_bar import PriceBar
from assay_frontend.theme.palette import Palette

SHAPES_EACH = 1000
_HALF_WIDTH = 0.3
# A candle's corners in bars beside its middle, and which of open, high, low, close and the body's
# ends each stands at; a gap parts body, lower and upper wick.
_GAP = -1
_OPEN, _CLOSE, _HIGH, _LOW, _TOP, _FOOT = range(6)
_OUTLINE = (
    (-1, _OPEN), (1, _OPEN), (1, _CLOSE), (-1, _CLOSE), (-1, _OPEN), (0, _GAP),
    (0, _LOW), (0, _FOOT), (0, _GAP),
    (0, _TOP), (0, _HIGH), (0, _GAP),
)  # fmt: skip


def many_candle_traces(
    bars: Sequence[PriceBar], words: Sequence[str], colours: Palette
) -> list[go.Scatter]:
    """Hollow and filled candles, and an unseen line along the closes that tells `words`."""
    prices = np.array([(bar.open, bar.close, bar.high, bar.low) for bar in bars], dtype=float)
    up = prices[:, 1] > prices[:, 0]
    return [
        _shape(prices, np.flatnonzero(up), colours.up, fill=colours.background),
        _shape(prices, np.flatnonzero(~up), colours.down, fill=colours.down),
        go.Scatter(
            x=np.arange(len(bars)),
            y=prices[:, 1],
            mode="lines",
            line={"width": 0},
            text=list(words),
            hoverinfo="text",
            showlegend=False,
        ),
    ]


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


def _shape(
    prices: NDArray[np.float64], places: NDArray[np.intp], colour: str, *, fill: str
) -> go.Scatter:
    chosen = prices[places]
    body = np.sort(chosen[:, :2], axis=1)
    nothing = np.full(len(places), np.nan)
    levels = np.column_stack([chosen, body[:, 1], body[:, 0], nothing])
    aside, at = np.array(_OUTLINE).T
    return go.Scatter(
        x=(places[:, None] + _HALF_WIDTH * aside).ravel(),
        y=levels[:, at].ravel(),
        mode="lines",
        line={"color": colour, "width": 1},
        fill="toself",
        fillcolor=fill,
        hoverinfo="skip",
        showlegend=False,
    )
