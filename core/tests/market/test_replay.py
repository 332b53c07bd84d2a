"""Files as a market: what had closed by the clock, and nothing else."""

from datetime import UTC, date, datetime

import pytest

from assay.clock import FixedClock
from assay.errors import InvalidBars
from assay.market.sources.replay import ReplaySource, replay_clock

HEADER = "date,open,high,low,close,volume\n"
START = date(2000, 8, 30)


def rows(*days):
    return HEADER + "".join(f"{day},10,12,9,11,100\n" for day in days)


@pytest.fixture
def files(tmp_path):
    gold, sp500 = tmp_path / "gold.csv", tmp_path / "sp500.csv"
    # the 18th is Good Friday
    gold.write_text(rows("2025-04-16", "2025-04-17", "2025-04-18", "2025-04-21"))
    sp500.write_text(rows("2025-04-16", "2025-04-17", "2025-04-21", "2025-04-22"))
    return gold, sp500


def sessions(source, symbol, start=START):
    return source.fetch(symbol, start=start, deadline_seconds=1.0).bars.session.tolist()


def test_the_replay_clock_stands_at_the_close_of_the_last_gold_session(files):
    clock = replay_clock(files[0])
    assert clock.now() == datetime(2025, 4, 21, 21, tzinfo=UTC)
    source = ReplaySource(*files, clock)
    assert sessions(source, "GC=F")[-1] == sessions(source, "^GSPC")[-1] == date(2025, 4, 21)


def test_only_sessions_that_had_closed_are_there(files):
    source = ReplaySource(*files, FixedClock(datetime(2025, 4, 17, 20, 30, tzinfo=UTC)))
    assert sessions(source, "GC=F") == [date(2025, 4, 16)]
    assert sessions(source, "^GSPC") == [date(2025, 4, 16), date(2025, 4, 17)]


def test_a_row_that_is_no_session_is_set_aside(files):
    checked = ReplaySource(*files, replay_clock(files[0])).fetch(
        "GC=F", start=START, deadline_seconds=1.0
    )
    assert date(2025, 4, 18) not in checked.bars.session.tolist()
    assert [(aside.reason, aside.line) for aside in checked.set_aside] == [("not a session", 4)]


def test_a_start_cuts_the_history(files):
    source = ReplaySource(*files, replay_clock(files[0]))
    assert sessions(source, "GC=F", date(2025, 4, 17)) == [date(2025, 4, 17), date(2025, 4, 21)]


def test_files_that_cannot_be_used_are_named(files, tmp_path):
    with pytest.raises(InvalidBars, match=r"absent\.csv"):
        replay_clock(tmp_path / "absent.csv")
    files[0].write_text(rows("2025-04-18"))
    with pytest.raises(InvalidBars, match=r"gold\.csv: holds no gold session"):
        replay_clock(files[0])
    source = ReplaySource(
        files[0], tmp_path / "gone.csv", FixedClock(datetime(2025, 5, 1, tzinfo=UTC))
    )
    with pytest.raises(InvalidBars, match=r"gone\.csv"):
        sessions(source, "^GSPC")


def test_a_date_with_a_zone_is_the_session_it_names(files):
    files[0].write_text(rows("2025-04-16T00:00:00+02:00", "2025-04-17T00:00:00+02:00"))
    source = ReplaySource(*files, replay_clock(files[0]))
    assert sessions(source, "GC=F") == [date(2025, 4, 16), date(2025, 4, 17)]
