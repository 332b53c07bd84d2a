"""What an exposure led by the signals would have earned, beside buy-and-hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from itertools import accumulate
from typing import Any

import plotly.graph_objects as go

from assay_frontend.api.backtest_models import Backtest, PortfolioFigures
from assay_frontend.components.figures import (
    name_panel,
    percent_sign,
    quiet_figure,
    separators,
    watermark,
)
from assay_frontend.components.numbers import About, Column, Numbers
from assay_frontend.components.time_ticks import time_ticks
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number, percent, short_date, short_instant
from assay_frontend.theme.palette import Palette, translucent

_HEIGHT = 440

Words = Callable[[Any], str]


def drawdowns(equity: Sequence[float]) -> list[float]:
    """The fall from the highest equity so far (the start's 1 is one), as a share, 0 or below.

    >>> drawdowns([1.1, 0.99, 1.2])
    [0.0, -0.1, 0.0]
    """
    peaks = accumulate(equity, max, initial=1.0)
    next(peaks)
    return [round(value / peak - 1, 12) for value, peak in zip(equity, peaks, strict=True)]


def equity_figure(t: Translator, found: Backtest, colours: Palette, zone: tzinfo) -> go.Figure:
    """Equity above, drawdown below; the signals' solid, buy-and-hold dashed."""
    curves = found.curves
    figure = quiet_figure(colours, height=_HEIGHT)
    days = [short_date(t, moment.astimezone(zone).date()) for moment in curves.times]
    for name, equity, colour, dash in (
        ("hold", curves.hold, colours.random_walk, "dash"),
        ("strategy", curves.strategy, colours.fan, "solid"),
    ):
        line = {"color": colour, "width": 2 if name == "strategy" else 1.4, "dash": dash}
        figure.add_trace(_line(t, name, equity, days, line))
        figure.add_trace(_fall(t, name, equity, days, line, colours))
    positions, names = time_ticks(t, curves.times, zone)
    figure.update_xaxes(
        tickvals=positions, ticktext=names, tickangle=0, anchor="y2",
        range=[-1, 1.005 * len(days)], tickfont={"color": colours.muted},
    )  # fmt: skip
    low = min(*drawdowns(curves.strategy), *drawdowns(curves.hold), -0.01)
    figure.update_layout(
        yaxis={"domain": [0.42, 1.0], "tickformat": ",.2f", "nticks": 6},
        yaxis2={
            "domain": [0.0, 0.3], "anchor": "x", "range": [105 * low, 0],
            "ticksuffix": percent_sign(t),
            "tickformat": ",.0f", "nticks": 4, "fixedrange": True, "gridcolor": colours.grid,
            "gridwidth": 0.5, "zeroline": False, "automargin": True,
            "tickfont": {"color": colours.muted},
        },
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": -0.12, "yanchor": "top"},
        separators=separators(t),
        margin={"l": 4, "r": 8, "t": 26, "b": 84},
    )  # fmt: skip
    name_panel(figure, t("backtest.equity"), y=1.0, colours=colours)
    name_panel(figure, t("backtest.drawdown"), y=0.31, colours=colours)
    watermark(t, figure, found.provenance.source, colours)
    return figure


def _line(
    t: Translator,
    name: str,
    equity: Sequence[float],
    days: Sequence[str],
    line: Mapping[str, object],
) -> go.Scatter:
    title = t(f"backtest.{name}")
    return go.Scatter(
        x=list(range(len(days))),
        y=list(equity),
        mode="lines",
        line=line,
        name=title,
        text=[f"{day}<br>{title}: {number(t, v, 3)}" for day, v in zip(days, equity, strict=True)],
        hovertemplate="%{text}<extra></extra>",
    )


def _fall(
    t: Translator,
    name: str,
    equity: Sequence[float],
    days: Sequence[str],
    line: Mapping[str, object],
    colours: Palette,
) -> go.Scatter:
    falls = drawdowns(equity)
    title = t(f"backtest.{name}")
    return go.Scatter(
        x=list(range(len(days))),
        y=[100 * fall for fall in falls],
        yaxis="y2",
        mode="lines",
        line={**line, "width": 1.2},
        fill="tozeroy" if name == "strategy" else None,
        fillcolor=translucent(colours.fan, 0.2),
        showlegend=False,
        text=[f"{d}<br>{title}: {percent(t, f, 1)}" for d, f in zip(days, falls, strict=True)],
        hovertemplate="%{text}<extra></extra>",
    )


def equity_words(t: Translator, found: Backtest, zone: tzinfo) -> str:
    """The chart's text alternative."""
    times = found.curves.times
    first, last = (short_date(t, m.astimezone(zone).date()) for m in (times[0], times[-1]))
    return t(
        "backtest.alt",
        symbol=found.symbol,
        first=first,
        last=last,
        strategy=number(t, found.curves.strategy[-1], 2),
        hold=number(t, found.curves.hold[-1], 2),
        fall=percent(t, found.strategy.max_drawdown),
        hold_fall=percent(t, found.hold.max_drawdown),
    )


def _about(found: Backtest) -> About:
    return {
        "symbol": found.symbol,
        "source": found.provenance.source,
        "horizon_min": found.horizon_minutes,
        "first_origin": found.first_origin,
    }


def portfolio_numbers(t: Translator, found: Backtest, *, file: str) -> Numbers:
    """Both portfolios, figure by figure."""
    plain = partial(percent, t, decimals=1)
    signed = partial(percent, t, decimals=1, signed=True)
    figures: list[tuple[str, str, Callable[[PortfolioFigures], float | None], Words]] = [
        ("return", "total_return", lambda f: f.total_return, signed),
        ("yearly", "annualized_return", lambda f: f.annualized_return, signed),
        ("volatility", "annualized_volatility", lambda f: f.annualized_volatility, plain),
        ("sharpe", "sharpe", lambda f: f.sharpe, partial(number, t, decimals=2)),
        ("fall", "max_drawdown", lambda f: -f.max_drawdown, plain),
        ("exposure", "average_exposure", lambda f: f.average_exposure, partial(percent, t)),
        ("costs", "costs_paid", lambda f: f.costs_paid, plain),
    ]

    def column(name: str, title: str, of: PortfolioFigures) -> list[Column]:
        pairs = [(value(of), words) for _, _, value, words in figures]
        return [
            Column(name, [value for value, _ in pairs]),
            Column("", pairs, title, lambda pair: pair[1](pair[0])),
        ]

    return Numbers.of(
        [
            Column("figure", [name for _, name, _, _ in figures]),
            Column("", [t(f"backtest.figure.{key}") for key, *_ in figures], t("table.figure")),
            *column("volatility_target", t("backtest.strategy"), found.strategy),
            *column("buy_and_hold", t("backtest.hold"), found.hold),
        ],
        file=file,
        about=_about(found),
    )


def equity_numbers(t: Translator, found: Backtest, zone: tzinfo, *, file: str) -> Numbers:
    """What the chart draws; the table begins with the newest."""
    curves = found.curves
    value, share = partial(number, t, decimals=3), partial(percent, t, decimals=1)
    hold, strategy = t("backtest.hold"), t("backtest.strategy")

    def moment(time: datetime) -> str:
        return short_instant(t, time, zone)

    return Numbers.of(
        [
            Column("time", curves.times, t("table.until"), moment),
            Column("volatility_target", curves.strategy, strategy, value),
            Column("buy_and_hold", curves.hold, hold, value),
            Column("exposure", curves.exposure, t("backtest.exposure"), partial(percent, t)),
            Column(
                "drawdown", drawdowns(curves.strategy), t("backtest.fall", name=strategy), share
            ),
            Column("drawdown_hold", drawdowns(curves.hold), t("backtest.fall", name=hold), share),
        ],
        file=file,
        newest_first=True,
        about=_about(found),
    )
