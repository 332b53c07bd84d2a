"""Kills a writer again and again, and holds what is in the database against what it acknowledged.

python killed_writer.py FOLDER KILLS SEED

One process, so that a child costs a fork and no imports. Each write is 3 or 2,000 new bars, the
correction of an older one and a row for quarantine; the state after n writes is known exactly.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import sys
import time
from datetime import UTC, datetime

import numpy as np

from assay.market.bars import Bars, CheckedBars, SetAside
from assay.market.keys import SeriesKey
from assay.store import open_store

AT = datetime(2025, 4, 15, tzinfo=UTC)
KEY = SeriesKey("binance", "BTC/USDT", "1m")
KILLS_A_DATABASE = 10
CORRECTED_BY = 0.5


def first_of(write):
    """How many bars came before the n-th write."""
    return 3 * write + 1_997 * ((write + 4) // 5)


def bars(numbers, values):
    columns = [values, values, values, values, numbers.astype(float)]
    return Bars((numbers * 60_000).astype("datetime64[ms]"), *columns)


def contents(write):
    numbers = np.arange(first_of(write), first_of(write + 1))
    values = numbers + 1.0
    if write:
        numbers = np.append(first_of(write - 1), numbers)
        values = np.append(numbers[0] + 1.0 + CORRECTED_BY, values)
    aside = SetAside(0, f"row {write}", "not a number", values=(float("nan"), float(write)))
    return CheckedBars(bars(numbers, values), (aside,), rows=len(numbers) + 1)


def write_for_ever(url, first, pipe):
    store = open_store(url)
    for write in range(first, 1_000_000):
        store.write(KEY, contents(write), at=AT)
        os.write(pipe, b".")


def check(url, file, acknowledged):
    """How many writes there are: those acknowledged, and one whose word did not come through."""
    with sqlite3.connect(file) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    raw.close()
    store = open_store(url)
    corrections, quarantined = store.corrections(limit=10**6), store.quarantine(limit=10**6)
    found, writes = store.read_bars(KEY), len(quarantined)
    assert writes in (acknowledged, acknowledged + 1), (writes, acknowledged)
    numbers = np.arange(first_of(writes))
    expected = numbers + 1.0
    expected[[first_of(write) for write in range(writes - 1)]] += CORRECTED_BY
    assert found.fingerprint() == bars(numbers, expected).fingerprint()
    assert [item.before[3] for item in corrections] == [
        first_of(write) + 1.0 for write in range(writes - 2, -1, -1)
    ]
    assert {item.time for item in quarantined} == {f"row {write}" for write in range(writes)}
    assert sum(item.rows for item in store.series()) == len(numbers)
    store.close()
    return writes


def kill_one(url, first, seconds, *, after_a_write):
    """How many writes a child acknowledged before it was killed.

    `seconds` after its start, or after its first write, however slow the machine is.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            write_for_ever(url, first, writer)
        finally:
            os._exit(1)
    os.close(writer)
    acknowledged = len(os.read(reader, 1)) if after_a_write else 0
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "the writer ended by itself"
    while received := os.read(reader, 65_536):
        acknowledged += len(received)
    os.close(reader)
    return acknowledged


def main():
    folder, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance, total, writes = random.Random(seed), 0, 0
    for kill in range(kills):
        file = f"{folder}/{kill // KILLS_A_DATABASE}.db"
        if kill % KILLS_A_DATABASE == 0:
            writes = 0
        acknowledged = kill_one(
            f"sqlite:///{file}", writes, chance.uniform(0.0, 0.2), after_a_write=kill % 2 == 1
        )
        total += acknowledged
        writes = check(f"sqlite:///{file}", file, writes + acknowledged)
    print(total)


if __name__ == "__main__":
    main()
