from __future__ import annotations

import numpy as np
import pytest

from assay.market.bars import Bars
from assay.volatility.days import utc_days

START = np.datetime64("2024-03-01T00", "h")


def hourly(closes, *, start=START, gone=()):
    """Bars that open at the close before, the first at 1.0, without the hours `gone`."""
    closes = np.asarray(closes, dtype=float)
    opens = np.append(1.0, closes[:-1])
    kept = np.setdiff1d(np.arange(len(closes)), gone)
    time = (start + kept).astype("datetime64[ms]")
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    return Bars(time, opens[kept], high[kept], low[kept], closes[kept], np.ones(len(kept)))


def walk(days, seed=0):
    return np.exp(np.cumsum(0.01 * np.random.default_rng(seed).standard_normal(24 * days)))


def test_a_day_by_hand():
    """Two moves of .1 up and one of .2 down on the first day, one of .3 on the second."""
    logs = np.zeros(48)
    logs[3:], logs[10:], logs[20:], logs[40:] = 0.1, 0.2, 0.0, 0.3
    days = utc_days(hourly(np.exp(logs)))
    assert days.day.astype(str).tolist() == ["2024-03-01", "2024-03-02"]
    np.testing.assert_allclose(days.realized, [0.01 + 0.01 + 0.04, 0.09])
    np.testing.assert_allclose(days.log_return, [0.0, 0.3], atol=1e-12)
    np.testing.assert_allclose(days.close, [1.0, np.exp(0.3)])
    assert days.hours.tolist() == [24, 24]
    assert len(days.left_out) == 0


def test_days_equal_a_naive_loop():
    closes = walk(10)
    days = utc_days(hourly(closes))
    before = 1.0
    for k in range(10):
        inside = closes[24 * k : 24 * k + 24]
        moves = [np.log(b / a) for a, b in zip([before, *inside[:-1]], inside, strict=True)]
        assert days.realized[k] == pytest.approx(sum(m**2 for m in moves))
        assert days.log_return[k] == pytest.approx(sum(moves))
        before = inside[-1]


@pytest.mark.parametrize(
    ("gone", "left_out"),
    [
        (range(30, 36), []),  # six hours of the second day
        (range(30, 37), [2]),  # seven
        (range(48 - 3, 48 + 4), [3]),  # three at the end of it, seven up to the third's fourth hour
        (range(48 - 7, 48), [2, 3]),  # the third begins with a return of eight hours
        (range(24, 48), [2, 3]),  # a whole day
        (range(20, 77), [2, 3, 4]),  # more than two
        (range(95, 96), [4]),  # the last hour of all: the day has not ended
        (range(1), []),  # the first hour of all
        (range(7), [1]),
    ],
)
def test_days_with_too_few_hours_are_left_out_and_told(gone, left_out):
    days = utc_days(hourly(walk(4), gone=list(gone)))
    assert [int(str(day)[-2:]) for day in days.left_out] == left_out
    assert len(days) + len(left_out) == 4
    assert np.isfinite(days.realized).all()


def test_a_return_across_missing_hours_counts_once():
    closes = walk(2)
    days = utc_days(hourly(closes, gone=[30, 31]))
    logs = np.delete(np.log(closes[23:]), [7, 8])
    assert days.realized[1] == pytest.approx((np.diff(logs) ** 2).sum())


def test_the_return_after_a_day_left_out_is_that_of_the_day_alone():
    closes = walk(4)
    days = utc_days(hourly(closes, gone=list(range(25, 40))))
    assert days.day.astype(str).tolist() == ["2024-03-01", "2024-03-03", "2024-03-04"]
    assert days.log_return[1] == pytest.approx(np.log(closes[71] / closes[47]))


def test_a_day_without_movement_is_left_out():
    closes = walk(3)
    closes[23:48] = closes[23]
    days = utc_days(hourly(closes))
    assert days.left_out.astype(str).tolist() == ["2024-03-02"]


def test_no_bars_are_no_days():
    assert len(utc_days(Bars.empty())) == 0
    assert len(utc_days(hourly(np.ones(60)))) == 0
