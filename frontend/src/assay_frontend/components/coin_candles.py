"""A coin's candles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

import plotly.graph_objects as go

from assay_frontend.api.crypto_models import CoinBars, TimedBar
from assay_frontend.components.candles import Candles, candles_figure
from assay_frontend.components.figures import axis_decimals
from assay_frontend.components.time_ticks import time_ticks
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    price,
    short_date,
    short_instant,
    zone_name,
)
from assay_frontend.markets import DAY_MINUTES, MINUTES
from assay_frontend.theme.palette import Palette


def coin_price_figure(
    t: Translator, shown: Sequence[TimedBar], market: CoinBars, colours: Palette, zone: tzinfo
) -> go.Figure:
    """`shown` are the last of the market's bars."""
    quote = market.symbol.partition("/")[2]
    where = bars_zone(market.timeframe, zone)
    names = [bar_name(t, bar, market.timeframe, zone) for bar in shown]
    candles = Candles(
        bars=shown,
        names=names,
        words=[_bar_words(t, bar, name, quote) for bar, name in zip(shown, names, strict=True)],
        ticks=time_ticks(t, [bar.opened for bar in shown], where),
        price_title=t("coin.chart.price", symbol=market.symbol, quote=quote),
        volume_title=t("coin.chart.volume", base=market.symbol.partition("/")[0]),
        source=market.provenance.source,
        decimals=axis_decimals(max(b.high for b in shown) - min(b.low for b in shown)),
    )
    return candles_figure(t, candles, colours)


def bars_zone(timeframe: str, zone: tzinfo) -> tzinfo:
    """Bars of a day begin at midnight UTC: they are named by that day."""
    return UTC if _is_day(timeframe) else zone


def _is_day(timeframe: str) -> bool:
    return MINUTES.get(timeframe, 0) >= DAY_MINUTES


def bar_name(t: Translator, bar: TimedBar, timeframe: str, zone: tzinfo) -> str:
    """`14 Apr 2025, 23:00 CEST`, or the day alone."""
    if _is_day(timeframe):
        return short_date(t, bar.opened.astimezone(UTC).date())
    return f"{short_instant(t, bar.opened, zone)} {zone_name(bar.opened.astimezone(zone))}"


def _bar_words(t: Translator, bar: TimedBar, name: str, quote: str) -> str:
    prices = {
        part: price(t, getattr(bar, part), quote) for part in ("open", "high", "low", "close")
    }
    return t("chart.bar", date=name, **prices)


def coin_price_words(
    t: Translator, shown: Sequence[TimedBar], market: CoinBars, zone: tzinfo
) -> str:
    """The candle chart's text alternative."""
    first, last = (bar_name(t, bar, market.timeframe, zone) for bar in (shown[0], shown[-1]))
    quote = market.symbol.partition("/")[2]
    return t(
        "coin.chart.price.alt",
        n=len(shown),
        symbol=market.symbol,
        first=first,
        last=last,
        close=price(t, shown[-1].close, quote),
        low=price(t, min(bar.low for bar in shown), quote),
        high=price(t, max(bar.high for bar in shown), quote),
    )
