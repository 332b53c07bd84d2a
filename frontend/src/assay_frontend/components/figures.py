"""What every chart shares: a quiet frame that takes its colours from the palette."""

from __future__ import annotations

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number
from assay_frontend.theme.palette import Palette

MOST_TICKS = 7
_TITLE_LIFT = 6  # pixels between a panel's name and the top name of its axis
_MARK_ROW = 28  # pixels


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


def separators(t: Translator) -> str:
    """Plotly's decimal and thousands signs."""
    return ",." if t("format.decimal") == "," else ".,"


def percent_sign(t: Translator) -> str:
    """What follows the numbers of an axis in percent."""
    return t("format.percent", number="")


def axis_decimals(span: float) -> int:
    """So many that neighbouring names of an axis over `span` differ."""
    return max(0, -math.floor(math.log10(span / MOST_TICKS))) if span > 0 else 0


def signed_ticks(t: Translator, low: float, high: float, *, suffix: str = "") -> dict[str, object]:
    """An axis' round values with their signs; a bare 0 where its zero line lies."""
    size = (high - low) / MOST_TICKS
    unit = 10.0 ** math.floor(math.log10(size))
    step = unit * next(nice for nice in (1, 2, 5, 10) if nice * unit >= size)
    places = range(math.ceil(low / step), math.floor(high / step) + 1)
    decimals = max(0, -math.floor(math.log10(step)))
    return {
        "tickvals": [place * step for place in places],
        "ticktext": [
            number(t, place * step, decimals, signed=True) + suffix if place else "0"
            for place in places
        ],
    }


def name_panel(figure: go.Figure, text: str, *, y: float, colours: Palette) -> None:
    """What a panel shows, and its unit, above its left corner."""
    figure.add_annotation(
        text=text,
        xref="paper",
        yref="paper",
        x=0.0,
        y=y,
        xanchor="left",
        yanchor="bottom",
        yshift=_TITLE_LIFT,
        showarrow=False,
        font={"size": 12, "color": colours.muted},
    )


def line_mode(values: Sequence[float | None]) -> str:
    """Of a trace: a line needs two points, and one alone is a dot."""
    return "markers" if sum(value is not None for value in values) == 1 else "lines"


def spread_apart(positions: Sequence[float], least: float) -> list[float]:
    """Ascending `positions`, moved as little as their order allows until `least` lies between."""
    groups: list[tuple[float, int]] = []  # centre and size of labels that touch
    for position in positions:
        centre, size = position, 1
        while groups and centre - groups[-1][0] < least * (size + groups[-1][1]) / 2:
            other, count = groups.pop()
            centre = (centre * size + other * count) / (size + count)
            size += count
        groups.append((centre, size))
    return [
        centre + least * (place - (size - 1) / 2)
        for centre, size in groups
        for place in range(size)
    ]


def watermark(t: Translator, figure: go.Figure, source: str, colours: Palette) -> None:
    """A chart of simulated bars says so even when it is cut out of the page: in a row of its own
    above all else, since it must cover nothing.
    """
    if source != "simulated":
        return
    top = figure.layout.margin.t
    figure.update_layout(height=figure.layout.height + _MARK_ROW, margin={"t": top + _MARK_ROW})
    figure.add_annotation(
        text=t("banner.simulated.mark"),
        xref="paper",
        yref="paper",
        x=1.0,
        y=1.0,
        xanchor="right",
        yanchor="bottom",
        yshift=top,
        showarrow=False,
        bgcolor=colours.alarm_background,
        borderpad=4,
        font={"size": 13, "color": colours.alarm_text, "weight": 700},
    )
