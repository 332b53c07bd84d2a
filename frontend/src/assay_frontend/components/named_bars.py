"""Horizontal bars, each named above itself so that long names fit a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from assay_frontend.components.figures import quiet_figure
from assay_frontend.theme.palette import Palette

_ROW_PIXELS = 56
_NAME_PIXELS = 21  # from a bar's middle to its name's: clear of the bar and of its number
_HALF_LINE = 0.16


@dataclass(frozen=True, slots=True)
class NamedBar:
    """A bar from `start` to `end`; `text` stands at its end, `words` under the pointer."""

    name: str
    start: float
    end: float
    text: str
    words: str


def named_bars_figure(
    bars: Sequence[NamedBar], colours: Palette, *, room: float = 0.24
) -> go.Figure:
    """The first on top; `room` at the sides for the texts, as a share of what the bars span."""
    rows = list(range(len(bars)))[::-1]
    figure = quiet_figure(colours, height=_ROW_PIXELS * len(bars) + 44)
    figure.add_trace(
        go.Bar(
            base=[bar.start for bar in bars],
            x=[bar.end - bar.start for bar in bars],
            y=rows,
            orientation="h",
            width=0.3,
            marker={"color": [colours.down if b.end >= b.start else colours.up for b in bars]},
            text=[bar.text for bar in bars],
            textposition="outside",
            textfont={"color": colours.text},
            cliponaxis=False,
            hovertext=[bar.words for bar in bars],
            hoverinfo="text",
        )
    )
    for row, bar in zip(rows, bars, strict=True):
        _name(figure, bar, row, colours)
    low = min(min(bar.start, bar.end) for bar in bars)
    high = max(max(bar.start, bar.end) for bar in bars)
    margin = room * max(high - low, 1e-4)
    falling = any(bar.end < bar.start for bar in bars)
    figure.update_xaxes(
        range=[low - (margin if falling else 0.02 * margin), high + margin], visible=False
    )
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[-0.6, len(bars) - 0.3])
    figure.update_layout(margin={"l": 2, "r": 2, "t": 4, "b": 4})
    return figure


def mark_start(figure: go.Figure, x: float, text: str, colours: Palette, *, rows: int) -> None:
    """A line from the first of `rows` upwards, with what it means at its end."""
    _mark(figure, x, text, colours, row=rows - 1, above=True)


def mark_end(figure: go.Figure, x: float, text: str, colours: Palette) -> None:
    """The same from the last row downwards."""
    _mark(figure, x, text, colours, row=0, above=False)


def _mark(
    figure: go.Figure, x: float, text: str, colours: Palette, *, row: int, above: bool
) -> None:
    low, high = figure.layout.yaxis.range
    figure.add_shape(
        type="line",
        x0=x,
        x1=x,
        y0=row,
        y1=high if above else low,
        layer="below",
        line={"color": colours.muted, "width": 1},
    )
    left, right = figure.layout.xaxis.range
    share = (x - left) / (right - left)
    figure.add_annotation(
        text=text,
        x=x,
        y=high if above else low,
        xanchor="left" if share < 0.25 else "right" if share > 0.75 else "center",
        yanchor="bottom" if above else "top",
        showarrow=False,
        font={"size": 13, "color": colours.text, "weight": 600},
    )


def _name(figure: go.Figure, bar: NamedBar, row: int, colours: Palette) -> None:
    figure.add_shape(
        type="line",
        x0=bar.start,
        x1=bar.start,
        y0=row - _HALF_LINE,
        y1=row + _HALF_LINE,
        line={"color": colours.muted, "width": 1},
    )
    figure.add_annotation(
        text=bar.name,
        xref="paper",
        x=0,
        y=row,
        yshift=_NAME_PIXELS,
        xanchor="left",
        showarrow=False,
        bgcolor=colours.background,
        font={"size": 13, "color": colours.text},
    )
