"""Raw files, brought up to date: what is there stays, what is new is added, whole or not at all."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from assay.errors import SourceUnavailable
from assay.market.bars import Bars, CheckedBars
from assay.market.csv_bars import read_bars_csv
from assay.market.symbols import GOLD
from assay_training.steps.ingest import ingest

FIRST = date(2000, 8, 30)


def bars(first: int, last: int, *, close: float = 100.0) -> Bars:
    """A bar a day of January 2025 (from `first` to `last`), its close telling the day apart."""
    time = np.arange(first, last + 1) + np.datetime64("2025-01-01", "D") - 1
    close_at = close + np.arange(first, last + 1)
    columns = (close_at, close_at + 1.0, close_at - 1.0, close_at, np.ones(len(time)))
    return Bars(time.astype("datetime64[ms]"), *columns)


class Source:
    """Answers with `found`, from the start that is asked for, and notes that."""

    name = "noted"

    def __init__(self, found: Bars):
        self.found, self.asked = found, []

    def fetch(self, symbol, *, start, deadline_seconds):
        self.asked.append(start)
        return CheckedBars(self.found.take(self.found.session >= np.datetime64(start)))


def sessions(path):
    return read_bars_csv(path, daily=True).bars.session.astype(str).tolist()


def weekdays(first: int, last: int, *, close: float = 100.0) -> Bars:
    every = bars(first, last, close=close)
    return every.take(np.is_busday(every.session))


def test_the_first_time_all_is_fetched_and_later_only_what_is_new(tmp_path):
    path = tmp_path / "raw" / "gold.csv"
    source = Source(weekdays(1, 24))
    found = ingest(source, GOLD, path, first=FIRST, deadline_seconds=1.0)
    assert (found.new, found.corrected, found.last_session) == (18, 0, date(2025, 1, 24))
    source.found = weekdays(1, 31)
    found = ingest(source, GOLD, path, first=FIRST, deadline_seconds=1.0)
    assert source.asked == [FIRST, date(2025, 1, 13)]  # ten sessions back
    assert (found.new, found.corrected) == (5, 0)
    assert str(found) == "gold.csv to 2025-01-31: 5 new"
    assert read_bars_csv(path, daily=True).bars.fingerprint() == weekdays(1, 31).fingerprint()
    assert [each.name for each in path.parent.iterdir()] == ["gold.csv"]


def test_a_second_time_nothing_is_written(tmp_path):
    path = tmp_path / "gold.csv"
    source = Source(weekdays(1, 24))
    ingest(source, GOLD, path, first=FIRST, deadline_seconds=1.0)
    before = path.stat().st_ino
    assert ingest(source, GOLD, path, first=FIRST, deadline_seconds=1.0).new == 0
    assert path.stat().st_ino == before


def test_a_correction_counts_and_a_hole_in_the_answer_takes_nothing_away(tmp_path):
    path = tmp_path / "gold.csv"
    ingest(Source(weekdays(1, 24)), GOLD, path, first=FIRST, deadline_seconds=1.0)
    corrected = weekdays(23, 27, close=100.5).take(slice(1, None))  # the 23rd is missing
    found = ingest(Source(corrected), GOLD, path, first=FIRST, deadline_seconds=1.0)
    assert (found.new, found.corrected) == (1, 1)
    assert str(found) == "gold.csv to 2025-01-27: 1 new, 1 corrected"
    assert sessions(path)[-3:] == ["2025-01-23", "2025-01-24", "2025-01-27"]
    assert read_bars_csv(path, daily=True).bars.close[-3:].tolist() == [123.0, 124.5, 127.5]


def test_a_file_that_is_none_is_fetched_anew(tmp_path):
    path = tmp_path / "gold.csv"
    path.write_text("half a")
    assert ingest(Source(weekdays(1, 24)), GOLD, path, first=FIRST, deadline_seconds=1.0).new == 18


def test_a_source_without_any_session_says_so(tmp_path):
    with pytest.raises(SourceUnavailable, match="noted has no session of GC=F since 2000-08-30"):
        ingest(Source(Bars.empty()), GOLD, tmp_path / "no.csv", first=FIRST, deadline_seconds=1.0)
    assert not list(tmp_path.iterdir())
