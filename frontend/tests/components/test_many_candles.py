"""Candles by the thousand: as many as there are bars, in shapes that can be counted on one hand."""

from __future__ import annotations

from datetime import UTC

import numpy as np
import pytest

from assay_frontend.api.crypto_models import CoinBars
from assay_frontend.components.coin_candles import coin_price_figure
from assay_frontend.components.many_candles import SHAPES_EACH
from assay_frontend.i18n import translator
from assay_frontend.theme.palette import palette

EN, LIGHT = translator("en"), palette("light")
POINTS_EACH = 12


def figure_of(coin, count):
    market = CoinBars.parse(coin.bars("1h", count))
    return market.bars, coin_price_figure(EN, market.bars, market, LIGHT, UTC)


def test_up_to_a_thousand_each_candle_is_a_shape_of_its_own(coin):
    _, figure = figure_of(coin, SHAPES_EACH)
    assert [trace.type for trace in figure.data] == ["candlestick", "bar"]


def test_beyond_that_all_that_rose_are_one_shape_and_all_others_another(coin):
    bars, figure = figure_of(coin, SHAPES_EACH + 1)
    hollow, filled, told, volume = figure.data
    assert {trace.type for trace in figure.data} == {"scatter"}
    rose = [bar for bar in bars if bar.close > bar.open]
    assert len(hollow.x) == POINTS_EACH * len(rose)
    assert len(filled.x) == POINTS_EACH * (len(bars) - len(rose))
    assert (hollow.fillcolor, filled.fillcolor) == (LIGHT.background, LIGHT.down)
    assert len(told.text) == len(volume.y) == len(bars)


@pytest.mark.parametrize("place", [0, 700])
def test_an_outline_has_the_body_and_both_wicks_of_its_bar_and_gaps_between(coin, place):
    bars, figure = figure_of(coin, SHAPES_EACH + 1)
    bar = bars[place]
    shape = figure.data[0] if bar.close > bar.open else figure.data[1]
    x, y = np.asarray(shape.x), np.asarray(shape.y)
    own = np.abs(x - place) < 0.5
    top, foot = max(bar.open, bar.close), min(bar.open, bar.close)
    expected = [
        *(bar.open, bar.open, bar.close, bar.close, bar.open, np.nan),
        *(bar.low, foot, np.nan),
        *(top, bar.high, np.nan),
    ]
    np.testing.assert_array_equal(y[own], expected)
    assert np.ptp(x[own]) == pytest.approx(0.6)
