"""How far from their nominal level ranges held, for the champion and its rivals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import plotly.graph_objects as go

from assay_frontend.api.models import Evaluation, ScoreRow
from assay_frontend.components.chance import chance_band
from assay_frontend.components.figures import (
    name_panel,
    quiet_figure,
    separators,
    signed_ticks,
)
from assay_frontend.components.numbers import Column, Numbers
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import level as level_words
from assay_frontend.i18n.formats import number, percent
from assay_frontend.theme.palette import Palette, translucent

RIVALS = ("random_walk", "garch_t")
_SYMBOLS = ("circle", "diamond-open", "triangle-up-open")
_SIDE = 0.17


def compared(evaluation: Evaluation) -> list[ScoreRow]:
    """The champion, then its permanent rivals."""
    rows = [evaluation.row(name) for name in (evaluation.champion, *RIVALS)]
    found = [row for row in rows if row is not None and row.coverage]
    return list({row.name: row for row in found}.values())


def coverage_figure(t: Translator, evaluation: Evaluation, colours: Palette) -> go.Figure:
    """A group of marks a level, in percentage points from it, and a band that chance explains."""
    rows = compared(evaluation)
    levels = [level for level, _ in rows[0].coverage]
    figure = quiet_figure(colours, height=320)
    for place, level in enumerate(levels):
        low, high = chance_band(evaluation.n, level)
        figure.add_shape(
            type="rect", x0=place - 0.4, x1=place + 0.4, line={"width": 0}, layer="below",
            y0=100 * (low / evaluation.n - level), y1=100 * (high / evaluation.n - level),
            fillcolor=translucent(colours.muted, 0.25),
        )  # fmt: skip
    ink = (colours.fan, colours.random_walk, colours.down)
    for i, row in enumerate(rows):
        shift = _SIDE * (i - (len(rows) - 1) / 2)
        figure.add_trace(_marks(t, row, shift, _SYMBOLS[i], ink[i]))
    reach = 1.25 * max(
        1.0, *(abs(100 * (share - level)) for row in rows for level, share in row.coverage)
    )
    figure.update_xaxes(
        tickvals=list(range(len(levels))), ticktext=[level_words(t, level) for level in levels],
        range=[-0.55, len(levels) - 0.45], tickfont={"color": colours.muted},
    )  # fmt: skip
    figure.update_yaxes(
        range=[-reach, reach], **signed_ticks(t, -reach, reach),
        zeroline=True, zerolinecolor=colours.random_walk, zerolinewidth=1,
    )  # fmt: skip
    figure.update_layout(
        margin={"l": 4, "r": 8, "t": 26, "b": 62},
        separators=separators(t),
        showlegend=True,
        legend={"orientation": "h", "y": -0.14, "x": 0, "font": {"color": colours.text}},
    )
    name_panel(figure, t("models.coverage.axis"), y=1.0, colours=colours)
    return figure


def _marks(t: Translator, row: ScoreRow, shift: float, symbol: str, colour: str) -> go.Scatter:
    name = t.named("model", row.name)
    return go.Scatter(
        x=[place + shift for place in range(len(row.coverage))],
        y=[100 * (share - level) for level, share in row.coverage],
        mode="markers",
        marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2}},
        name=name,
        text=[_words(t, name, level, share) for level, share in row.coverage],
        hovertemplate="%{text}<extra></extra>",
    )


def _words(t: Translator, name: str, level: float, share: float) -> str:
    return t(
        "models.coverage.point", name=name, level=level_words(t, level), share=percent(t, share, 1)
    )


def coverage_words(t: Translator, evaluation: Evaluation) -> str:
    """The chart's text alternative."""
    sentences = [
        _words(t, t.named("model", row.name), level, share)
        for row in compared(evaluation)
        for level, share in row.coverage
    ]
    n = number(t, evaluation.n)
    return t("models.coverage.alt", n=n, sentences=" ".join(sentences))


def coverage_numbers(t: Translator, rows: Sequence[ScoreRow], *, file: str) -> Numbers:
    """Every row by level."""
    names = [row.name for row in rows]
    shares = [
        Column(
            f"coverage_{level:g}",
            [dict(row.coverage).get(level) for row in rows],
            t("table.held.level", level=level_words(t, level)),
            partial(percent, t, decimals=1),
        )
        for level in sorted({level for row in rows for level, _ in row.coverage})
    ]
    model = Column("model", names, t("table.model"), partial(t.named, "model"))
    return Numbers.of([model, *shares], file=file)
