"""The ledger's writer: together on disk, in one order, in the file, and never half."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from assay.clock import FixedClock
from assay.errors import StorageError
from assay.store.engine import writing
from assay.store.ledger_records import Entry, Remember
from assay_backend.services import signals_file as signals_file_module
from assay_backend.services import verification as verification_module
from assay_backend.services.counters import Counters
from assay_backend.services.database import Database
from assay_backend.services.ledger import AlreadyAnswered, LedgerService
from assay_backend.services.signals_file import SignalsFile
from assay_backend.services.verification import VerificationService

AT = datetime(2026, 11, 18, 23, 0, tzinfo=UTC)


def entry(number, *, kind="signal", source="binance"):
    payload = json.dumps({"signal_id": f"s-{number}", "risk_score": number / 1000}).encode()
    due = AT + timedelta(hours=1)
    return Entry(kind, f"s-{number}", payload, AT, due, "binance BTC/USDT 1h", source)


def remember(body=b"{}"):
    return Remember(b"k" * 32, b"r" * 32, body)


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'data' / 'assay.db'}")
    yield database
    database.close()


@pytest.fixture
def ledger(database):
    return database.store().ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "signals.jsonl"


@pytest.fixture
def run(database, clock, path):
    """Runs `work(service)` with a service that lives as long."""

    def run(work, **options):
        async def through():
            service = LedgerService(database, clock, path, **options)
            service.start()
            try:
                return await work(service)
            finally:
                await service.close()

        return asyncio.run(through())

    return run


@pytest.fixture
def record(run):
    """Appends signals of these numbers, one after the other."""

    def record(*numbers):
        async def each(service):
            return [await service.append([entry(number)]) for number in numbers]

        return run(each)

    return record


def lines(ledger):
    return b"".join(row.entry.payload + b"\n" for row in ledger.rows(kind="signal"))


def tamper(database, *statements):
    with writing(database.store()._engine) as connection:
        for trigger in ("ledger_no_update", "ledger_no_delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
        for statement in statements:
            connection.execute(text(statement))


# Appending


def test_what_many_append_at_once_has_one_order_in_ledger_and_file(run, ledger, path):
    async def many(service):
        return await asyncio.gather(*(service.append([entry(number)]) for number in range(300)))

    rows = [row for (row,) in run(many)]
    assert [row.entry.key for row in rows] == [f"s-{number}" for number in range(300)]
    assert [row.sequence for row in rows] == list(range(1, 301))
    assert ledger.verify().intact
    assert list(ledger.rows()) == rows
    assert path.read_bytes() == lines(ledger)


def test_one_transaction_is_for_all_who_wait(run, database, ledger, monkeypatch):
    written = []
    commit = type(ledger).commit

    def counted(self, batches, *, at):
        written.append(len(batches))
        return commit(self, batches, at=at)

    monkeypatch.setattr(type(ledger), "commit", counted)

    async def many(service):
        await asyncio.gather(*(service.append([entry(number)]) for number in range(200)))

    run(many)
    assert sum(written) == 200
    assert len(written) < 50


def test_a_row_is_on_disk_and_in_the_file_before_its_caller_knows(run, path, database):
    async def look(service):
        for number in range(20):
            (row,) = await service.append([entry(number)])
            with sqlite3.connect(path.with_name("assay.db")) as other:
                found = other.execute("SELECT max(sequence) FROM ledger").fetchone()
            other.close()
            assert found == (row.sequence,)
            assert path.read_bytes().endswith(row.entry.payload + b"\n")

    run(look)


def test_only_signals_are_lines(run, ledger, path):
    async def both(service):
        await service.append([entry(1), entry(1, kind="gold_forecast"), entry(2)])
        await service.append([entry(3, kind="gold_forecast")])
        await service.append([entry(1), entry(3)])

    run(both)
    assert ledger.counts() == {"signal": 3, "gold_forecast": 2}
    keys = [json.loads(line)["signal_id"] for line in path.read_text().splitlines()]
    assert keys == ["s-1", "s-2", "s-3"]


def test_nothing_to_append(run, path):
    async def nothing(service):
        return await service.append([])

    assert run(nothing) == []


def test_who_comes_second_with_a_key_learns_the_first_answer(run, ledger):
    async def two(service):
        first = service.append([entry(1)], remember=remember(b"first"))
        second = service.append([entry(2)], remember=remember(b"second"))
        found = await asyncio.gather(first, second, return_exceptions=True)
        return found, await service.recall(b"k" * 32), await service.recall(b"x" * 32)

    (rows, refused), recalled, other = run(two)
    assert [row.entry.key for row in rows] == ["s-1"]
    assert isinstance(refused, AlreadyAnswered)
    assert refused.remembered == recalled == remember(b"first")
    assert other is None
    assert ledger.head().rows == 1


def test_an_entry_that_can_be_no_row_harms_nobody_else(run, ledger):
    async def both(service):
        bad = service.append([Entry("signal", "", b"{}", AT, AT, "x", "y")])
        return await asyncio.gather(service.append([entry(1)]), bad, return_exceptions=True)

    (good, bad) = run(both)
    assert [row.sequence for row in good] == [1]
    assert isinstance(bad, ValueError)
    assert ledger.head().rows == 1


# What goes wrong


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
    tamper(database, "UPDATE ledger SET payload = CAST(payload AS TEXT) WHERE sequence = 1")
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
    tamper(services.database, "UPDATE ledger SET hash = 'abc'")
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


# The file


@pytest.fixture
def five(record, path):
    record(1, 2, 3, 4, 5)
    return path.read_bytes()


def cut(content, count):
    return content[:-count]


FILES = {
    "in step": (lambda whole: whole, 0),
    "lost": (lambda whole: None, 0),
    "empty": (lambda whole: b"", 0),
    "a torn last line": (lambda whole: whole[:-7], 0),
    "the last newline missing": (lambda whole: whole[:-1], 0),
    "a torn line before missing ones": (lambda whole: whole[: len(whole) // 2 + 5], 0),
    "missing lines": (lambda whole: b"".join(whole.splitlines(True)[:2]), 0),
    "only a torn line": (lambda whole: whole[:3], 0),
    "an extra line": (lambda whole: whole + b"{}\n", 1),
    "an extra piece": (lambda whole: whole + b'{"sig', 1),
    "a changed last line": (lambda whole: whole[:-4] + b"9}}\n", 1),
    "a changed first line": (lambda whole: b"[" + whole[1:], 1),
    "other lines": (lambda whole: b"these are notes\n", 1),
}


@pytest.mark.parametrize("name", FILES)
def test_whatever_happened_to_the_file_it_is_in_step_after_a_start(name, five, run, path):
    change, aside = FILES[name]
    found = change(five)
    if found is None:
        path.unlink()
    else:
        path.write_bytes(found)

    async def nothing(_):
        return None

    run(nothing)
    assert path.read_bytes() == five
    kept = list(path.parent.glob("signals.jsonl.aside-*"))
    assert [each.read_bytes() for each in kept] == [found] * aside
    run(nothing)
    assert len(list(path.parent.glob("signals.jsonl.aside-*"))) == aside


@pytest.mark.parametrize("name", FILES)
def test_whatever_happens_to_the_file_it_is_in_step_after_the_next_signal(
    name, run, ledger, path, monkeypatch
):
    change, _ = FILES[name]

    async def in_between(service):
        for number in range(5):
            await service.append([entry(number)])
        found = change(path.read_bytes())
        path.unlink()
        if found is not None:
            path.write_bytes(found)
        await service.append([entry(7)])
        return found

    run(in_between)
    if not name.startswith("a changed"):  # of the same length: found at the next start
        assert path.read_bytes() == lines(ledger)


def test_a_file_in_step_is_trusted_by_its_end(five, ledger, path, monkeypatch):
    monkeypatch.setattr(signals_file_module, "COMPARED_ROWS", 2)
    changed = b"[" + five[1:]
    path.write_bytes(changed)
    SignalsFile(path).bring_in_step(ledger.extents()["signal"], ledger)
    assert path.read_bytes() == changed, "the first of five lines is not read"


def test_a_ledger_whose_end_was_cut_off_keeps_the_evidence(five, record, database, ledger, path):
    tamper(database, "DELETE FROM ledger WHERE sequence > 3")
    record(6, 7)
    assert path.read_bytes() == lines(ledger)
    assert [row.sequence for row in ledger.rows()] == [1, 2, 3, 6, 7]
    (kept,) = path.parent.glob("signals.jsonl.aside-*")
    assert kept.read_bytes() == five
    assert ledger.verify().first_bad == 4


def test_a_file_that_another_process_holds_is_not_waited_for_for_ever(run, path, monkeypatch):
    monkeypatch.setattr(signals_file_module, "LOCK_SECONDS", 0.05)

    async def wait(service):
        await service.append([entry(1)])
        with (
            SignalsFile(path).locked(),
            pytest.raises(StorageError, match="another process"),
        ):
            await service.append([entry(2)])
        await service.append([entry(3)])

    run(wait)


# Several processes

APPEND = """
import asyncio, json, sys
from pathlib import Path
from assay.clock import SystemClock
from assay_backend.services.database import Database
from assay_backend.services.ledger import LedgerService
sys.path.insert(0, sys.argv[1])
from killed_ledger import entry
async def main():
    folder = Path(sys.argv[2])
    service = LedgerService(Database(sys.argv[3]), SystemClock(), folder / "signals.jsonl")
    service.start()
    print("ready", flush=True)
    sys.stdin.readline()
    async def caller(number):
        for turn in range(20):
            await service.append([entry(f"{sys.argv[4]}-{number}-{turn}".encode(), 10 * number)])
    await asyncio.gather(*map(caller, range(8)))
    await service.close()
