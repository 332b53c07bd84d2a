"""Kills a service in the midst of appends again and again, and holds ledger and file against what
was acknowledged.

python killed_ledger.py FOLDER KILLS SEED

One process, so that a child costs a fork and no imports. Prints how many were acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assay.clock import SystemClock
from assay.store.ledger_records import Entry
from assay_backend.services.database import Database
from assay_backend.services.ledger import LedgerService

AT = datetime(2026, 11, 18, 23, tzinfo=UTC)
CALLERS = 16
KEY_BYTES = 24


def entry(key, size):
    payload = b'{"signal_id":"%s","filling":"%s"}' % (key, b"x" * size)
    return Entry("signal", key.decode(), payload, AT, AT + timedelta(hours=1), "BTC", "binance")


def opened(folder):
    return Database(f"sqlite:///{folder / 'assay.db'}")


async def append_for_ever(folder, kill, pipe):
    service = LedgerService(opened(folder), SystemClock(), folder / "signals.jsonl")
    service.start()

    async def caller(number):
        for turn in range(1_000_000):
            key = b"%06d-%06d-%010d" % (kill, number, turn)
            await service.append([entry(key, 50 * number)])
            os.write(pipe, key)

    await asyncio.gather(*(caller(number) for number in range(CALLERS)))


def kill_one(folder, kill, seconds):
    """The keys that a child acknowledged before it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(append_for_ever(folder, kill, writer))
        finally:
            os._exit(1)
    os.close(writer)
    received = os.read(reader, KEY_BYTES)  # however slow the machine is, it is killed in the midst
    give_up = time.monotonic() + seconds
    os.set_blocking(reader, False)
    while time.monotonic() < give_up:  # the pipe must not fill, or nothing would be in its midst
        received += available(reader)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "the service ended by itself"
    while more := available(reader):
        received += more
    os.close(reader)
    return [received[at : at + KEY_BYTES] for at in range(0, len(received), KEY_BYTES)]


def available(reader):
    try:
        return os.read(reader, 65_536)
    except BlockingIOError:
        return b""


async def start_and_close(database, path):
    service = LedgerService(database, SystemClock(), path)
    service.start()
    await service.close()


def check(folder, acknowledged):
    """How much of the file was missing before a service brought it in step."""
    path, database = folder / "signals.jsonl", opened(folder)
    ledger = database.store().ledger
    assert ledger.verify().intact
    keys = [row.entry.key for row in ledger.rows()]
    assert len(set(keys)) == len(keys)
    assert set(acknowledged) <= set(keys)
    expected = b"".join(row.entry.payload + b"\n" for row in ledger.rows())
    found = path.read_bytes() if path.exists() else b""
    assert expected.startswith(found)
    asyncio.run(start_and_close(database, path))
    assert (path.read_bytes() if expected else b"") == expected
    assert {each.name for each in folder.glob("*signals*")} <= {path.name, f".{path.name}.lock"}
    database.close()
    return len(expected) - len(found)


def main():
    folder, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chance, acknowledged, behind = random.Random(seed), [], 0
    database = opened(folder)
    database.store()
    database.close()
    for kill in range(kills):
        keys = kill_one(folder, kill, chance.uniform(0.02, 0.15))
        acknowledged += [key.decode() for key in keys]
        behind += check(folder, acknowledged) > 0
    print(len(acknowledged), behind)


if __name__ == "__main__":
    main()
