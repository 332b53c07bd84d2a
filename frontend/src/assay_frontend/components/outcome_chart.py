"""Issued gold forecasts with the closes that came: inside or outside, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

import plotly.graph_objects as go

from assay_frontend.api.track_models import GoldOutcome, IssuedForecast
from assay_frontend.components.figures import (
    name_panel,
    percent_sign,
    quiet_figure,
    separators,
    signed_ticks,
)
from assay_frontend.components.time_ticks import time_ticks
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import MISSING, money, number, percent, short_date
from assay_frontend.theme.palette import Palette, translucent

LEVEL = 0.8
SHOWN = 60
INSIDE, OUTSIDE = "circle", "x"

Scored = tuple[IssuedForecast, GoldOutcome]


def moment_of(day: date) -> datetime:
    """A session as a moment, for an axis of days; a moment is one."""
    return day if isinstance(day, datetime) else datetime.combine(day, time(), tzinfo=UTC)


def outcomes_figure(t: Translator, scored: Sequence[Scored], colours: Palette) -> go.Figure:
    """For each session the 80 % range as a bar and the close as a mark, both as changes from the
    close before it.
    """
    figure = quiet_figure(colours, height=360)
    lows, highs = zip(*(_edges(item) for item, _ in scored), strict=True)
    figure.add_trace(
        go.Bar(
            x=list(range(len(scored))),
            base=list(lows),
            y=[high - low for low, high in zip(lows, highs, strict=True)],
            width=0.78,
            marker={"color": translucent(colours.fan, 0.28)},
            hoverinfo="skip",
            name=t("record.range"),
        )
    )
    for held, symbol, colour, size in (
        (True, INSIDE, colours.fan, 7),
        (False, OUTSIDE, colours.down, 10),
    ):
        figure.add_trace(_marks(t, scored, held, symbol, colour, size))
    top = 1.08 * max(0.1, *(abs(v) for v in (*lows, *highs)), *(abs(_change(s)) for s in scored))
    positions, names = time_ticks(t, [moment_of(item.target) for item, _ in scored], UTC)
    figure.update_xaxes(
        tickvals=positions or [0],
        ticktext=names or [short_date(t, scored[0][0].target)],
        tickangle=0,
        range=[-0.9, len(scored) - 0.1],
        tickfont={"color": colours.muted},
    )
    figure.update_yaxes(
        range=[-top, top],
        **signed_ticks(t, -top, top, suffix=percent_sign(t)),
        zeroline=True,
        zerolinecolor=colours.random_walk,
        zerolinewidth=1,
    )
    figure.update_layout(
        margin={"l": 4, "r": 8, "t": 26, "b": 44}, separators=separators(t), bargap=0
    )
    name_panel(figure, t("record.outcomes.axis"), y=1.0, colours=colours)
    return figure


def _edges(item: IssuedForecast) -> tuple[float, float]:
    """The range's ends, in percent from the last close; both 0 where there is none."""
    interval = item.interval(LEVEL)
    if interval is None:
        return 0.0, 0.0
    return 100 * (interval.lower / item.last_close - 1), 100 * (
        interval.upper / item.last_close - 1
    )


def _change(scored: Scored) -> float:
    item, outcome = scored
    return 100 * (outcome.actual / item.last_close - 1)


def _marks(
    t: Translator, scored: Sequence[Scored], held: bool, symbol: str, colour: str, size: int
) -> go.Scatter:
    places = [i for i, (_, outcome) in enumerate(scored) if bool(outcome.held(LEVEL)) is held]
    return go.Scatter(
        x=places,
        y=[_change(scored[i]) for i in places],
        mode="markers",
        marker={"symbol": symbol, "size": size, "color": colour},
        name=t(f"record.{'inside' if held else 'outside'}"),
        text=[outcome_sentence(t, scored[i]) for i in places],
        hovertemplate="%{text}<extra></extra>",
    )


def outcome_sentence(t: Translator, scored: Scored) -> str:
    """`15 Apr 2025: closed at …, +0.4%; 80% range … to …: inside`."""
    item, outcome = scored
    interval = item.interval(LEVEL)
    lower, upper = (
        (MISSING, MISSING)
        if interval is None
        else (money(t, interval.lower, item.currency), money(t, interval.upper, item.currency))
    )
    return t(
        "record.outcomes.point",
        date=short_date(t, item.target),
        close=money(t, outcome.actual, item.currency),
        change=percent(t, outcome.actual / item.last_close - 1, 2, signed=True),
        lower=lower,
        upper=upper,
        outcome=t("record.inside" if outcome.held(LEVEL) else "record.outside"),
    )


def outcomes_words(t: Translator, scored: Sequence[Scored]) -> str:
    """The chart's text alternative."""
    outside = sum(not outcome.held(LEVEL) for _, outcome in scored)
    return t(
        "record.outcomes.alt",
        n=number(t, len(scored)),
        first=short_date(t, scored[0][0].target),
        last=short_date(t, scored[-1][0].target),
        inside=number(t, len(scored) - outside),
        outside=number(t, outside),
    )
