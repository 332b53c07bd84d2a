"""What the door lets through, and what it sets aside and why."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.market.bars import Bars, check_bars

NAN, INF = float("nan"), float("inf")
GOOD = (10.0, 12.0, 9.0, 11.0, 100.0)


def stamps(*days):
    return np.array(days, dtype="datetime64[ms]")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((NAN, 12.0, 9.0, 11.0, 100.0), "not a number"),
        ((10.0, 12.0, 9.0, NAN, 100.0), "not a number"),
        ((10.0, INF, 9.0, 11.0, 100.0), "not a number"),
        ((10.0, 12.0, 9.0, 11.0, INF), "not a number"),
        ((0.0, 12.0, 9.0, 11.0, 100.0), "price not above zero"),
        ((10.0, 12.0, 9.0, -11.0, 100.0), "price not above zero"),
        ((10.0, 12.0, 9.0, 11.0, -1.0), "negative volume"),
        ((10.0, 9.0, 12.0, 11.0, 100.0), "high below low"),
    ],
)
def test_an_implausible_row_is_set_aside_and_the_others_stay(row, reason):
    checked = check_bars(
        stamps("2025-04-14", "2025-04-15", "2025-04-16"), np.array([GOOD, row, GOOD])
    )
    assert checked.bars.session.tolist() == [date(2025, 4, 14), date(2025, 4, 16)]
    [aside] = checked.set_aside
    assert (aside.row, aside.reason) == (1, reason)
    assert aside.time.startswith("2025-04-15")
    assert checked.share_implausible == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "row",
    [
        (10.0, 12.0, 9.0, 12.5, 100.0),  # a settlement above the high, as gold has hundreds
        (10.0, 10.0, 10.0, 10.0, 0.0),  # one trade, no volume
    ],
)
def test_an_odd_but_real_row_is_let_through(row):
    checked = check_bars(stamps("2025-04-14"), np.array([row]))
    assert len(checked.bars) == 1
    assert checked.bars.close[0] == row[3]


def test_a_missing_volume_is_zero():
    checked = check_bars(stamps("2025-04-14"), np.array([(*GOOD[:4], NAN)]))
    assert checked.bars.volume.tolist() == [0.0]


def test_a_row_without_a_time_is_set_aside():
    checked = check_bars(stamps("2025-04-14", "NaT"), np.array([GOOD, GOOD]))
    assert [aside.reason for aside in checked.set_aside] == ["no time"]


def test_of_two_rows_with_one_time_the_later_counts():
    corrected = (10.0, 12.0, 9.0, 11.5, 100.0)
    checked = check_bars(stamps("2025-04-14", "2025-04-14"), np.array([GOOD, corrected]))
    assert checked.bars.close.tolist() == [11.5]
    assert [(aside.row, aside.reason) for aside in checked.set_aside] == [(0, "duplicate time")]


def test_a_bad_correction_does_not_displace_a_good_row():
    checked = check_bars(
        stamps("2025-04-14", "2025-04-14"), np.array([GOOD, (NAN, NAN, NAN, NAN, NAN)])
    )
    assert checked.bars.close.tolist() == [11.0]


def test_disorder_is_put_in_order_and_counted():
    rows = np.array([(*GOOD[:3], close, 1.0) for close in (11.0, 9.5, 10.5)])
    checked = check_bars(stamps("2025-04-16", "2025-04-14", "2025-04-15"), rows)
    assert checked.bars.close.tolist() == [9.5, 10.5, 11.0]
    assert checked.disordered == 1


def test_rows_after_the_last_closed_bar_are_set_aside():
    checked = check_bars(
        stamps("2025-04-14", "2025-04-15"),
        np.array([GOOD, (NAN, NAN, NAN, 11.0, NAN)]),
        closed_until=np.datetime64("2025-04-14"),
    )
    assert [aside.reason for aside in checked.set_aside] == ["not closed yet"]


def test_rows_of_other_days_than_sessions_are_set_aside():
    checked = check_bars(
        stamps("2025-04-11", "2025-04-13", "NaT"),
        np.array([GOOD, GOOD, GOOD]),
        sessions=np.array(["2025-04-11", "2025-04-14"], dtype="datetime64[D]"),
    )
    assert checked.bars.session.tolist() == [date(2025, 4, 11)]
    assert [aside.reason for aside in checked.set_aside] == ["not a session", "no time"]


def test_the_summary_counts_by_reason():
    rows = np.array([GOOD, (NAN, *GOOD[1:]), (NAN, *GOOD[1:]), (0.0, *GOOD[1:])])
    checked = check_bars(stamps("2025-04-14", "2025-04-15", "2025-04-16", "2025-04-17"), rows)
    assert checked.summary() == (
        "4 rows, 1 bars, 3 set aside (2 not a number, 1 price not above zero)"
    )


def test_nothing_in_is_nothing_out():
    checked = check_bars([], np.empty((0, 5)))
    assert len(checked.bars) == 0
    assert checked.share_implausible == 0.0
    with pytest.raises(IndexError):
        _ = checked.bars.last_session


def test_until_includes_the_session_it_names():
    bars = check_bars(stamps("2025-04-14", "2025-04-15"), np.array([GOOD, GOOD])).bars
    assert bars.until(date(2025, 4, 14)).last_session == date(2025, 4, 14)
    assert len(bars.until(date(2025, 4, 13))) == 0
    assert bars.until(date(2026, 1, 1)).fingerprint() == bars.fingerprint()


def test_fingerprints_tell_bars_apart():
    bars = check_bars(stamps("2025-04-14"), np.array([GOOD])).bars
    same = check_bars(stamps("2025-04-14"), np.array([GOOD])).bars
    other = check_bars(stamps("2025-04-14"), np.array([(*GOOD[:4], 101.0)])).bars
    assert bars.fingerprint() == same.fingerprint() != other.fingerprint()
    assert Bars.empty().fingerprint() != bars.fingerprint()


NUMBER = st.one_of(
    st.floats(width=64), st.floats(0.5, 2.0), st.sampled_from([0.0, -1.0, NAN, INF, -INF])
)


@settings(deadline=None)
@given(
    days=st.lists(st.integers(0, 20), max_size=30),
    data=st.data(),
    limit=st.integers(0, 20),
)
def test_whatever_comes_in_only_bars_come_out_and_no_row_is_lost_unseen(days, data, limit):
    times = np.datetime64("2025-01-01", "ms") + np.array(days, dtype=int) * np.timedelta64(1, "D")
    rows = [data.draw(st.tuples(*[NUMBER] * 5)) for _ in days]
    until = np.datetime64("2025-01-01") + limit
    checked = check_bars(times, np.array(rows).reshape(-1, 5), closed_until=until)
    bars = checked.bars
    prices = np.array([bars.open, bars.high, bars.low, bars.close])
    assert np.isfinite(prices).all()
    assert (prices > 0).all()
    assert np.isfinite(bars.volume).all()
    assert (bars.volume >= 0).all()
    assert (bars.high >= bars.low).all()
    assert (np.diff(bars.time.astype("int64")) > 0).all()
    assert (bars.time <= until).all()
    assert len(bars) + len(checked.set_aside) == checked.rows == len(days)


@settings(deadline=None)
@given(order=st.permutations(range(8)))
def test_the_order_of_rows_does_not_matter(order):
    rows = np.array([(10.0, 12.0, 9.0, 10.0 + at, 1.0) for at in range(8)])
    times = np.datetime64("2025-01-01", "ms") + np.arange(8) * np.timedelta64(1, "D")
    straight = check_bars(times, rows).bars
    assert check_bars(times[order], rows[order]).bars.fingerprint() == straight.fingerprint()


def level(n, close=100.0):
    """n rows of a quiet market, (n, 5)."""
    return np.tile(np.array([1.0, 1.01, 0.99, 1.0, 0.0]) * close, (n, 1))


WEEKDAYS = np.busday_offset(np.datetime64("2025-01-02"), np.arange(40), roll="forward")


@pytest.mark.parametrize("value", [1e308, 1e-300, 272.0, 36.0])
@pytest.mark.parametrize("column", [0, 1, 2, 3])
@pytest.mark.parametrize("row", [0, 1, 20, 38, 39])
def test_a_daily_price_out_of_scale_is_set_aside_and_its_neighbours_stay(row, column, value):
    prices = level(40)
    prices[row, column] = value
    prices[row, 1], prices[row, 2] = prices[row, :4].max(), prices[row, :4].min()
    checked = check_bars(WEEKDAYS, prices, daily=True)
    assert [(item.row, item.reason) for item in checked.set_aside] == [(row, "price out of scale")]
    assert len(check_bars(WEEKDAYS, prices).bars) == 40


def test_bad_rows_in_a_row_are_set_aside_alone():
    prices = level(40)
    prices[10:14] *= 1e6
    checked = check_bars(WEEKDAYS, prices, daily=True)
    assert [item.row for item in checked.set_aside] == [10, 11, 12, 13]


def test_a_lasting_new_level_is_no_error_of_any_row():
    prices = level(40)
    prices[20:] *= 10.0
    assert check_bars(WEEKDAYS, prices, daily=True).set_aside == ()


def test_a_move_by_half_stays():
    prices = level(40)
    prices[20] *= 0.5
    assert check_bars(WEEKDAYS, prices, daily=True).set_aside == ()


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("0001-01-02", "outside the calendar"),
        ("1970-01-02", "outside the calendar"),
        ("1998-12-31", "before the calendar"),
        ("2029-12-31", "outside the calendar"),
        ("2030-01-02", "outside the calendar"),
        ("9999-12-31", "outside the calendar"),
        ("2025-03-01", "weekend"),
        ("2025-03-02", "weekend"),
    ],
)
def test_a_daily_row_must_be_a_weekday_with_a_next_session(day, reason):
    days = np.append(WEEKDAYS, np.datetime64(day))
    checked = check_bars(days, level(41), daily=True, lines=range(2, 43))
    assert [(item.reason, item.line) for item in checked.set_aside] == [(reason, 42)]
    assert checked.lines == tuple(range(2, 42))
    assert check_bars(days, level(41)).set_aside == ()


def test_the_last_day_with_a_next_session_is_a_bar():
    checked = check_bars([np.datetime64("2029-12-28")], level(1), daily=True)
    assert len(checked.bars) == 1


def test_a_history_that_began_before_the_calendar_is_cut_and_not_implausible():
    days = np.arange("1997-01-01", "1999-12-31", dtype="datetime64[D]")
    days = np.append(days[np.is_busday(days)], np.datetime64("1970-01-05"))
    checked = check_bars(days, level(len(days)), daily=True)
    assert checked.bars.session[0] >= np.datetime64("1999-01-01")
    assert "523 before the calendar, 1 outside the calendar" in checked.summary()
    assert checked.share_implausible == 1 / len(days)


def test_of_daily_rows_of_one_day_the_later_row_counts():
    times = [np.datetime64("2025-04-14T00:00"), np.datetime64("2025-04-14T21:00")]
    prices = level(2)
    prices[1, 3] = 100.5
    checked = check_bars(times, prices, daily=True)
    assert checked.bars.close.tolist() == [100.5]
    assert checked.bars.time.tolist() == [np.datetime64("2025-04-14", "ms").item()]
    assert [item.reason for item in checked.set_aside] == ["duplicate time"]
