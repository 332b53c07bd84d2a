from __future__ import annotations

import numpy as np
import pytest

from assay.market.bars import Bars
from assay.volatility.hours import daily_variance, hours_of, hours_of_days, joined, phase_of

HOUR = np.timedelta64(1, "h")


def bars(hours: list[int], close: list[float]) -> Bars:
    """Bars that open at the last close and have no wicks, so many hours after a Monday."""
    time = (np.datetime64("2024-01-01T00", "ms") + np.array(hours) * HOUR).astype("datetime64[ms]")
    shut = np.array(close)
    opened = np.concatenate([[close[0]], shut[:-1]])
    high, low = np.maximum(opened, shut), np.minimum(opened, shut)
    return Bars(time, opened, high, low, shut, np.ones(len(shut)))


def test_hours_of_the_week_begin_on_monday():
    opens = np.array(["2024-01-01T00", "2024-01-01T05", "2024-01-07T23"], "datetime64[h]")
    assert phase_of(opens.astype(np.int64)).tolist() == [0, 5, 167]


def test_hours_without_a_bar_are_rows_that_are_not_known():
    hours = hours_of(bars([0, 1, 4], [1.0, 2.0, 4.0]))
    assert hours.known.tolist() == [True, True, False, False, True]
    assert hours.bars.tolist() == [0, 1, 4]
    np.testing.assert_allclose(hours.returns, np.log([1.0, 2.0, 1.0, 1.0, 2.0]))
    np.testing.assert_allclose(hours.log_close, np.log([1.0, 2.0, 2.0, 2.0, 4.0]))
    assert hours.close_time[-1] == np.datetime64("2024-01-01T05", "ms")


def test_a_return_over_more_than_a_day_is_no_hours_return():
    near = hours_of(bars([0, 24], [1.0, 3.0]))
    far = bars([0, 25], [1.0, 3.0])
    far.open[1] = 2.0
    assert near.returns[-1] == pytest.approx(np.log(3.0))
    assert hours_of(far).returns[-1] == pytest.approx(np.log(1.5))


def days(close: list[float], high: list[float], low: list[float]) -> Bars:
    time = (np.datetime64("2024-01-01", "D") + np.arange(len(close))).astype("datetime64[ms]")
    shut = np.array(close)
    return Bars(time, shut * 0.9, np.array(high), np.array(low), shut, np.ones(len(close)))


def test_a_days_variance_opens_at_the_close_before_and_keeps_a_tenth_of_parkinson():
    # The second day opens at 1 and ends at its high of e: Garman-Klass 1/2 - (2 ln 2 - 1) = .1137;
    # the third falls from e to 1 by way of e^2: 4/2 - .3863 = 1.6137.
    e = float(np.e)
    found = daily_variance(days([1.0, e, 1.0], [1.0, e, e * e], [0.9, 1.0, 1.0]))
    np.testing.assert_allclose(found[1:], [1.5 - 2.0 * np.log(2.0), 3.0 - 2.0 * np.log(2.0)])
    up_and_shut_at_the_top = days([1.0, 1.0], [1.0, 1.0], [1.0, 1.0])
    assert daily_variance(up_and_shut_at_the_top)[1] == 0.0


def test_a_day_is_spread_over_its_hours_as_the_season_says():
    season = np.where(np.arange(168) % 24 == 3, 25.0, 1.0)
    bars = days([1.0, 1.1], [1.2, 1.2], [0.8, 1.0])
    hours = hours_of_days(bars, season / season.mean(), share=0.8, gap=-0.1)
    each = hours.squared.reshape(2, 24)
    np.testing.assert_allclose(each.sum(axis=1), 0.8 * daily_variance(bars))
    np.testing.assert_allclose(each[1] / each[1, 0], np.where(np.arange(24) == 3, 25.0, 1.0))
    np.testing.assert_allclose(hours.garman_klass, hours.squared * np.exp(0.1))
    np.testing.assert_allclose(hours.returns[24:].sum(), np.log(1.1))
    assert (hours.log_close[23:47] == np.log(1.0)).all()
    assert hours.log_close[47] == np.log(1.1)
    assert not hours.real.any()


def test_days_before_hours_make_one_grid():
    season = np.ones(168)
    earlier = hours_of_days(days([1.0], [1.2], [0.8]), season, share=1.0, gap=0.0)
    later = hours_of(bars([26, 27], [2.0, 3.0]))
    both = joined(earlier, later)
    assert len(both) == 28
    assert both.known.tolist() == [True] * 24 + [False] * 2 + [True] * 2
    assert both.bars.tolist() == [26, 27]
    assert both.real.sum() == 2
    assert both.log_close[25] == earlier.log_close[-1]


def test_no_bars_make_no_rows():
    assert len(hours_of(Bars.empty())) == 0