asyncio.run(main())
"""


def test_several_processes_keep_one_chain_and_one_file(database, ledger, path):
    arguments = [str(Path(__file__).parent), str(path.parent), database._url]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, *arguments, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in started] == [""] * 3
    assert ledger.verify().rows == 3 * 8 * 20
    assert ledger.verify().intact
    assert path.read_bytes() == lines(ledger)
    assert list(path.parent.glob("*aside*")) == []


@pytest.mark.slow
def test_kills_in_the_midst_of_appends_lose_nothing_that_was_acknowledged(tmp_path):
    script = Path(__file__).with_name("killed_ledger.py")
    done = subprocess.run(
        [sys.executable, "-W", "error", script, tmp_path, "25", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    acknowledged, _behind = map(int, done.stdout.split())
    assert acknowledged >= 25


# Checking by HTTP


def test_the_ledger_can_be_checked_by_http(client):
    services = client.app_state["services"]
    for _ in range(200):  # gold's forecast is recorded on its own
        if "gold_forecast" in services.ledger.figures().extents:
            break
        time.sleep(0.025)
    before = client.get("/v1/ledger/verify")
    assert before.headers["cache-control"] == "no-store"
    rows, head = before.json()["rows"], before.json()["head"]
    assert before.json() == {
        "rows": rows,
        "head": head,
        "intact": True,
        "first_bad": None,
        "checked_at": "2026-11-18T23:00:00Z",
        "current": True,
    }
    client.portal.call(services.ledger.append, [entry(1), entry(2)])
    found = client.get("/v1/ledger/verify").json()
    assert (found["rows"], found["intact"]) == (rows + 2, True)
    assert found["head"] != head
    status = client.get("/v1/status").json()
    assert status["ledger"] == {"rows": found["rows"], "head": found["head"]}
    tamper(services.database, "UPDATE ledger SET due_ms = 0 WHERE key = 's-2'")
    found = client.get("/v1/ledger/verify").json()
    assert (found["intact"], found["first_bad"]) == (False, rows + 2)
    assert client.get("/v1/ledger/verify?deep=1").status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        "payload = CAST(payload AS TEXT)",
        "created_ms = 'x'",
        "due_ms = 9223372036854775807",
        "hash = 'abc'",
    ],
)
def test_a_row_of_other_types_is_named_over_http(client, change):
    services = client.app_state["services"]
    (row,) = client.portal.call(services.ledger.append, [entry(1)])
    tamper(services.database, f"UPDATE ledger SET {change} WHERE sequence = {row.sequence}")
    found = client.get("/v1/ledger/verify")
    assert (found.status_code, found.json()["intact"]) == (200, False)
    assert found.json()["first_bad"] == row.sequence
    told = client.get("/v1/crypto/signals/tail?n=1000")
    assert told.status_code == 503
    assert f"Row {row.sequence} of the ledger" in told.json()["detail"]
    assert client.get("/v1/crypto/track-record").status_code in (200, 503)
    assert client.get("/v1/status").status_code == client.get("/metrics").status_code == 200


class SlowDatabase:
    def __init__(self, database):
        self._database = database
        self.released, self.calls = threading.Event(), 0

    def store(self):
        self.calls += 1
        self.released.wait(30)
        return self._database.store()


def test_callers_who_come_at_once_share_one_check(database, record):
    record(1)
    slow = SlowDatabase(database)
    service = VerificationService(slow, FixedClock(AT))

    async def many():
        callers = [asyncio.create_task(service.verify()) for _ in range(5)]
        await asyncio.sleep(0)
        callers[0].cancel()
        slow.released.set()
        return await asyncio.gather(*callers[1:])

    found = asyncio.run(many())
    assert [each.found.rows for each in found] == [1] * 4
    assert slow.calls == 1


def test_no_more_than_a_share_of_the_time_goes_into_checks(database, record, clock, monkeypatch):
    monkeypatch.setattr(verification_module, "SHARE", 0.0)
    monkeypatch.setattr(verification_module, "MOST_SAVED_SECONDS", 1e-6)  # less than one takes
    service = VerificationService(database, clock)

    def told():
        checked = asyncio.run(service.verify())
        return checked.found.rows, checked.found.intact, checked.at, checked.current

    record(1)
    assert told() == (1, True, AT, True)
    clock.advance(seconds=9)
    assert told() == (1, True, AT, True), "an old one, of the ledger that there is"
    record(2)
    assert told() == (1, True, AT, False), "an old one, and the ledger has grown since"
    monkeypatch.setattr(verification_module, "SHARE", 1e9)
    later = AT + timedelta(seconds=9)
    assert told() == (2, True, later, True)
    monkeypatch.setattr(verification_module, "SHARE", 0.0)
    tamper(database, "UPDATE ledger SET hash = x'00' WHERE sequence = 2")
    assert told() == (2, False, later, True), "the head that was found is there no more"
    tamper(database, "DELETE FROM ledger WHERE sequence = 2")
    assert told()[:2] == (2, False), "that it was not intact stands"


def test_a_check_that_fails_is_told_and_tried_again(tmp_path):
    broken = Database(f"sqlite:///{tmp_path}")  # a folder
    service = VerificationService(broken, FixedClock(AT))

    async def twice():
        for _ in range(2):
            with pytest.raises(StorageError):
                await service.verify()

    asyncio.run(twice())


@pytest.mark.parametrize("setting", ["ASSAY_DATA_DIR", ""])
def test_a_file_that_cannot_be_made_is_told_with_the_setting_that_names_it(tmp_path, setting):
    (tmp_path / "state").write_text("no folder")
    file = SignalsFile(tmp_path / "state" / "signals.jsonl", named_by=setting)
    with pytest.raises(StorageError) as raised, file.locked():
        pass
    said = f"{file.path}: File exists"
    assert raised.value.message == (f"{said} ({setting} says where it is)" if setting else said)


# Counters


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
