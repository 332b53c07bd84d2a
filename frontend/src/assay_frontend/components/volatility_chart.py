"""A coin's volatility as it was, with the forecast beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import plotly.graph_objects as go

from assay_frontend.api.crypto_models import CoinBars, Signal
from assay_frontend.components.figures import (
    MOST_TICKS,
    axis_decimals,
    line_mode,
    name_panel,
    quiet_figure,
    separators,
    spread_apart,
    watermark,
)
from assay_frontend.components.realized import measure_of, realized_path
from assay_frontend.components.time_ticks import time_ticks
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    fine_percent,
    fine_percents,
    length,
    short_instant,
    zone_name,
)
from assay_frontend.markets import MINUTES
from assay_frontend.theme.palette import Palette, translucent

MOST_POINTS = 600
_HEIGHT = 400
_MARGIN = {"l": 4, "r": 58, "t": 26, "b": 44}
_BAND_SHARE = (0.08, 0.25)  # of the chart's width, at least and at the most
_LABEL_PIXELS = 16.0


@dataclass(frozen=True, slots=True)
class PastVolatility:
    """Volatility over past spans of the horizon, each named by the moment it ended."""

    ends: tuple[datetime, ...]
    values: tuple[float | None, ...]
    source: str
    horizon_minutes: int

    @classmethod
    def before(cls, signal: Signal, past: CoinBars) -> PastVolatility:
        """What came before the signal, measured as its own outcome will be."""
        horizon = signal.horizon_minutes
        bar_minutes = MINUTES[past.timeframe]
        path = realized_path(
            past.bars,
            bar_minutes=bar_minutes,
            horizon_minutes=horizon,
            measure=signal.measure or measure_of(horizon),
        )
        return cls.thinned(past, path, horizon)

    @classmethod
    def thinned(
        cls, past: CoinBars, path: Sequence[float | None], horizon_minutes: int
    ) -> PastVolatility:
        """From the first known value on, as many as a screen can show."""
        bar = timedelta(minutes=MINUTES[past.timeframe])
        start = next((i for i, value in enumerate(path) if value is not None), len(path))
        step = max(1, -(-(len(path) - start) // MOST_POINTS))
        kept = list(range(len(path) - 1, start - 1, -step))[::-1]
        return cls(
            ends=tuple(past.bars[i].opened + bar for i in kept),
            values=tuple(path[i] for i in kept),
            source=past.provenance.source,
            horizon_minutes=horizon_minutes,
        )

    @property
    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]


def volatility_figure(
    t: Translator, past: PastVolatility, signal: Signal, colours: Palette, zone: tzinfo
) -> go.Figure:
    """The past as a line; at its right the forecast with its 80 % interval; dashed the threshold
    that the risk score speaks of.
    """
    last = len(past.values) - 1
    width = _band_width(past)
    figure = quiet_figure(colours, height=_HEIGHT)
    figure.add_trace(_past_trace(t, past, colours, zone))
    _add_forecast(t, figure, signal, start=last, end=last + width, colours=colours)
    top = 1.1 * max([*past.known, *_edges(signal), 1e-6])
    pixels = (_HEIGHT - _MARGIN["t"] - _MARGIN["b"]) / (100 * top)
    _label_edges(t, figure, signal, x=last + width, pixels_per_percent=pixels, colours=colours)
    _add_threshold(t, figure, signal, x=(0, last + width), colours=colours)
    positions, names = time_ticks(t, past.ends, zone)
    figure.update_xaxes(
        tickvals=positions,
        ticktext=names,
        tickangle=0,
        range=[-0.01 * len(past.values), last + width],
        tickfont={"color": colours.muted},
    )
    figure.update_yaxes(
        tickformat=f",.{axis_decimals(100 * top)}f", nticks=MOST_TICKS, range=[0, 100 * top]
    )
    figure.update_layout(margin=_MARGIN, separators=separators(t))
    unit = t("coin.chart.volatility", span=length(t, past.horizon_minutes))
    name_panel(figure, unit, y=1.0, colours=colours)
    watermark(t, figure, past.source, colours)
    return figure


def _band_width(past: PastVolatility) -> float:
    """As wide as the horizon is long, as far as that can be seen and leaves the past its room."""
    count = len(past.ends)
    least, most = (max(1.0, share * count) for share in _BAND_SHARE)
    if count < 2:
        return most
    a_point = (past.ends[-1] - past.ends[0]) / (count - 1)
    return min(max(timedelta(minutes=past.horizon_minutes) / a_point, least), most)


def _past_trace(t: Translator, past: PastVolatility, colours: Palette, zone: tzinfo) -> go.Scatter:
    return go.Scatter(
        x=list(range(len(past.values))),
        y=[None if value is None else 100 * value for value in past.values],
        mode=line_mode(past.values),
        line={"color": colours.random_walk, "width": 1.4},
        connectgaps=False,
        text=[
            t(
                "coin.chart.past",
                until=f"{short_instant(t, end, zone)} {zone_name(end.astimezone(zone))}",
                value=fine_percent(t, value),
            )
            for end, value in zip(past.ends, past.values, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
        name=t("coin.chart.realized"),
    )


def _edges(signal: Signal) -> list[float]:
    found = signal.volatility
    return [v for v in (found.lower, found.horizon, found.upper) if v is not None]


def _add_forecast(
    t: Translator,
    figure: go.Figure,
    signal: Signal,
    *,
    start: float,
    end: float,
    colours: Palette,
) -> None:
    found = signal.volatility
    if found.lower is not None and found.upper is not None:
        low, high = 100 * found.lower, 100 * found.upper
        figure.add_trace(
            go.Scatter(
                x=[start, end, end, start],
                y=[low, low, high, high],
                fill="toself",
                fillcolor=translucent(colours.fan, 0.3),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                name=t("chart.level", level="80%"),
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[start, end],
            y=[100 * found.horizon] * 2,
            mode="lines",
            line={"color": colours.fan, "width": 3},
            text=[t("coin.chart.forecast.value", value=fine_percent(t, found.horizon))] * 2,
            hovertemplate="%{text}<extra></extra>",
            name=t("coin.chart.forecast"),
        )
    )


def _label_edges(
    t: Translator,
    figure: go.Figure,
    signal: Signal,
    *,
    x: float,
    pixels_per_percent: float,
    colours: Palette,
) -> None:
    """The interval's ends and the forecast, beside the band."""
    edges = sorted(_edges(signal))
    heights = [100 * value * pixels_per_percent for value in edges]
    moved = spread_apart(heights, _LABEL_PIXELS)
    texts = fine_percents(t, edges)
    for value, text, height, to in zip(edges, texts, heights, moved, strict=True):
        figure.add_annotation(
            x=x,
            y=100 * value,
            text=text,
            xanchor="left",
            xshift=6,
            yshift=to - height,
            showarrow=False,
            font={
                "size": 12,
                "color": colours.text,
                "weight": 700 if value == signal.volatility.horizon else 400,
            },
        )


