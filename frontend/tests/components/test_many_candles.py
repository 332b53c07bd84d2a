"""Candles by the thousand: as many as there are bars, in few shapes."""

from __future__ import annotations

from datetime import UTC

import pytest

from assay_frontend.api.crypto_models import CoinBars
from assay_frontend.components.coin_candles import coin_price_figure
from assay_frontend.components.many_candles import LAYERS, SHAPES_EACH
from assay_frontend.i18n import translator
from assay_frontend.theme.palette import palette

EN, LIGHT = translator("en"), palette("light")


def figure_of(coin, count):
    market = CoinBars.parse(coin.bars("1h", count))
    return market.bars, coin_price_figure(EN, market.bars, market, LIGHT, UTC)


def test_up_to_a_thousand_each_candle_is_a_shape_of_its_own(coin):
    _, figure = figure_of(coin, SHAPES_EACH)
    assert [trace.type for trace in figure.data] == ["candlestick", "bar"]


def paths(figure, fill):
    shapes = [shape for shape in figure.layout.shapes if shape.type == "path"]
    return [shape.path for shape in shapes if shape.fillcolor == fill]


def test_beyond_that_those_that_rose_and_the_others_are_a_few_shapes(coin):
    bars, figure = figure_of(coin, SHAPES_EACH + 1)
    told, volume = figure.data
    hollow, filled = paths(figure, LIGHT.background), paths(figure, LIGHT.down)
    assert len(hollow) == len(filled) == LAYERS
    rose = [bar for bar in bars if bar.close > bar.open]
    assert "".join(hollow).count("Z") == len(rose)
    assert "".join(filled).count("Z") == len(bars) - len(rose)
    assert len(told.text) == len(volume.y) == len(bars)


@pytest.mark.parametrize("place", [0, 700])
def test_an_outline_is_the_body_of_its_bar_and_both_wicks(coin, place):
    bars, figure = figure_of(coin, SHAPES_EACH + 1)
    bar = bars[place]
    fill = LIGHT.background if bar.close > bar.open else LIGHT.down
    foot, top = sorted((bar.open, bar.close))
    body = f"M{place - 0.3:g},{foot}H{place + 0.3:g}V{top}H{place - 0.3:g}Z"
    wicks = f"M{place},{bar.low}V{foot}M{place},{top}V{bar.high}"
    assert body + wicks in paths(figure, fill)[place % LAYERS]


def test_no_wick_is_cut(coin):
    bars, figure = figure_of(coin, SHAPES_EACH + 1)
    low, high = figure.layout.yaxis.range
    assert low < min(bar.low for bar in bars)
    assert high > max(bar.high for bar in bars)
