"""How often ranges held over time, beside how often they should have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import partial

import plotly.graph_objects as go

from assay_frontend.components.chance import WINDOW, chance_band, trailing_shares
from assay_frontend.components.figures import (
    line_mode,
    name_panel,
    percent_sign,
    quiet_figure,
    spread_apart,
)
from assay_frontend.components.numbers import About, Column, Numbers
from assay_frontend.components.time_ticks import time_ticks
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import level as level_words
from assay_frontend.i18n.formats import percent, short_date
from assay_frontend.theme.palette import Palette

_HEIGHT = 320
_MARGIN = {"l": 4, "r": 78, "t": 26, "b": 44}
_LABEL_PIXELS = 17.0
_DASHES = ("solid", "dashdot", "dot", "longdash")


@dataclass(frozen=True, slots=True)
class HeldOverTime:
    """Which outcomes the ranges of one nominal `level` held, oldest first."""

    level: float
    held: tuple[bool, ...]

    @property
    def shares(self) -> list[float | None]:
        return trailing_shares(self.held)

    @property
    def newest(self) -> float | None:
        return next((share for share in reversed(self.shares) if share is not None), None)


def known(series: Sequence[HeldOverTime]) -> list[HeldOverTime]:
    """Those with outcomes enough for a line, highest level first."""
    with_share = [one for one in series if one.newest is not None]
    return sorted(with_share, key=lambda one: -one.level)


def shares_figure(
    t: Translator,
    series: Sequence[HeldOverTime],
    moments: Sequence[datetime],
    colours: Palette,
    zone: tzinfo,
) -> go.Figure:
    """A line a level, each named at its end; a thin line where it should be."""
    drawn = known(series)
    last = len(moments) - 1
    figure = quiet_figure(colours, height=_HEIGHT)
    low = min([0.4, *(s for one in drawn for s in one.shares if s is not None)])
    bottom = max(0.0, 100 * low - 4)
    for one, dash in zip(drawn, _DASHES, strict=False):
        figure.add_shape(
            type="line",
            x0=0,
            x1=last,
            y0=100 * one.level,
            y1=100 * one.level,
            line={"color": colours.muted, "width": 1},
        )
        figure.add_trace(_line(t, one, moments, dash, colours, zone))
    _label_ends(t, figure, drawn, x=last, bottom=bottom, colours=colours)
    positions, names = time_ticks(t, moments, zone)
    figure.update_xaxes(
        tickvals=positions,
        ticktext=names,
        tickangle=0,
        tickfont={"color": colours.muted},
        range=[-0.01 * len(moments), max(last, 1)],
    )
    figure.update_yaxes(range=[bottom, 102], ticksuffix=percent_sign(t), nticks=6)
    figure.update_layout(margin=_MARGIN)
    name_panel(figure, t("record.held.axis", n=_newest(moments)), y=1.0, colours=colours)
    return figure


def _line(
    t: Translator,
    one: HeldOverTime,
    moments: Sequence[datetime],
    dash: str,
    colours: Palette,
    zone: tzinfo,
) -> go.Scatter:
    shares = one.shares
    return go.Scatter(
        x=list(range(len(shares))),
        y=[None if share is None else 100 * share for share in shares],
        mode=line_mode(shares),
        marker={"color": colours.fan, "size": 8},
        cliponaxis=False,
        line={"color": colours.fan, "width": 2.2, "dash": dash},
        name=level_words(t, one.level),
        text=[
            t(
                "record.held.point",
                date=short_date(t, moment.astimezone(zone).date()),
                level=level_words(t, one.level),
                share=percent(t, share),
            )
            for moment, share in zip(moments, shares, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _label_ends(
    t: Translator,
    figure: go.Figure,
    drawn: Sequence[HeldOverTime],
    *,
    x: float,
    bottom: float,
    colours: Palette,
) -> None:
    """`80%: 79%` beside each line's end, moved apart where they would touch."""
    pixels = (_HEIGHT - _MARGIN["t"] - _MARGIN["b"]) / (102 - bottom)
    ends = sorted((100 * (one.newest or 0.0), one.level) for one in drawn)
    heights = spread_apart([end * pixels for end, _ in ends], _LABEL_PIXELS)
    for (end, level), height in zip(ends, heights, strict=True):
        name = level_words(t, level)
        figure.add_annotation(
            x=x,
            y=end,
            text=f"{name}: <b>{percent(t, end / 100)}</b>",
            xanchor="left",
            xshift=6,
            yshift=height - end * pixels,
            showarrow=False,
            font={"size": 12, "color": colours.text},
        )


def shares_words(
    t: Translator, series: Sequence[HeldOverTime], moments: Sequence[datetime], zone: tzinfo
) -> str:
    """The chart's text alternative."""
    ends = [
        t("record.held.end", level=level_words(t, one.level), share=percent(t, one.newest))
        for one in known(series)
    ]
    first, last = (short_date(t, m.astimezone(zone).date()) for m in (moments[0], moments[-1]))
    return t("record.held.alt", n=_newest(moments), first=first, last=last, ends=" ".join(ends))


def shares_caption(t: Translator, moments: Sequence[datetime]) -> str:
    """What the lines should do, and how far chance moves them."""
    n = _newest(moments)
    low, high = chance_band(n, 0.8)
    return t("record.held.caption", n=n, low=low, high=high)


def _newest(moments: Sequence[datetime]) -> int:
    """How many outcomes the last point stands for."""
    return min(len(moments), WINDOW)


def shares_numbers(
    t: Translator,
    series: Sequence[HeldOverTime],
    until: Sequence[date],
    *,
    file: str,
    about: About,
) -> Numbers:
    """What the chart draws; the table begins with the newest. `until` has sessions, or moments."""
    lines = [
        Column(
            f"held_{one.level:g}",
            one.shares,
            t("table.held.level", level=level_words(t, one.level)),
            partial(percent, t),
        )
        for one in known(series)
    ]
    columns = [Column("until", until, t("table.until"), partial(short_date, t)), *lines]
    return Numbers.of(columns, file=file, newest_first=True, about=about)
