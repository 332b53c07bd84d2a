"""The session tables against exchange-calendars, real gold rows, and days known by heart."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from assay.calendars import gold_calendar, sp500_calendar
from assay.clock import SystemClock
from assay.market.csv_bars import read_bars_csv

D = date.fromisoformat


@pytest.mark.parametrize(
    ("day", "following"),
    [
        ("2025-04-11", "2025-04-14"),  # a Friday: Monday
        ("2025-04-12", "2025-04-14"),  # a Saturday: Monday
        ("2025-04-14", "2025-04-15"),  # a Monday: Tuesday
        ("2024-08-30", "2024-09-03"),  # before Labor Day: Tuesday
        ("2025-02-14", "2025-02-18"),  # before Presidents' Day: Tuesday
        ("2025-04-17", "2025-04-21"),  # before Good Friday: Easter Monday
        ("2024-11-27", "2024-11-29"),  # before Thanksgiving: the half day
        ("2024-12-31", "2025-01-02"),  # over New Year
    ],
)
@pytest.mark.parametrize("calendar", [gold_calendar(), sp500_calendar()], ids=["gold", "sp500"])
def test_the_next_session_skips_weekends_and_holidays(calendar, day, following):
    assert calendar.next_session(D(day)) == D(following)
    assert calendar.next_sessions(np.array([day], dtype="datetime64[D]")).tolist() == [D(following)]
    if calendar.is_session(D(day)):
        assert calendar.previous_session(D(following)) == D(day)


@pytest.mark.parametrize(
    ("day", "gold_close", "sp500_close"),
    [
        ("2025-03-07", "22:00", "21:00"),  # the Friday before summer time
        ("2025-03-10", "21:00", "20:00"),  # the Monday after
        ("2025-10-31", "21:00", "20:00"),  # the Friday before winter time
        ("2025-11-03", "22:00", "21:00"),  # the Monday after
        ("2024-11-29", "18:45", "18:00"),  # the day after Thanksgiving: 13:45 and 13:00 New York
        ("2024-07-03", "17:45", "17:00"),  # the day before Independence Day
    ],
)
def test_sessions_close_by_new_york_time(day, gold_close, sp500_close):
    for calendar, close in ((gold_calendar(), gold_close), (sp500_calendar(), sp500_close)):
        assert calendar.close(D(day)) == datetime.fromisoformat(f"{day}T{close}+00:00")


@pytest.mark.parametrize("day", ["2024-03-29", "2024-09-02", "2024-07-04", "2025-04-13"])
def test_good_friday_holidays_and_sundays_are_no_sessions(day):
    assert not gold_calendar().is_session(D(day))
    assert not sp500_calendar().is_session(D(day))


def test_gold_has_its_own_days():
    assert gold_calendar().is_session(D("2025-01-09"))
    assert not sp500_calendar().is_session(D("2025-01-09"))
    assert not gold_calendar().is_session(D("2016-11-11"))
    assert sp500_calendar().is_session(D("2016-11-11"))


@pytest.mark.parametrize(
    ("now", "gold", "sp500"),
    [
        ("2025-04-15T19:59:59", "2025-04-14", "2025-04-14"),
        ("2025-04-15T20:00:00", "2025-04-14", "2025-04-15"),
        ("2025-04-15T20:59:59", "2025-04-14", "2025-04-15"),
        ("2025-04-15T21:00:00", "2025-04-15", "2025-04-15"),
        ("2025-04-16T03:30:00", "2025-04-15", "2025-04-15"),  # still the 15th in New York
        ("2025-04-19T12:00:00", "2025-04-17", "2025-04-17"),  # Easter Saturday
    ],
)
def test_a_session_counts_as_closed_from_its_closing_instant_on(now, gold, sp500):
    instant = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert gold_calendar().last_closed(instant) == D(gold)
    assert sp500_calendar().last_closed(instant) == D(sp500)


def test_sessions_between_include_both_ends():
    found = gold_calendar().between(D("2025-04-17"), D("2025-04-22")).tolist()
    assert found == [D("2025-04-17"), D("2025-04-21"), D("2025-04-22")]


@pytest.mark.parametrize("day", [D("1990-01-02"), D("2150-01-02")])
def test_a_day_outside_the_table_raises_rather_than_answers_wrongly(day):
    calendar = gold_calendar()
    days = np.array([day], dtype="datetime64[D]")
    noon = datetime(day.year, day.month, day.day, 17, tzinfo=UTC)
    for ask in (
        lambda: calendar.is_session(day),
        lambda: calendar.next_session(day),
        lambda: calendar.previous_session(day),
        lambda: calendar.next_sessions(days),
        lambda: calendar.between(day, day),
        lambda: calendar.last_closed(noon),
    ):
        with pytest.raises(ValueError, match="gold sessions are known"):
            ask()


def test_the_last_known_session_has_no_next_one():
    calendar = sp500_calendar()
    last = calendar.days[-1]
    with pytest.raises(ValueError, match="S&P 500 sessions are known"):
        calendar.next_session(last.item())
    with pytest.raises(ValueError, match="S&P 500 sessions are known"):
        calendar.next_sessions(np.array([last]))


# exchange-calendars still uses what pandas is about to change; the answer is compared below.
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_the_table_equals_exchange_calendars():
    table = json.loads(resources.files("assay").joinpath("sessions.json").read_text("utf-8"))
    xnys = exchange_calendars.get_calendar("XNYS", start=table["first"], end=table["last"])
    sessions = pd.DatetimeIndex(xnys.sessions).to_numpy().astype("datetime64[D]")
    assert len(sessions) > 7_000
    assert np.array_equal(sp500_calendar().days, sessions)
    assert table["early_closes"] == [day.date().isoformat() for day in xnys.early_closes]
    closes = dict(zip(xnys.sessions, xnys.closes, strict=True))
    for day in [*xnys.early_closes[-30:], *xnys.sessions[-300:]]:
        if closes[day].time().minute == 0:  # a few early closes of the past were at odd minutes
            assert sp500_calendar().close(day.date()) == closes[day].to_pydatetime()


def test_the_table_reaches_two_years_ahead():
    assert sp500_calendar().last_known >= SystemClock().now().date() + timedelta(days=730)


@pytest.mark.real_data
def test_gold_sessions_are_the_rows_of_the_real_gold_file():
    folder = os.environ.get("ASSAY_REAL_DATA")
    if not folder or not Path(folder, "gold.csv").is_file():
        pytest.skip("ASSAY_REAL_DATA names no folder with gold.csv")
    rows = read_bars_csv(Path(folder, "gold.csv"), most_set_aside=0.01)
    days = np.union1d(
        rows.bars.session, np.array([row.time for row in rows.set_aside], dtype="datetime64[D]")
    )
    expected = gold_calendar().between(days[0].item(), days[-1].item())
    assert len(days) > 6_000
    assert np.setxor1d(days, expected).tolist() == []
