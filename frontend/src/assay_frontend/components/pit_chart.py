"""Where outcomes stood in their forecasts' distributions: even where forecasts are right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import plotly.graph_objects as go

from assay_frontend.components.chance import chance_band, lean, uneven_p
from assay_frontend.components.figures import name_panel, quiet_figure
from assay_frontend.components.numbers import About, Column, Numbers
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number, p_value, percent
from assay_frontend.theme.palette import Palette, translucent

# Up to here each count has its line on the axis.
FEW = 5
UNEVEN = 0.05  # p-value
LEANING = 1.96  # standard errors


def pit_figure(t: Translator, counts: Sequence[int], colours: Palette) -> go.Figure:
    """A bar for each equal part of the distribution, a dashed line at an even share, and a band
    that chance explains.
    """
    n, parts = sum(counts), len(counts)
    figure = quiet_figure(colours, height=320)
    low, high = chance_band(n, 1 / parts)
    figure.add_shape(
        type="rect",
        x0=-0.5,
        x1=parts - 0.5,
        y0=low,
        y1=high,
        line={"width": 0},
        fillcolor=translucent(colours.muted, 0.22),
        layer="below",
    )
    figure.add_trace(
        go.Bar(
            x=list(range(parts)),
            y=list(counts),
            width=0.7,
            marker={"color": colours.fan},
            text=[number(t, count) for count in counts],
            textposition="auto",
            insidetextanchor="start",
            insidetextfont={"color": colours.background, "size": 12},
            outsidetextfont={"color": colours.text, "size": 12},
            textangle=0,
            cliponaxis=False,
            hovertext=[_words(t, i, counts) for i in range(parts)],
            hoverinfo="text",
        )
    )
    figure.add_shape(
        type="line",
        x0=-0.5,
        x1=parts - 0.5,
        y0=n / parts,
        y1=n / parts,
        line={"color": colours.random_walk, "width": 1.5, "dash": "dash"},
    )
    figure.update_xaxes(
        tickvals=[0.3, parts / 2 - 0.5, parts - 1.3],
        ticktext=[t("record.pit.low"), t("record.pit.middle"), t("record.pit.high")],
        tickangle=0,
        range=[-0.9, parts - 0.1],
        tickfont={"color": colours.muted},
    )
    top = 1.15 * max([*counts, high, 1])
    steps = {"nticks": 5} if top > FEW else {"dtick": 1}  # no halves of a close
    figure.update_yaxes(range=[0, top], tickformat=",.0f", **steps)
    figure.update_layout(margin={"l": 4, "r": 8, "t": 26, "b": 30})
    name_panel(figure, t("record.pit.axis"), y=1.0, colours=colours)
    return figure


def _words(t: Translator, part: int, counts: Sequence[int]) -> str:
    parts, n = len(counts), sum(counts)
    return t(
        "record.pit.point",
        low=percent(t, part / parts),
        high=percent(t, (part + 1) / parts),
        count=number(t, counts[part]),
        share=percent(t, counts[part] / n if n else None),
    )


def pit_words(t: Translator, counts: Sequence[int]) -> str:
    """The chart's text alternative."""
    n, parts = sum(counts), len(counts)
    low, high = chance_band(n, 1 / parts)
    return t(
        "record.pit.alt",
        n=number(t, n),
        parts=parts,
        counts=", ".join(number(t, count) for count in counts),
        low=number(t, low),
        high=number(t, high),
    )


def pit_verdict(t: Translator, counts: Sequence[int]) -> str:
    """Whether all bars together are what chance explains (Markdown); nothing of few outcomes."""
    p = uneven_p(counts)
    if p is None:
        return ""
    kind = "even"
    if p < UNEVEN:
        leaning = lean(counts)
        kind = "uneven" if abs(leaning) < LEANING else "high" if leaning > 0 else "low"
    return t(f"record.pit.verdict.{kind}", p=p_value(t, p))


def pit_numbers(t: Translator, counts: Sequence[int], *, file: str, about: About) -> Numbers:
    """What the chart draws."""
    n, parts = sum(counts), len(counts)
    bounds = [(i / parts, (i + 1) / parts) for i in range(parts)]

    def part(bound: tuple[float, float]) -> str:
        low, high = (percent(t, share) for share in bound)
        return t("record.pit.part", low=low, high=high)

    return Numbers.of(
        [
            Column("", bounds, t("table.part"), part),
            Column("from", [low for low, _ in bounds]),
            Column("to", [high for _, high in bounds]),
            Column("n", counts, t("table.outcomes"), partial(number, t)),
            Column(
                "share",
                [count / n if n else None for count in counts],
                t("table.share"),
                partial(percent, t, decimals=1),
            ),
        ],
        file=file,
        about=about,
    )
