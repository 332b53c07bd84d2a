"""How long bars last and where they begin, against days counted by hand and a slow calendar."""

from datetime import UTC, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import UnknownTimeframe
from assay.market.timeframes import DAY_MS, timeframe

NAMES = ["1s", "1m", "15m", "1h", "4h", "6h", "12h", "1d", "3d", "1w", "1M", "3M"]
INSTANTS = st.integers(5 * 365 * DAY_MS, 120 * 365 * DAY_MS).map(
    lambda milliseconds: np.datetime64(milliseconds, "ms")
)


def ms(text):
    return np.datetime64(text, "ms")


def stamps(*texts):
    return np.array(texts, dtype="datetime64[ms]")


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("1s", 1), ("1m", 60), ("90m", 5400), ("4h", 14400), ("1d", 86400), ("2w", 1209600)],
)
def test_a_name_says_how_long_a_bar_lasts(name, seconds):
    found = timeframe(name)
    assert (found.name, found.seconds) == (name, float(seconds))
    assert found.milliseconds == seconds * 1000


@pytest.mark.parametrize(
    "name",
    ["", "h", "1", "0h", "01h", "1H", "1y", "-1h", "1.5h", "1h ", " 1h", "1000m", "1mm", "1h\n"],
)
def test_what_is_no_timeframe_is_refused(name):
    with pytest.raises(UnknownTimeframe, match="is no timeframe"):
        timeframe(name)


def test_a_refusal_repeats_no_more_than_the_beginning():
    with pytest.raises(UnknownTimeframe) as caught:
        timeframe("9" * 5000)
    assert len(caught.value.message) < 80


@pytest.mark.parametrize(
    ("name", "instant", "opened"),
    [
        ("1m", "2026-11-18T12:20:59.999", "2026-11-18T12:20"),
        ("15m", "2026-11-18T12:29", "2026-11-18T12:15"),
        ("4h", "2026-11-18T12:00", "2026-11-18T12:00"),
        ("4h", "2026-11-18T11:59:59.999", "2026-11-18T08:00"),
        ("1d", "2026-11-18T23:59", "2026-11-18"),
        ("1w", "2026-11-18T12:00", "2026-11-16"),  # a Monday
        ("1w", "2026-11-15T23:59", "2026-11-09"),
        ("1M", "2028-02-29T12:00", "2028-02-01"),
        ("3M", "2026-11-18T12:00", "2026-10-01"),
        ("1M", "1969-12-31T23:00", "1969-12-01"),
        ("1w", "1970-01-01", "1969-12-29"),
    ],
)
def test_the_bar_of_an_instant_opened_on_the_grid(name, instant, opened):
    found = timeframe(name).last_open(ms(instant))
    assert found == ms(opened)
    assert found.dtype == "datetime64[ms]"


@pytest.mark.parametrize(
    ("name", "opened", "bars", "expected"),
    [
        ("1h", "2026-11-18T12:00", 1, "2026-11-18T13:00"),
        ("1h", "2026-11-18T12:00", -13, "2026-11-17T23:00"),
        ("1d", "2026-02-28", 1, "2026-03-01"),
        ("1M", "2026-01-01", 1, "2026-02-01"),
        ("1M", "2028-02-01", 1, "2028-03-01"),
        ("1M", "2026-01-01", -1, "2025-12-01"),
        ("3M", "2026-10-01", 1, "2027-01-01"),
        ("1w", "2026-12-28", 1, "2027-01-04"),
    ],
)
def test_bars_follow_one_another_by_the_calendar(name, opened, bars, expected):
    of = timeframe(name)
    assert of.shifted(ms(opened), bars) == ms(expected)
    assert of.shifted(stamps(opened, opened), bars).tolist() == stamps(expected, expected).tolist()
    if bars == 1:
        assert of.ends(ms(opened)) == ms(expected)


@given(st.sampled_from(NAMES), INSTANTS)
def test_every_instant_falls_into_the_bar_that_opened_last(name, instant):
    of = timeframe(name)
    opened = of.last_open(instant)
    assert opened <= instant < of.ends(opened)
    assert of.last_open(opened) == opened
    assert of.last_open(of.ends(opened)) == of.ends(opened)


@given(st.sampled_from(NAMES), INSTANTS, st.integers(-500, 500))
def test_there_and_back_is_where_one_was(name, instant, bars):
    of = timeframe(name)
    opened = of.last_open(instant)
    assert of.shifted(of.shifted(opened, bars), -bars) == opened


@given(INSTANTS)
def test_the_grid_agrees_with_the_calendar(instant):
    """An oracle by datetime's own arithmetic."""
    at = instant.item().replace(tzinfo=UTC)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    grids = {
        "1h": at.replace(minute=0, second=0, microsecond=0),
        "4h": midnight + timedelta(hours=at.hour // 4 * 4),
        "1d": midnight,
        "1w": midnight - timedelta(days=at.weekday()),
        "1M": midnight.replace(day=1),
        "3M": midnight.replace(day=1, month=(at.month - 1) // 3 * 3 + 1),
    }
    for name, opened in grids.items():
        assert timeframe(name).last_open(instant).item() == opened.replace(tzinfo=None), name


@pytest.mark.parametrize(
    ("name", "opens", "off"),
    [
        ("1h", ["2026-11-18T12:00", "2026-11-18T12:30"], [False, True]),
        ("4h", ["2026-11-18T12:00", "2026-11-18T13:00"], [False, True]),
        ("1d", ["2026-11-18", "2026-11-18T00:00:00.001"], [False, True]),
        ("1M", ["2026-11-01", "2026-11-02"], [False, True]),
        # Kraken's weeks begin on Thursday, others' on Monday: on most of them is on the grid
        ("1w", ["2026-11-05", "2026-11-12", "2026-11-16"], [False, False, True]),
        ("1w", ["2026-11-09", "2026-11-16", "2026-11-18"], [False, False, True]),
        ("3d", ["2026-11-17", "2026-11-20", "2026-11-21"], [False, False, True]),
        ("1w", [], []),
        ("1h", [], []),
    ],
)
def test_opens_that_begin_no_bar_are_off_the_grid(name, opens, off):
    assert timeframe(name).off_grid(stamps(*opens)).tolist() == off


@pytest.mark.parametrize("name", NAMES)
def test_no_time_at_all_breaks_no_grid(name):
    assert timeframe(name).off_grid(stamps("NaT", "NaT")).shape == (2,)
    assert not timeframe(name).off_grid(stamps("NaT", "2026-10-01"))[1]


@pytest.mark.parametrize(
    ("name", "opens", "missing"),
    [
        ("1h", ["2026-11-18T12:00", "2026-11-18T13:00", "2026-11-18T16:00"], [0, 2]),
        ("1d", ["2026-11-18", "2026-11-18"], [0]),
        ("1M", ["2026-01-01", "2026-02-01", "2026-04-01"], [0, 1]),
        ("3M", ["2026-01-01", "2026-04-01", "2027-01-01"], [0, 2]),
        ("1w", ["2026-11-02", "2026-11-09", "2026-11-23"], [0, 1]),
        ("1h", ["2026-11-18T12:00"], []),
        ("1h", [], []),
    ],
)
def test_missing_bars_are_counted_between_those_there_are(name, opens, missing):
    assert timeframe(name).missing_after(stamps(*opens)).tolist() == missing


def test_a_month_is_thirty_days_where_a_length_is_needed():
    assert timeframe("1M").milliseconds == 30 * DAY_MS
