from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from assay.clock import FixedClock
from assay.errors import InvalidBars, SourceUnavailable, TooLittleHistory
from assay.market.csv_bars import write_bars_csv
from assay.market.sources.simulated import SimulatedSource
from assay_training.steps.load import check_sp500_reaches, load_training_bars, read_pair

CLOCK = FixedClock(datetime(2007, 6, 29, 23, tzinfo=UTC))


def test_two_files_are_read_and_summed_up(simulated_csvs, simulated_bars, tmp_path):
    found = load_training_bars(*simulated_csvs, raw_dir=tmp_path, clock=CLOCK)
    assert np.array_equal(found.gold.close, simulated_bars[0].close)
    assert np.array_equal(found.sp500.close, simulated_bars[1].close)
    assert found.summaries[0] == f"{simulated_csvs[0]}: 1703 rows, 1703 bars, 0 set aside"
    assert not list(tmp_path.iterdir())


def test_files_that_are_not_named_are_downloaded_and_read_back(simulated_bars, tmp_path):
    raw = tmp_path / "raw"
    source = SimulatedSource(CLOCK)
    found = load_training_bars(None, None, raw_dir=raw, clock=CLOCK, source=source)
    assert np.array_equal(found.gold.close, simulated_bars[0].close)
    assert sorted(path.name for path in raw.iterdir()) == ["gold.csv", "sp500.csv"]
    again = load_training_bars(raw / "gold.csv", raw / "sp500.csv", raw_dir=raw, clock=CLOCK)
    assert again.gold.fingerprint() == found.gold.fingerprint()


class Down:
    """A source that does not answer."""

    name = "down"

    def fetch(self, symbol, *, start, deadline_seconds):
        raise SourceUnavailable(f"no answer for {symbol}")


def test_a_failed_download_leaves_the_files_of_before(tmp_path):
    (tmp_path / "gold.csv").write_text("kept")
    with pytest.raises(SourceUnavailable, match="GC=F"):
        load_training_bars(None, None, raw_dir=tmp_path, clock=CLOCK, source=Down())
    assert (tmp_path / "gold.csv").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["gold.csv"]


def test_files_of_different_years_are_refused_by_name_and_span(
    simulated_csvs, simulated_bars, tmp_path
):
    sp500 = simulated_bars[1]
    early = tmp_path / "early.csv"
    late_gold = tmp_path / "late.csv"
    write_bars_csv(early, sp500.until(date(2003, 12, 31)))
    gold = simulated_bars[0]
    write_bars_csv(late_gold, gold.take(gold.session >= np.datetime64("2004-01-01")))
    with pytest.raises(InvalidBars) as caught:
        load_training_bars(late_gold, early, raw_dir=tmp_path, clock=CLOCK)
    assert str(caught.value) == (
        f"{late_gold} (2004-01-05 to 2007-06-29) and {early} (2000-08-30 to 2003-12-31) have no "
        "session in common; both must cover the same years"
    )


def test_a_short_file_is_refused_by_name_and_count(simulated_csvs, simulated_bars, tmp_path):
    short = tmp_path / "short.csv"
    write_bars_csv(short, simulated_bars[0].take(slice(0, 400)))
    with pytest.raises(TooLittleHistory) as caught:
        load_training_bars(short, simulated_csvs[1], raw_dir=tmp_path, clock=CLOCK)
    assert str(short) in str(caught.value)
    assert "400 rows" in str(caught.value)
    assert (caught.value.needed, caught.value.available) == (1600, 400)


def test_an_absent_file_is_refused(simulated_csvs, tmp_path):
    with pytest.raises(InvalidBars, match=r"absent\.csv: cannot be read"):
        load_training_bars(
            tmp_path / "absent.csv", simulated_csvs[1], raw_dir=tmp_path, clock=CLOCK
        )


def test_a_stale_sp500_is_told_and_refused_where_it_is_needed(
    simulated_csvs, simulated_bars, tmp_path
):
    old = tmp_path / "old.csv"
    write_bars_csv(old, simulated_bars[1].until(date(2005, 6, 30)))
    bars = read_pair(simulated_csvs[0], old)
    assert bars.summaries[2:] == (
        f"{old}: ends 2005-06-30, 729 days before {simulated_csvs[0]}, which ends 2007-06-29",
    )
    check_sp500_reaches(old, bars, start=date(2004, 1, 1), end=date(2005, 7, 11))
    with pytest.raises(InvalidBars) as caught:
        check_sp500_reaches(old, bars, start=date(2005, 7, 1), end=date(2005, 7, 12))
    assert caught.value.message == (
        f"{old}: the S&P 500 of 2000-08-30 to 2005-06-30 has no session within 10 days before the "
        "origin 2005-07-11, which scoring from 2005-07-01 to 2005-07-12 needs"
    )


def test_an_sp500_that_begins_late_or_has_a_hole_is_refused(
    simulated_csvs, simulated_bars, tmp_path
):
    sp500, holed = simulated_bars[1], tmp_path / "holed.csv"
    hole = (sp500.session > np.datetime64("2004-03-01")) & (
        sp500.session < np.datetime64("2004-06-01")
    )
    begins = sp500.session >= np.datetime64("2002-01-02")
    write_bars_csv(holed, sp500.take(begins & ~hole))
    bars = read_pair(simulated_csvs[0], holed)
    assert len(bars.summaries) == 2
    for start in (date(2001, 12, 1), date(2004, 4, 1)):
        with pytest.raises(InvalidBars, match=r"holed\.csv: .*no session within 10 days"):
            check_sp500_reaches(holed, bars, start=start, end=start + timedelta(days=7))


def test_weekdays_that_the_calendar_does_not_know_stay_and_are_counted(
    simulated_csvs, simulated_bars, tmp_path
):
    lines = simulated_csvs[0].read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("2003-04-17"))
    row = lines[at].removeprefix("2003-04-17")
    lines[at + 1 : at + 1] = [f"2003-04-18{row}", f"2003-04-19{row}"]  # Good Friday, Saturday
    odd = tmp_path / "odd.csv"
    odd.write_text("\n".join(lines))
    bars = read_pair(odd, simulated_csvs[1])
    assert np.datetime64("2003-04-18") in bars.gold.session
    assert np.datetime64("2003-04-19") not in bars.gold.session
    assert bars.summaries[0] == (
        f"{odd}: 1705 rows, 1704 bars, 1 set aside (1 weekend), 1 on days that the calendar does "
        f"not know (the first on line {at + 2}, 2003-04-18)"
    )


def test_dates_with_a_zone_join_the_sessions_that_they_name(simulated_csvs, tmp_path):
    zoned = tmp_path / "zoned.csv"
    head, *lines = simulated_csvs[1].read_text().splitlines()
    zoned.write_text("\n".join([head, *(line.replace(",", "T00:00+02:00,", 1) for line in lines)]))
    plain, found = read_pair(*simulated_csvs), read_pair(simulated_csvs[0], zoned)
    assert found.sp500.fingerprint() == plain.sp500.fingerprint()
