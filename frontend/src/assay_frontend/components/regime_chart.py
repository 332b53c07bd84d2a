"""A coin's regimes over time as a ribbon of three lanes, with the risk score above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import plotly.graph_objects as go

from assay_frontend.api.crypto_models import REGIMES, CoinHours, PastHour
from assay_frontend.components.figures import (
    name_panel,
    percent_sign,
    quiet_figure,
    separators,
    watermark,
)
from assay_frontend.components.regimes import regime_text, regime_word
from assay_frontend.components.tables import Table, csv_text
from assay_frontend.components.time_ticks import time_ticks
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    fine_percents,
    length,
    percent,
    price,
    risk_percent,
    short_instant,
    zone_name,
)
from assay_frontend.i18n.formats import span as time_span
from assay_frontend.theme.palette import Palette, translucent

MOST_POINTS = 720
LISTED_HOURS = 720
USUAL_RISK = 0.2
_HEIGHT = 330


@dataclass(frozen=True, slots=True)
class Span:
    """Hours `first` to `last` of one regime, as positions."""

    regime: str
    first: int
    last: int


def spans_of(hours: Sequence[PastHour]) -> list[Span]:
    """Neighbours of equal regime together; hours without one are left out."""
    spans: list[Span] = []
    for place, hour in enumerate(hours):
        if hour.regime is None:
            continue
        if spans and spans[-1].regime == hour.regime and spans[-1].last == place - 1:
            spans[-1] = Span(hour.regime, spans[-1].first, place)
        else:
            spans.append(Span(hour.regime, place, place))
    return spans


def shares_of(hours: Sequence[PastHour]) -> dict[str, float]:
    """Of the hours that have a regime, how many had which."""
    known = [hour.regime for hour in hours if hour.regime is not None]
    return {name: known.count(name) / len(known) for name in REGIMES} if known else {}


def regime_figure(t: Translator, found: CoinHours, colours: Palette, zone: tzinfo) -> go.Figure:
    hours = found.hours
    figure = quiet_figure(colours, height=_HEIGHT)
    figure.add_trace(_risk_trace(t, hours, colours, zone))
    for regime in REGIMES:
        figure.add_trace(_lane(t, hours, regime, colours, zone))
    figure.add_shape(
        type="line", xref="paper", x0=0, x1=1, y0=100 * USUAL_RISK, y1=100 * USUAL_RISK,
        line={"color": colours.muted, "width": 1, "dash": "dash"},
    )  # fmt: skip
    positions, names = time_ticks(t, [hour.time for hour in hours], zone)
    figure.update_xaxes(
        tickvals=positions, ticktext=names, tickangle=0, anchor="y2",
        range=[-0.005 * len(hours), 1.005 * len(hours)], tickfont={"color": colours.muted},
    )  # fmt: skip
    top = max(40.0, *(100 * h.risk_score for h in hours if h.risk_score is not None), 0.0)
    figure.update_layout(
        yaxis={
            "domain": [0.52, 1.0], "range": [0, min(100.0, 1.08 * top)], "nticks": 4,
            "ticksuffix": percent_sign(t), "tickformat": ",.0f",
        },
        yaxis2={
            "domain": [0.0, 0.36], "range": [-0.6, 2.6], "tickvals": [0, 1, 2], "anchor": "x",
            "ticktext": [regime_text(t, regime) for regime in REGIMES], "fixedrange": True,
            "showgrid": False, "zeroline": False, "automargin": True,
            "tickfont": {"color": colours.text, "size": 13},
        },
        barmode="overlay",  # or the three traces' bars stand beside each other, out of their lanes
        separators=separators(t),
        margin={"l": 4, "r": 8, "t": 26, "b": 44},
    )  # fmt: skip
    title = t("ribbon.risk", span=length(t, found.horizon_minutes))
    name_panel(figure, title, y=1.0, colours=colours)
    name_panel(figure, t("ribbon.regime"), y=0.37, colours=colours)
    watermark(t, figure, found.provenance.source, colours)
    return figure


def _risk_trace(
    t: Translator, hours: Sequence[PastHour], colours: Palette, zone: tzinfo
) -> go.Scatter:
    step = max(1, -(-len(hours) // MOST_POINTS))
    kept = list(range(len(hours) - 1, -1, -step))[::-1]
    words = [
        t("ribbon.point", time=_time(t, hours[i].time, zone), risk=risk_percent(t, score))
        if (score := hours[i].risk_score) is not None
        else ""
        for i in kept
    ]
    return go.Scatter(
        x=kept,
        y=[None if (s := hours[i].risk_score) is None else 100 * s for i in kept],
        mode="lines",
        line={"color": colours.fan, "width": 1.5},
        text=words,
        hovertemplate="%{text}<extra></extra>",
        name=t("coin.risk"),
    )


def _lane(
    t: Translator, hours: Sequence[PastHour], regime: str, colours: Palette, zone: tzinfo
) -> go.Bar:
    spans = [span for span in spans_of(hours) if span.regime == regime]
    colour = {"calm": colours.up, "normal": colours.muted, "turbulent": colours.down}[regime]
    return go.Bar(
        base=[span.first for span in spans],
        x=[span.last - span.first + 1 for span in spans],
        y=[REGIMES.index(regime)] * len(spans),
        yaxis="y2",
        orientation="h",
        width=0.72,
        marker={"color": translucent(colour, 0.9), "line": {"width": 0}},
        hovertext=[_span_words(t, hours, span, zone) for span in spans],
        hoverinfo="text",
        name=regime_word(t, regime),
    )


def _span_words(t: Translator, hours: Sequence[PastHour], span: Span, zone: tzinfo) -> str:
    return t(
        "ribbon.span",
        regime=regime_word(t, span.regime),
        first=_time(t, hours[span.first].time, zone),
        last=_time(t, hours[span.last].time, zone),
    )


def _time(t: Translator, moment: datetime, zone: tzinfo) -> str:
    return f"{short_instant(t, moment, zone)} {zone_name(moment.astimezone(zone))}"


def regime_words(t: Translator, found: CoinHours, zone: tzinfo) -> str:
    """The ribbon's text alternative."""
    hours, shares = found.hours, shares_of(found.hours)
    scores = [hour.risk_score for hour in hours if hour.risk_score is not None]
    return t(
        "ribbon.alt",
        symbol=found.symbol,
        first=_time(t, hours[0].time, zone),
        last=_time(t, hours[-1].time, zone),
        shares=", ".join(f"{regime_word(t, name)} {percent(t, v)}" for name, v in shares.items()),
        now=regime_word(t, hours[-1].regime or ""),
        low=risk_percent(t, min(scores)) if scores else "",
        high=risk_percent(t, max(scores)) if scores else "",
    )


