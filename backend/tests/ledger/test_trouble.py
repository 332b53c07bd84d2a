"""What goes wrong with the ledger's writer: told to those whom it concerns, and outlived."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time

import pytest

from assay.errors import StorageError
from assay_backend.services import signals_file as signals_file_module
from assay_backend.services.ledger import LedgerService
from assay_backend.services.signals_file import SignalsFile
from numbered_signals import entry, lines
from small_ledger import tamper


def test_a_storage_failure_is_told_to_all_and_the_service_goes_on(
    run, database, ledger, path, monkeypatch
):
    monkeypatch.setattr("assay.store.engine.BUSY_TIMEOUT_MS", 20)
    database.store()._engine.dispose()
    blocker = sqlite3.connect(path.with_name("assay.db"), isolation_level=None)

    async def both(service):
        blocker.execute("BEGIN IMMEDIATE")
        appends = [service.append([entry(number)]) for number in range(3)]
        failed = await asyncio.gather(*appends, return_exceptions=True)
        blocker.execute("ROLLBACK")
        return failed, await service.append([entry(7)])

    failed, rows = run(both)
    blocker.close()
    assert [type(each) for each in failed] == [StorageError] * 3
    assert "locked" in failed[0].message
    assert [row.entry.key for row in rows] == ["s-7"]
    assert path.read_bytes() == lines(ledger)


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("that took too long")


def no_room_for_lines(monkeypatch):
    """Half of each line is written; what ends that."""
    write_all = signals_file_module._write_all

    def half(handle, data):
        write_all(handle, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(signals_file_module, "_write_all", half)
    return lambda: monkeypatch.setattr(signals_file_module, "_write_all", write_all)


def test_a_row_that_is_stored_is_acknowledged_and_its_line_caught_up_by_the_next(
    run, ledger, path, monkeypatch
):
    async def fail(service):
        await service.append([entry(1)])
        room = no_room_for_lines(monkeypatch)
        (row,) = await service.append([entry(2)])
        torn, behind = path.read_bytes(), service.behind
        room()
        service._next_look = 0.0
        await service.append([entry(3)])
        return row, torn, behind, service.behind

    row, torn, behind, after = run(fail, catch_up_seconds=60.0)
    assert (row.sequence, torn.endswith(b"\n")) == (2, False)
    assert "signals.jsonl: No space left" in behind
    assert after is None
    assert [row.entry.key for row in ledger.rows()] == ["s-1", "s-2", "s-3"]
    assert path.read_bytes() == lines(ledger)


def test_a_file_that_is_behind_is_caught_up_while_nobody_comes(run, ledger, path, monkeypatch):
    async def fail(service):
        room = no_room_for_lines(monkeypatch)
        await service.append([entry(1)])
        room()
        await until(lambda: service.behind is None)

    run(fail, catch_up_seconds=0.05)
    assert path.read_bytes() == lines(ledger)


def test_a_file_that_cannot_be_caught_up_is_not_tried_at_every_append(run, ledger, monkeypatch):
    tried = []

    def fail(self, *_):
        tried.append(self.path)
        raise TypeError("a bug")

    monkeypatch.setattr(SignalsFile, "bring_in_step", fail)

    async def append(service):
        await until(lambda: tried)  # when it starts
        return [await service.append([entry(number)]) for number in range(5)], service.behind

    rows, behind = run(append)
    assert [row.sequence for (row,) in rows] == [1, 2, 3, 4, 5]
    assert behind == "TypeError('a bug')"
    assert len(tried) == 1


def test_a_ledger_whose_first_row_cannot_be_read_takes_more(record, run, database, ledger, path):
    record(1, 2)
    tamper(database.store(), "UPDATE ledger SET payload = CAST(payload AS TEXT) WHERE sequence = 1")
    path.unlink()

    async def append(service):
        return await service.append([entry(3)]), service.behind

    ((row,), behind) = run(append)
    assert row.sequence == 3
    assert behind.startswith("Row 1 of the ledger is not what was written")


@pytest.mark.filterwarnings("ignore:Exception in thread ledger")  # it is what is tested
def test_a_writer_that_died_is_started_anew(run, ledger, monkeypatch):
    commit = type(ledger).commit
    ends = [KeyboardInterrupt()]

    def once(self, batches, *, at):
        if ends:
            raise ends.pop()
        return commit(self, batches, at=at)

    monkeypatch.setattr(type(ledger), "commit", once)

    async def both(service):
        with pytest.raises(StorageError, match="writer ended"):
            await service.append([entry(1)])
        assert await service.fault() is None
        return await service.append([entry(2)])

    assert [row.sequence for row in run(both)] == [1]


def test_nobody_waits_for_ever(run, ledger, monkeypatch):
    released = threading.Event()
    commit = type(ledger).commit

    def held(self, batches, *, at):
        released.wait(30)
        return commit(self, batches, at=at)

    monkeypatch.setattr(type(ledger), "commit", held)

    async def wait(service):
        with pytest.raises(StorageError, match="is not known"):
            await service.append([entry(1)])
        released.set()

    run(wait, patience_seconds=0.05)
    assert ledger.head().rows == 1


def test_readiness_and_health_tell_of_a_ledger_that_cannot_be_written(client, monkeypatch):
    services = client.app_state["services"]
    assert client.get("/readyz").json()["ledger_writable"] is True
    services.ledger.behind = "No space left on device"
    services.ledger._next_look = time.monotonic() + 60
    problems = client.get("/health").json()["problems"]
    assert "signals.jsonl is behind the ledger: No space left on device" in problems
    assert client.get("/readyz").status_code == 200
    client.portal.call(services.ledger.append, [entry(1)])
    tamper(services.database.store(), "UPDATE ledger SET hash = 'abc'")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert (answer.json()["database_writable"], answer.json()["ledger_writable"]) == (True, False)
    assert client.post("/v1/crypto/signal").status_code == 503


def test_a_bug_is_told_to_its_callers_and_the_service_goes_on(run, ledger, monkeypatch):
    commit = type(ledger).commit
    faults = [ZeroDivisionError("a bug")]

    def sometimes(self, batches, *, at):
        if faults:
            raise faults.pop()
        return commit(self, batches, at=at)

    monkeypatch.setattr(type(ledger), "commit", sometimes)

    async def both(service):
        with pytest.raises(ZeroDivisionError):
            await service.append([entry(1)])
        return await service.append([entry(2)])

    assert [row.sequence for row in run(both)] == [1]


def test_more_than_may_wait_are_refused(run, ledger, monkeypatch):
    released = threading.Event()
    commit = type(ledger).commit

    def held(self, batches, *, at):
        released.wait(30)
        return commit(self, batches, at=at)

    monkeypatch.setattr(type(ledger), "commit", held)

    async def many(service):
        appends = [asyncio.create_task(service.append([entry(n), entry(-n)])) for n in range(1, 6)]
        await asyncio.sleep(0)
        with pytest.raises(StorageError, match="wait for the ledger"):
            await service.append([entry(100)])
        released.set()
        await asyncio.gather(*appends)
        await service.append([entry(100)])

    run(many, most_waiting=10)
    assert ledger.head().rows == 11


def test_a_caller_who_goes_away_leaves_an_entry_and_disturbs_nobody(run, ledger):
    async def leave(service):
        gone = asyncio.create_task(service.append([entry(1)]))
        await asyncio.sleep(0)
        gone.cancel()
        await service.append([entry(2)])
        assert gone.cancelled()

    run(leave)
    assert ledger.head().rows == 2


def test_closing_writes_what_waits_and_refuses_the_rest(database, clock, path, ledger):
    async def close():
        service = LedgerService(database, clock, path)
        appends = [asyncio.create_task(service.append([entry(number)])) for number in range(50)]
        await asyncio.sleep(0)
        await service.close()
        with pytest.raises(StorageError, match="ending"):
            await service.append([entry(100)])
        rows = await asyncio.gather(*appends)
        service.start()
        await service.append([entry(101)])
        await service.close()
        await service.close()
        return rows

    assert len(asyncio.run(close())) == 50
    assert ledger.head().rows == 51
