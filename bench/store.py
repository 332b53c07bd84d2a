"""Importing bars, beside bare sqlite3, and reading the last ones of a long series.

python bench/store.py [--bars 1000000] [--long 5000000] [--rounds 3] [--reads 500] [--folder DIR]
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from assay.market.bars import Bars, CheckedBars
from assay.market.csv_bars import read_bars_csv, write_bars_csv
from assay.market.keys import SeriesKey
from assay.market.timeframes import timeframe
from assay.store import Store, open_store
from assay.store.store import CHUNK_ROWS

AT = datetime(2026, 1, 1, tzinfo=UTC)
KEY = SeriesKey("binance", "BTC/USDT", "1m")
LAST = 500
FSYNC_SECONDS = 1.0


def made_up(count: int) -> Bars:
    """A random walk in minutes, prices to the cent."""
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 1e-3, count)))
    low, high = np.round(close * 0.999, 2) + 0.01, np.round(close * 1.001, 2) + 0.03
    close = np.round(close, 2) + 0.02
    opens = np.datetime64("2015-01-01", "ms") + np.arange(count) * np.timedelta64(1, "m")
    return Bars(opens, close, high, low, close, np.round(close * 10, 3))


def fsyncs_a_second(folder: Path) -> float:
    """How often a second a page appended to a file can be put on disk."""
    path, count = folder / "fsync", 0
    with path.open("wb", buffering=0) as handle:
        start = time.perf_counter()
        while time.perf_counter() - start < FSYNC_SECONDS:
            handle.write(b"\0" * 4096)
            os.fsync(handle.fileno())
            count += 1
        seconds = time.perf_counter() - start
    path.unlink()
    return count / seconds


def import_bare(folder: Path, bars: Bars) -> None:
    """As fast as Python's sqlite3 adds such rows, as durably, knowing nothing of corrections."""
    with sqlite3.connect(folder / "bare.db", isolation_level=None) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(
            "CREATE TABLE bars (series_id, open_time_ms, open, high, low, close, volume, "
            "first_seen_ms, updated_ms, PRIMARY KEY (series_id, open_time_ms)) WITHOUT ROWID"
        )
        for first in range(0, len(bars), CHUNK_ROWS):
            part = bars.take(slice(first, first + CHUNK_ROWS))
            stamps = part.time.astype("int64").tolist()
            values = [column.tolist() for column in part.columns()[1:]]
            rows = [(1, *row, 0, 0) for row in zip(stamps, *values, strict=True)]
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO bars VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            database.execute("COMMIT")
    database.close()


def import_bars(folder: Path, bars: Bars) -> None:
    store = opened(folder)
    store.import_bars(KEY, CheckedBars(bars), at=AT)
    store.close()


def import_csv(folder: Path, path: Path) -> None:
    """What `assay-data import` does: read, check, compare, store."""
    checked = read_bars_csv(path, timeframe=timeframe("1m"), now=np.datetime64(AT.date(), "ms"))
    import_bars(folder, checked.bars)


def opened(folder: Path) -> Store:
    return open_store(f"sqlite:///{folder / 'assay.db'}")


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def print_imports(folder: Path, *, count: int, rounds: int) -> None:
    bars, csv = made_up(count), folder / "bars.csv"
    write_bars_csv(csv, bars, daily=False)
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):  # in turns, so that a busy moment hits them all
        with (
            tempfile.TemporaryDirectory(dir=folder) as one,
            tempfile.TemporaryDirectory(dir=folder) as two,
        ):
            for what, work in (
                ("bare sqlite3, executemany", partial(import_bare, Path(one), bars)),
                ("Store.import_bars, new bars", partial(import_bars, Path(one), bars)),
                ("the same bars again", partial(import_bars, Path(one), bars)),
                ("a CSV file, read, checked and stored", partial(import_csv, Path(two), csv)),
            ):
                seconds.setdefault(what, []).append(timed(work))
    print(f"{count:,} one-minute bars, median of {rounds} rounds\n")
    print("| import | bars/s | ratio |\n|---|---|---|")
    bare = median(next(iter(seconds.values())))
    for what, took in seconds.items():
        print(f"| {what} | {count / median(took):,.0f} | {bare / median(took):.2f} |")


def print_reads(folder: Path, *, count: int, reads: int) -> None:
    import_bars(folder, made_up(count))
    store = opened(folder)
    first_ms = 1e3 * timed(lambda: store.read_bars(KEY, last=LAST))
    took = [1e3 * timed(lambda: store.read_bars(KEY, last=LAST)) for _ in range(reads)]
    listing = [1e3 * timed(lambda: store.series()) for _ in range(reads)]
    store.close()
    print(f"\n{count:,} bars of one series, {reads} reads of a store that was opened anew\n")
    print("| read | first, ms | median, ms | p99, ms |\n|---|---|---|---|")
    print(
        f"| the last {LAST} bars | {first_ms:.2f} | {median(took):.2f} "
        f"| {np.percentile(took, 99):.2f} |"
    )
    print(
        f"| what series there are | {listing[0]:.2f} | {median(listing):.2f} "
        f"| {np.percentile(listing, 99):.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--long", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reads", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        print(f"{fsyncs_a_second(folder):,.0f} fsyncs/s of 4 KB\n")
        print_imports(folder, count=arguments.bars, rounds=arguments.rounds)
        print_reads(folder, count=arguments.long, reads=arguments.reads)


if __name__ == "__main__":
    main()
