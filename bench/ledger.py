"""Appends to the ledger beside the disk's own fsyncs, checking it, and reading its end.

python bench/ledger.py [--rows 1000000] [--appends 20000] [--reads 500] [--folder DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from store import fsyncs_a_second, timed

from assay.clock import SystemClock
from assay.store.ledger_records import Batch, Entry
from assay_backend.services.database import Database
from assay_backend.services.ledger import LedgerService
from assay_backend.services.signals_file import SignalsFile

AT = datetime(2026, 1, 1, tzinfo=UTC)
CALLERS = (1, 16, 64, 256)
FILLED_AT_ONCE = 5_000
SHORT_ROWS = 1_000
PAYLOAD_BYTES = 1_000  # about what a signal's answer has


def signals(count: int) -> list[Entry]:
    filling = b"x" * PAYLOAD_BYTES
    keys = [uuid.uuid4().hex for _ in range(count)]
    return [
        Entry(
            "signal",
            key,
            b'{"signal_id":"%s","filling":"%s"}' % (key.encode(), filling),
            AT,
            AT + timedelta(hours=number % 720),
            "binance BTC/USDT 1h",
            "binance",
        )
        for number, key in enumerate(keys)
    ]


def opened(folder: Path) -> Database:
    return Database(f"sqlite:///{folder / 'assay.db'}")


async def appended(folder: Path, *, callers: int, appends: int) -> tuple[float, list[float]]:
    """Appends a second, and what each took in ms."""
    service = LedgerService(opened(folder), SystemClock(), folder / "signals.jsonl")
    service.start()
    entries: Iterator[Entry] = iter(signals(appends))
    await service.append(signals(1))  # the first one opens the database
    took: list[float] = []

    async def caller() -> None:
        for entry in entries:
            start = time.perf_counter()
            await service.append([entry])
            took.append(1e3 * (time.perf_counter() - start))

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    seconds = time.perf_counter() - start
    await service.close()
    return appends / seconds, took


def print_appends(folder: Path, *, appends: int) -> None:
    print("| rows before | callers | appends/s | per fsync | p50, ms | p99, ms |")
    print(6 * "|---" + "|")
    for callers in CALLERS:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            print_rate(Path(name), "none", callers=callers, appends=appends)


def print_rate(folder: Path, before: str, *, callers: int, appends: int) -> None:
    fsyncs = fsyncs_a_second(folder)
    count = appends if callers > 1 else appends // 10
    rate, took = asyncio.run(appended(folder, callers=callers, appends=count))
    print(
        f"| {before} | {callers} | {rate:,.0f} | {rate / fsyncs:.2f} | {median(took):.2f} "
        f"| {np.percentile(took, 99):.2f} |",
        flush=True,
    )


def fill(database: Database, rows: int) -> float:
    """Rows a second, many at once."""
    ledger = database.store().ledger
    there = ledger.head().rows
    start = time.perf_counter()
    for first in range(there, rows, FILLED_AT_ONCE):
        entries = signals(min(FILLED_AT_ONCE, rows - first))
        ledger.append([Batch(entries)], at=AT)
    return (rows - there) / (time.perf_counter() - start)


def largest_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def print_reads(folder: Path, *, rows: int, reads: int, appends: int) -> None:
    database = opened(folder)
    ledger = database.store().ledger
    file = SignalsFile(folder / "signals.jsonl")
    print(
        "\n| rows | the last 5, ms | p99, ms | file found in step, ms | head, ms |\n" + 5 * "|---"
    )
    for count in (SHORT_ROWS, rows):
        filled = fill(database, count)
        file.bring_in_step(ledger.extents()["signal"], ledger)
        ledger.tail(5, kind="signal")
        took = [1e3 * timed(lambda: ledger.tail(5, kind="signal")) for _ in range(reads)]
        extent = ledger.extents()["signal"]
        found_in_step = partial(file.bring_in_step, extent, ledger)
        step = [1e3 * timed(found_in_step) for _ in range(20)]
        head = [1e3 * timed(ledger.head) for _ in range(reads)]
        print(
            f"| {count:,} | {median(took):.2f} | {np.percentile(took, 99):.2f} "
            f"| {median(step):.1f} | {median(head):.2f} |",
            flush=True,
        )
    before = largest_mb()
    seconds = timed(ledger.verify)
    more = largest_mb() - before
    print("\n| verify | seconds | rows/s | more memory, MB |\n|---|---|---|---|")
    print(f"| {rows:,} rows | {seconds:.1f} | {rows / seconds:,.0f} | {more:.0f} |")
    print(f"\nFilled with {filled:,.0f} rows/s, {FILLED_AT_ONCE:,} at once")
    database.close()
    print("\n| rows before | callers | appends/s | per fsync | p50, ms | p99, ms |")
    print(6 * "|---" + "|")
    print_rate(folder, f"{rows:,}", callers=64, appends=appends)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--appends", type=int, default=20_000)
    parser.add_argument("--reads", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        print(f"{fsyncs_a_second(folder):,.0f} fsyncs/s of 4 KB\n")
        print_appends(folder, appends=arguments.appends)
        print_reads(folder, rows=arguments.rows, reads=arguments.reads, appends=arguments.appends)


if __name__ == "__main__":
    main()
