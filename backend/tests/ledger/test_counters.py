"""What is counted outlives a restart, and adds up over processes."""

from __future__ import annotations

import asyncio
import time

from assay_backend.services.counters import Counters
from assay_backend.services.database import Database


def test_counters_outlive_a_restart_and_add_up_over_processes(database):
    async def count(counters, times):
        await counters.read()
        for _ in range(times):
            counters.count("requests")
        await counters.keep()
        counters.count("requests")
        return counters.total("requests")

    one, other = Counters(database), Counters(database)
    assert asyncio.run(count(one, 3)) == 4
    assert asyncio.run(count(other, 5)) == 3 + 5 + 1
    asyncio.run(one.keep())
    assert one.total("requests") == 3 + 5 + 1
    assert asyncio.run(count(Counters(database), 0)) == 10


def test_what_cannot_be_kept_now_stays_counted(tmp_path):
    folder = tmp_path / "assay.db"
    folder.mkdir()
    counters = Counters(Database(f"sqlite:///{folder}"))
    counters.count("requests")
    asyncio.run(counters.keep())
    asyncio.run(counters.read())
    assert counters.total("requests") == 1
    folder.rmdir()
    stored = Database(f"sqlite:///{folder}").store()
    deadline = time.monotonic() + 30
    while not stored.read_counts():  # a failure holds for as long as finding it out took
        asyncio.run(counters.keep())
        assert time.monotonic() < deadline
    assert counters.total("requests") == 1
    assert stored.read_counts() == {"requests": 1}
