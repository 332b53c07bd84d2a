"""The forecasts' loss so far beside that of doing nothing, on the same days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from functools import partial

import plotly.graph_objects as go

from assay_frontend.components.chance import LEAST
from assay_frontend.components.figures import (
    line_mode,
    name_panel,
    percent_sign,
    quiet_figure,
    separators,
    signed_ticks,
)
from assay_frontend.components.numbers import About, Column, Numbers
from assay_frontend.components.outcome_chart import Scored, moment_of
from assay_frontend.components.time_ticks import time_ticks
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import ratio_change, short_date
from assay_frontend.theme.palette import Palette


def ratio_so_far(scored: Sequence[Scored]) -> list[float | None]:
    """CRPS over the random walk's, both summed over all days up to each; None for the first ones,
    and where the random walk has no score yet.
    """
    own = rival = 0.0
    path: list[float | None] = []
    days = 0
    for _, outcome in scored:
        if outcome.random_walk_crps is not None:
            own, rival, days = own + outcome.crps, rival + outcome.random_walk_crps, days + 1
        path.append(own / rival if rival > 0 and days >= LEAST else None)
    return path


def skill_figure(t: Translator, scored: Sequence[Scored], colours: Palette) -> go.Figure:
    """How far from the random walk, which is at zero; below is better."""
    path = ratio_so_far(scored)
    figure = quiet_figure(colours, height=320)
    figure.add_trace(
        go.Scatter(
            x=list(range(len(path))),
            y=[None if value is None else 100 * (value - 1) for value in path],
            mode=line_mode(path),
            marker={"color": colours.fan, "size": 8},
            cliponaxis=False,
            line={"color": colours.fan, "width": 2.2},
            text=[
                t(
                    "record.skill.point",
                    date=short_date(t, item.target),
                    change=ratio_change(t, value),
                )
                for (item, _), value in zip(scored, path, strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
            name=t("record.skill"),
        )
    )
    reach = 1.15 * max(0.5, *(abs(100 * (value - 1)) for value in path if value is not None))
    positions, names = time_ticks(t, [moment_of(item.target) for item, _ in scored], UTC)
    figure.update_xaxes(
        tickvals=positions, ticktext=names, tickangle=0, tickfont={"color": colours.muted},
        range=[-0.01 * len(path), len(path) - 1],
    )  # fmt: skip
    figure.update_yaxes(
        range=[-reach, reach],
        **signed_ticks(t, -reach, reach, suffix=percent_sign(t)),
    )
    figure.add_shape(
        type="line", x0=0, x1=len(path) - 1, y0=0, y1=0,
        line={"color": colours.random_walk, "width": 1.5, "dash": "dash"},
    )  # fmt: skip
    figure.add_annotation(
        text=t("chart.walk"), xref="paper", x=1, y=0, xanchor="right", yanchor="top",
        showarrow=False, font={"size": 12, "color": colours.muted},
    )  # fmt: skip
    figure.update_layout(margin={"l": 4, "r": 8, "t": 26, "b": 44}, separators=separators(t))
    name_panel(figure, t("record.skill.axis"), y=1.0, colours=colours)
    return figure


def skill_words(t: Translator, scored: Sequence[Scored]) -> str:
    """The chart's text alternative."""
    known = [value for value in ratio_so_far(scored) if value is not None]
    return t(
        "record.skill.alt",
        first=short_date(t, scored[0][0].target),
        last=short_date(t, scored[-1][0].target),
        low=ratio_change(t, min(known)),
        high=ratio_change(t, max(known)),
        now=ratio_change(t, known[-1]),
    )


def skill_numbers(t: Translator, scored: Sequence[Scored], *, file: str, about: About) -> Numbers:
    """What the chart draws; the table begins with the newest."""
    targets = [item.target for item, _ in scored]
    return Numbers.of(
        [
            Column("until", targets, t("table.until"), partial(short_date, t)),
            Column(
                "crps_ratio_rw", ratio_so_far(scored), t("record.skill"), partial(ratio_change, t)
            ),
        ],
        file=file,
        about=about,
        newest_first=True,
    )