def ribbon_sentence(t: Translator, found: CoinHours) -> str:
    """How the hours were spent, and for how long the present regime has lasted."""
    shares, spans = shares_of(found.hours), spans_of(found.hours)
    told = t("ribbon.shares", **{name: percent(t, share) for name, share in shares.items()})
    last = spans[-1]
    lasted = last.last - last.first + 1
    key = "ribbon.all" if len(spans) == 1 else "ribbon.since"
    now = t(key, regime=regime_word(t, last.regime), span=time_span(t, 3600.0 * lasted))
    return f"{told} {now}"


def hours_table(t: Translator, found: CoinHours, zone: tzinfo) -> Table:
    """Newest first; the last 30 days of a longer look back."""
    rows = found.hours[-LISTED_HOURS:][::-1]
    quote = found.symbol.partition("/")[2]
    return {
        t("table.until"): [short_instant(t, hour.time, zone) for hour in rows],
        t("table.close"): [price(t, hour.close, quote) for hour in rows],
        t("coin.regime"): [regime_text(t, hour.regime) if hour.regime else "" for hour in rows],
        t("coin.risk"): [percent(t, hour.risk_score, 1) for hour in rows],
        t("coin.volatility"): fine_percents(t, [hour.volatility for hour in rows]),
        t("coin.chart.realized"): fine_percents(t, [hour.realized for hour in rows]),
    }


def hours_csv(found: CoinHours) -> str:
    header = (
        "time", "close", "vol_regime", "risk_score", "volatility", "realized_volatility",
        "horizon_min", "symbol", "source",
    )  # fmt: skip
    return csv_text(
        header,
        [
            (
                hour.time, hour.close, hour.regime, hour.risk_score, hour.volatility,
                hour.realized, found.horizon_minutes, found.symbol, found.provenance.source,
            )
            for hour in found.hours
        ],
    )  # fmt: skip
