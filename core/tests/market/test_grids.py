"""An answer in another timeframe than was asked for is no bar at all, however well its rows fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidBars
from assay.market.bars import Bars, check_bars
from assay.market.csv_bars import read_bars_csv, write_bars_csv
from assay.market.grids import are_no_sessions, are_of_another_timeframe
from assay.market.sources.exchange import check_rows
from assay.market.timeframes import timeframe

NOW = np.datetime64("2026-11-18T12:20", "ms")


def opens(name, count=48):
    """The newest closed bars of that timeframe."""
    of = timeframe(name)
    last = of.last_open(NOW)
    return np.array([of.shifted(last, -back) for back in range(count, 0, -1)])


def level(count):
    return np.tile(np.array([100.0, 101.0, 99.0, 100.0, 1.0]), (count, 1))


def reasons(asked, times):
    rows = [[float(at), *level(1)[0]] for at in times.astype("int64").tolist()]
    checked = check_rows(rows, timeframe(asked), now=NOW)
    assert len(checked.bars) + len(checked.set_aside) == len(rows)
    return {item.reason for item in checked.set_aside}


ALL = ["1m", "5m", "15m", "1h", "4h", "1d", "3d", "1w", "1M"]


@pytest.mark.parametrize("asked", ALL)
@pytest.mark.parametrize("got", ALL)
def test_bars_of_every_other_timeframe_are_set_aside_as_a_whole(asked, got):
    times = opens(got)
    assert reasons(asked, times) == (set() if got == asked else {"another timeframe"})
    assert are_of_another_timeframe(times, timeframe(asked)) is (got != asked)


@pytest.mark.parametrize(
    ("asked", "got"), [("4h", "1h"), ("1d", "1h"), ("1w", "1d"), ("1M", "1w"), ("1h", "15m")]
)
@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_a_few_shorter_bars_are_noticed_too(asked, got, count):
    assert reasons(asked, opens(got, count)) == {"another timeframe"}


@pytest.mark.parametrize("spoilt", ["unsorted", "duplicates", "one off", "a gap", "no time"])
def test_it_is_noticed_through_other_damage(spoilt):
    times = opens("4h")
    if spoilt == "unsorted":
        times = times[::-1]
    elif spoilt == "duplicates":
        times = np.repeat(times, 2)
    elif spoilt == "one off":
        times[20] += np.timedelta64(17, "m")
    elif spoilt == "a gap":
        times = np.delete(times, slice(20, 25))
    else:
        times[20] = np.datetime64("NaT")
    checked = check_bars(times, level(len(times)), timeframe=timeframe("1h"), now=NOW)
    assert len(checked.bars) == 0


def test_an_answer_of_one_bar_more_than_shut_hours_apart_is_believed():
    """Nine rows may be four hours apart by chance; ten of ten are not."""
    assert reasons("1h", opens("4h", 9)) == set()
    assert reasons("1h", opens("4h", 10)) == {"another timeframe"}


def test_a_bar_off_the_grid_costs_no_others():
    times = opens("1h")
    times[20] += np.timedelta64(17, "m")
    assert reasons("1h", times) == {"off the timeframe's grid"}


@settings(deadline=None, max_examples=300)
@given(share=st.floats(0.05, 1.0), seed=st.integers(0, 10_000), count=st.integers(3, 400))
def test_a_market_that_is_seldom_traded_keeps_its_bars(share, seed, count):
    """Bars come only with trades, and those when they like."""
    minutes = np.random.default_rng(seed).geometric(share, size=count).cumsum()
    times = np.datetime64("2026-01-01", "ms") + minutes * np.timedelta64(1, "m")
    assert not are_of_another_timeframe(times, timeframe("1m"))


def test_an_exchange_that_was_shut_for_most_of_a_day_keeps_its_bars():
    times = np.concatenate([opens("1h", 400)[:24], opens("1h", 24)])
    assert reasons("1h", times) == set()


@pytest.mark.parametrize("step_days", [7, 30])
def test_sessions_that_are_weeks_or_months_apart_are_none(step_days):
    days = np.datetime64("2015-01-05") + step_days * np.arange(40)
    checked = check_bars(days, level(40), sessions=days, daily=True)
    assert {item.reason for item in checked.set_aside} == {"another timeframe"}


def test_hours_are_no_sessions_and_sessions_are():
    days = np.busday_offset(np.datetime64("2025-01-02"), np.arange(40), roll="forward")
    assert are_no_sessions(np.repeat(days, 7))
    assert not are_no_sessions(np.repeat(days, 2))
    assert not are_no_sessions(days)
    assert not are_no_sessions(days[::10])
    assert not are_no_sessions(np.array([], "datetime64[D]"))


def test_a_file_of_hours_is_refused_where_minutes_are_imported(tmp_path):
    times, path = opens("1h"), tmp_path / "hours.csv"
    write_bars_csv(path, Bars(times, *level(len(times)).T), daily=False)
    with pytest.raises(InvalidBars, match=r"48 of 48 .* line 2, another timeframe"):
        read_bars_csv(path, timeframe=timeframe("1m"), now=NOW)
