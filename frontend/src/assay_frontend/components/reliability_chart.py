"""What risk scores said, beside how often high volatility came."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import plotly.graph_objects as go

from assay_frontend.api.track_models import ReliabilityPoint
from assay_frontend.components.chance import chance_band
from assay_frontend.components.figures import name_panel, quiet_figure, watermark
from assay_frontend.components.numbers import About, Column, Numbers
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number, percent
from assay_frontend.theme.palette import Palette, translucent

_TICKS = (0, 25, 50, 75, 100)
_CHARACTER, _BOX, _MARK = 2.6, 1.6, 2.2  # sizes on a phone, in percent of the scale


def reliability_figure(
    t: Translator, points: Sequence[ReliabilityPoint], colours: Palette, *, source: str = ""
) -> go.Figure:
    """A mark for each tenth of the scale; on the dashed diagonal scores can be taken at their word,
    and a box around it reaches as far as chance alone explains.
    """
    figure = quiet_figure(colours, height=360)
    bands = [_band(point) for point in points]
    for point, (low, high) in zip(points, bands, strict=True):
        said = 100 * point.said
        figure.add_shape(
            type="rect", x0=said - _BOX, x1=said + _BOX, y0=low, y1=high, line={"width": 0},
            layer="below", fillcolor=translucent(colours.muted, 0.25),
        )  # fmt: skip
    figure.add_shape(
        type="line", x0=0, y0=0, x1=100, y1=100,
        line={"color": colours.random_walk, "width": 1.5, "dash": "dash"},
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[100 * point.said for point in points],
            y=[100 * point.happened for point in points],
            mode="markers",
            marker={"size": 11, "color": colours.fan, "line": {"width": 0}},
            cliponaxis=False,
            hovertext=[point_sentence(t, point) for point in points],
            hoverinfo="text",
            name=t("record.reliability.name"),
        )
    )
    tops = [
        max(100 * point.happened + _MARK, high)
        for point, (_, high) in zip(points, bands, strict=True)
    ]
    _add_counts(t, figure, points, tops, colours)
    figure.update_xaxes(
        range=[-3, 106], tickvals=_TICKS, ticktext=[percent(t, v / 100) for v in _TICKS],
        tickfont={"color": colours.muted}, showgrid=True, gridcolor=colours.grid, gridwidth=0.5,
        title={"text": t("record.reliability.said"), "font": {"size": 12, "color": colours.muted}},
    )  # fmt: skip
    figure.update_yaxes(
        range=[-3, 106], tickvals=_TICKS, ticktext=[percent(t, v / 100) for v in _TICKS]
    )
    figure.update_layout(margin={"l": 4, "r": 8, "t": 26, "b": 48})
    name_panel(figure, t("record.reliability.happened"), y=1.0, colours=colours)
    watermark(t, figure, source, colours)
    return figure


def _band(point: ReliabilityPoint) -> tuple[float, float]:
    """Within which, in percent, the share falls 19 times of 20 where scores are right."""
    low, high = chance_band(point.n, min(max(point.said, 1e-6), 1 - 1e-6))
    return 100 * low / point.n, 100 * high / point.n


def _add_counts(
    t: Translator,
    figure: go.Figure,
    points: Sequence[ReliabilityPoint],
    tops: Sequence[float],
    colours: Palette,
) -> None:
    """Above each mark and box, unless another mark stands too near; the table has them all."""
    for point, top in zip(points, tops, strict=True):
        text = number(t, point.n)
        if _has_room(point, points, _CHARACTER * len(text) / 2 + _BOX):
            figure.add_annotation(
                text=text, x=100 * point.said, y=top, yanchor="bottom", showarrow=False,
                font={"size": 12, "color": colours.muted},
            )  # fmt: skip


def _has_room(point: ReliabilityPoint, points: Sequence[ReliabilityPoint], least: float) -> bool:
    return all(abs(100 * (other.said - point.said)) >= least for other in points if other != point)


def point_sentence(t: Translator, point: ReliabilityPoint) -> str:
    return t(
        "record.reliability.point",
        n=number(t, point.n),
        said=percent(t, point.said),
        happened=percent(t, point.happened),
    )


def reliability_words(t: Translator, points: Sequence[ReliabilityPoint]) -> str:
    """The chart's text alternative."""
    return t(
        "record.reliability.alt",
        n=number(t, sum(point.n for point in points)),
        sentences=" ".join(point_sentence(t, point) for point in points),
    )


def reliability_numbers(
    t: Translator, points: Sequence[ReliabilityPoint], *, file: str, about: About
) -> Numbers:
    """What the chart draws."""
    share = partial(percent, t, decimals=1)
    return Numbers.of(
        [
            Column("said", [point.said for point in points], t("table.said"), share),
            Column("happened", [point.happened for point in points], t("table.happened"), share),
            Column("n", [point.n for point in points], t("table.signals"), partial(number, t)),
        ],
        file=file,
        about=about,
    )