def _add_threshold(
    t: Translator,
    figure: go.Figure,
    signal: Signal,
    *,
    x: tuple[float, float],
    colours: Palette,
) -> None:
    threshold = signal.volatility.threshold
    if threshold is None:
        return
    figure.add_trace(
        go.Scatter(
            x=list(x),
            y=[100 * threshold] * 2,
            mode="lines",
            line={"color": colours.down, "width": 1.5, "dash": "dash"},
            text=[t("coin.chart.threshold.value", value=fine_percent(t, threshold))] * 2,
            hovertemplate="%{text}<extra></extra>",
            name=t("coin.chart.threshold"),
        )
    )


def volatility_words(t: Translator, past: PastVolatility, signal: Signal, zone: tzinfo) -> str:
    """The volatility chart's text alternative."""
    found, known = signal.volatility, past.known
    lower, upper = fine_percents(t, [found.lower, found.upper])
    return t(
        "coin.chart.volatility.alt",
        symbol=signal.symbol,
        span=length(t, past.horizon_minutes),
        first=short_instant(t, past.ends[0], zone) if past.ends else MISSING,
        low=fine_percent(t, min(known, default=None)),
        high=fine_percent(t, max(known, default=None)),
        last=fine_percent(t, known[-1] if known else None),
        forecast=fine_percent(t, found.horizon),
        lower=lower,
        upper=upper,
        threshold=fine_percent(t, found.threshold),
    )
