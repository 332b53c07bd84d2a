"""The candle chart of gold's past sessions, with the fan at its right."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from assay_frontend.api.models import Bar, Forecast
from assay_frontend.components.candles import Candles, candles_figure
from assay_frontend.components.fan import add_fan, bar_words
from assay_frontend.components.headline import price_unit
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import long_date, money, month_tick, short_date
from assay_frontend.theme.palette import Palette

_FAN_SHARE = 0.09  # of the window's width: one session in 250 would be too thin to see
_MOST_TICKS = 7


def price_figure(
    t: Translator, bars: Sequence[Bar], forecast: Forecast, colours: Palette
) -> go.Figure:
    """Sessions stand side by side: the axis has no weekends."""
    last = len(bars) - 1
    end = last + max(2.0, _FAN_SHARE * len(bars))
    candles = Candles(
        bars=bars,
        names=[short_date(t, bar.session) for bar in bars],
        words=[bar_words(t, bar, forecast.currency) for bar in bars],
        ticks=month_ticks(t, bars),
        price_title=t("chart.price", unit=price_unit(t, forecast.currency)),
        volume_title=t("chart.volume"),
        source=forecast.provenance.source,
    )
    figure = candles_figure(t, candles, colours, end=end)
    add_fan(t, figure, forecast, start=last, end=end, colours=colours)
    return figure


def month_ticks(t: Translator, bars: Sequence[Bar]) -> tuple[list[int], list[str]]:
    """Where each month begins, thinned so that names never touch on a phone."""
    starts = [
        position
        for position in range(1, len(bars))
        if bars[position].session.month != bars[position - 1].session.month
    ]
    step = max(1, -(-len(starts) // _MOST_TICKS))
    kept = starts[::step]
    return kept, [month_tick(t, bars[position].session) for position in kept]


def chart_words(t: Translator, key: str, bars: Sequence[Bar], forecast: Forecast) -> str:
    """The charts' text alternative."""
    currency = forecast.currency
    interval = forecast.interval(0.8)
    return t(
        key,
        n=len(bars),
        first=short_date(t, bars[0].session),
        last=short_date(t, bars[-1].session),
        close=money(t, forecast.last_close, currency),
        target=long_date(t, forecast.target),
        median=money(t, forecast.median, currency),
        lower=money(t, interval.lower if interval else None, currency),
        upper=money(t, interval.upper if interval else None, currency),
        walk=money(t, forecast.random_walk, currency),
    )
