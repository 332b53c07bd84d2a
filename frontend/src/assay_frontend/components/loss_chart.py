"""Returns beside the value at risk that was announced for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import tzinfo
from functools import partial

import plotly.graph_objects as go

from assay_frontend.api.models import at_level
from assay_frontend.api.track_models import IssuedSignal, SignalOutcome
from assay_frontend.components.figures import (
    name_panel,
    percent_sign,
    quiet_figure,
    separators,
    signed_ticks,
)
from assay_frontend.components.numbers import About, Column, Numbers
from assay_frontend.components.time_ticks import time_ticks
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import fine_percent, number, percent, short_instant
from assay_frontend.theme.palette import Palette, translucent

CONFIDENCE = 0.95
SHOWN = 120

ScoredSignal = tuple[IssuedSignal, SignalOutcome]


def losses_figure(
    t: Translator, scored: Sequence[ScoredSignal], colours: Palette, zone: tzinfo
) -> go.Figure:
    """A bar down to the value at risk of each signal, and a mark at what the price did."""
    figure = quiet_figure(colours, height=360)
    limits = [-100 * (at_level(item.value_at_risk, CONFIDENCE) or 0.0) for item, _ in scored]
    changes = [100 * math.expm1(outcome.log_return) for _, outcome in scored]
    figure.add_trace(
        go.Bar(
            x=list(range(len(scored))),
            y=limits,
            width=0.78,
            marker={"color": translucent(colours.fan, 0.28)},
            hoverinfo="skip",
            name=t("coin.var"),
        )
    )
    for beyond, symbol, colour, size in (
        (False, "circle", colours.fan, 7),
        (True, "x", colours.down, 10),
    ):
        figure.add_trace(_marks(t, scored, changes, beyond, symbol, colour, size, zone))
    low, high = 1.1 * min([*limits, *changes, -0.05]), 1.1 * max([*changes, 0.05])
    positions, names = time_ticks(t, [item.row.due for item, _ in scored], zone)
    figure.update_xaxes(
        tickvals=positions or [0],
        ticktext=names or [short_instant(t, scored[0][0].row.due, zone)],
        tickangle=0,
        range=[-0.9, len(scored) - 0.1],
        tickfont={"color": colours.muted},
    )
    figure.update_yaxes(
        range=[low, high],
        **signed_ticks(t, low, high, suffix=percent_sign(t)),
        zeroline=True,
        zerolinecolor=colours.random_walk,
        zerolinewidth=1,
    )
    figure.update_layout(
        margin={"l": 4, "r": 8, "t": 26, "b": 44}, separators=separators(t), bargap=0
    )
    name_panel(figure, t("record.losses.axis"), y=1.0, colours=colours)
    return figure


def _marks(
    t: Translator,
    scored: Sequence[ScoredSignal],
    changes: Sequence[float],
    beyond: bool,
    symbol: str,
    colour: str,
    size: int,
    zone: tzinfo,
) -> go.Scatter:
    places = [i for i, (_, out) in enumerate(scored) if bool(out.lost_beyond(CONFIDENCE)) is beyond]
    return go.Scatter(
        x=places,
        y=[changes[i] for i in places],
        mode="markers",
        marker={"symbol": symbol, "size": size, "color": colour},
        name=t(f"record.{'beyond' if beyond else 'within'}"),
        text=[loss_sentence(t, scored[i], zone) for i in places],
        hovertemplate="%{text}<extra></extra>",
    )


def loss_sentence(t: Translator, scored: ScoredSignal, zone: tzinfo) -> str:
    item, outcome = scored
    return t(
        "record.losses.point",
        until=short_instant(t, item.row.due, zone),
        change=percent(t, math.expm1(outcome.log_return), 2, signed=True),
        limit=fine_percent(t, at_level(item.value_at_risk, CONFIDENCE)),
        outcome=t("record.beyond" if outcome.lost_beyond(CONFIDENCE) else "record.within"),
    )


def losses_words(t: Translator, scored: Sequence[ScoredSignal], zone: tzinfo) -> str:
    """The chart's text alternative."""
    beyond = sum(bool(outcome.lost_beyond(CONFIDENCE)) for _, outcome in scored)
    return t(
        "record.losses.alt",
        n=number(t, len(scored)),
        first=short_instant(t, scored[0][0].row.due, zone),
        last=short_instant(t, scored[-1][0].row.due, zone),
        beyond=number(t, beyond),
        within=number(t, len(scored) - beyond),
    )


def losses_numbers(
    t: Translator, scored: Sequence[ScoredSignal], zone: tzinfo, *, file: str, about: About
) -> Numbers:
    """What the chart draws; the table begins with the newest."""
    changes = [math.expm1(outcome.log_return) for _, outcome in scored]
    limits = [at_level(item.value_at_risk, CONFIDENCE) for item, _ in scored]
    beyond = [bool(outcome.lost_beyond(CONFIDENCE)) for _, outcome in scored]
    return Numbers.of(
        [
            Column(
                "until",
                [item.row.due for item, _ in scored],
                t("table.until"),
                lambda moment: short_instant(t, moment, zone),
            ),
            Column(
                "simple_return", changes, t("table.return"),
                partial(percent, t, decimals=2, signed=True),
            ),
            Column("value_at_risk_95", limits, t("coin.var"), partial(fine_percent, t)),
            Column(
                "beyond", beyond, t("table.outcome"),
                lambda lost: t("record.beyond" if lost else "record.within"),
            ),
        ],
        file=file,
        about=about,
        newest_first=True,
    )  # fmt: skip
