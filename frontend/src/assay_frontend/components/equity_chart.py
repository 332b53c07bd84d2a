"""What an exposure led by the signals would have earned, beside buy-and-hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from itertools import accumulate

import plotly.graph_objects as go

from assay_frontend.api.backtest_models import Backtest, PortfolioFigures
from assay_frontend.components.figures import name_panel, quiet_figure, separators, watermark
from assay_frontend.components.tables import Table, csv_text
from assay_frontend.components.time_ticks import time_ticks
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import number, percent, short_date
from assay_frontend.theme.palette import Palette, translucent

_HEIGHT = 420


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
            "domain": [0.0, 0.3], "anchor": "x", "range": [105 * low, 0], "ticksuffix": "%",
            "tickformat": ",.0f", "nticks": 4, "fixedrange": True, "gridcolor": colours.grid,
            "gridwidth": 0.5, "zeroline": False, "automargin": True,
            "tickfont": {"color": colours.muted},
        },
        showlegend=True,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        separators=separators(t),
        margin={"l": 4, "r": 8, "t": 40, "b": 44},
    )  # fmt: skip
    name_panel(figure, t("backtest.equity"), y=1.0, colours=colours)
    name_panel(figure, t("backtest.drawdown"), y=0.31, colours=colours)
    watermark(t, figure, found.provenance.source, colours, low=True)
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


def portfolio_table(t: Translator, found: Backtest) -> Table:
    """Both portfolios, figure by figure."""

    def column(figures: PortfolioFigures) -> list[str]:
        return [
            percent(t, figures.total_return, 1, signed=True),
            percent(t, figures.annualized_return, 1, signed=True),
            percent(t, figures.annualized_volatility, 1),
            number(t, figures.sharpe, 2),
            percent(t, -figures.max_drawdown, 1),
            percent(t, figures.average_exposure),
            percent(t, figures.costs_paid, 1),
        ]

    names = ("return", "yearly", "volatility", "sharpe", "fall", "exposure", "costs")
    return {
        t("table.figure"): [t(f"backtest.figure.{name}") for name in names],
        t("backtest.strategy"): column(found.strategy),
        t("backtest.hold"): column(found.hold),
    }


def equity_csv(found: Backtest) -> str:
    curves = found.curves
    columns = (curves.times, curves.strategy, curves.hold, curves.exposure)
    return csv_text(
        ("time", "volatility_target", "buy_and_hold", "exposure", "symbol", "source"),
        [
            (time.isoformat(), *rest, found.symbol, found.provenance.source)
            for time, *rest in zip(*columns, strict=True)
        ],
    )
