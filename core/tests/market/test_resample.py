"""Short bars gathered into long ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.market.bars import Bars
from assay.market.resample import bucket_opens, divides, resample
from assay.market.timeframes import timeframe


def bars_at(*opens):
    """Bars whose n-th has open n, high n + 0.5, low n - 0.5, close n + 0.25 and volume n."""
    count = np.arange(1.0, len(opens) + 1.0)
    times = np.array(opens, dtype="datetime64[ms]")
    return Bars(times, count, count + 0.5, count - 0.5, count + 0.25, count)


def rows(bars):
    return [
        (str(time.astype("datetime64[m]")), *values)
        for time, *values in zip(*bars.columns(), strict=True)
    ]


def test_a_bar_has_the_first_open_the_extremes_the_last_close_and_all_volume():
    bars = Bars(
        np.array(["2026-03-01T00:00", "2026-03-01T00:20", "2026-03-01T00:40"], "datetime64[ms]"),
        np.array([10.0, 11.0, 9.0]),
        np.array([12.0, 14.0, 10.0]),
        np.array([9.5, 8.0, 8.5]),
        np.array([11.0, 9.0, 9.5]),
        np.array([1.0, 2.0, 4.0]),
    )
    assert rows(resample(bars, timeframe("1h"))) == [("2026-03-01T00:00", 10, 14, 8, 9.5, 7)]


@pytest.mark.parametrize(
    ("to", "opens", "expected"),
    [
        ("1w", ["2026-03-01", "2026-03-02", "2026-03-08", "2026-03-09"],  # a Sunday, a Monday
         ["2026-02-23", "2026-03-02", "2026-03-09"]),
        ("1M", ["2024-02-28", "2024-02-29", "2024-03-01", "2024-12-31"],
         ["2024-02-01", "2024-03-01", "2024-12-01"]),
        ("3M", ["2023-12-31", "2024-01-01", "2024-03-31", "2024-04-01"],
         ["2023-10-01", "2024-01-01", "2024-04-01"]),
        ("3d", ["1970-01-01", "1970-01-03", "1970-01-04"], ["1970-01-01", "1970-01-04"]),
        ("4h", ["2026-03-01T03:59", "2026-03-01T04:00"],
         ["2026-03-01T00:00", "2026-03-01T04:00"]),
    ],
)  # fmt: skip
def test_bars_begin_where_the_calendar_says(to, opens, expected):
    found = resample(bars_at(*opens), timeframe(to))
    assert found.time.tolist() == np.array(expected, "datetime64[ms]").tolist()


def test_where_there_is_nothing_there_is_no_bar():
    found = resample(bars_at("2026-03-01T00:30", "2026-03-01T02:10"), timeframe("1h"))
    assert rows(found) == [
        ("2026-03-01T00:00", 1, 1.5, 0.5, 1.25, 1),
        ("2026-03-01T02:00", 2, 2.5, 1.5, 2.25, 2),
    ]
    assert len(resample(Bars.empty(), timeframe("1h"))) == 0


NAMES = st.builds("{}{}".format, st.integers(1, 40), st.sampled_from("smhdwM"))


@given(name=NAMES, at=st.lists(st.integers(-(10**12), 4 * 10**12), min_size=1, max_size=5))
def test_buckets_are_those_of_the_timeframe(name, at):
    of, stamps = timeframe(name), np.array(at, "datetime64[ms]")
    assert bucket_opens(stamps, of).tolist() == [of.last_open(stamp).item() for stamp in stamps]


@pytest.mark.parametrize(
    ("short", "long", "expected"),
    [
        ("1m", "1h", True), ("60m", "1h", True), ("1h", "1h", True), ("1h", "1m", False),
        ("4h", "6h", False), ("4h", "1d", True), ("1h", "1w", True), ("1d", "1w", True),
        ("3d", "1w", False), ("3d", "3w", False), ("1w", "2w", True), ("1w", "14d", False),
        ("1w", "1M", False), ("1M", "3M", True), ("2M", "3M", False), ("1d", "1M", True),
        ("5h", "1M", False), ("1M", "30d", False),
    ],
)  # fmt: skip
def test_which_timeframes_are_made_of_which(short, long, expected):
    assert divides(timeframe(short), timeframe(long)) is expected


@given(short=NAMES, long=NAMES, at=st.integers(0, 2 * 10**12))
def test_no_bar_of_a_divided_timeframe_cuts_one_of_its_parts(short, long, at):
    part, whole = timeframe(short), timeframe(long)
    opens = whole.last_open(np.datetime64(at, "ms"))
    if divides(part, whole):
        assert part.last_open(opens) == opens
        assert part.last_open(whole.ends(opens)) == whole.ends(opens)
