"""The ledger's writer: together on disk, in one order, in the file, and never half."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from assay.store.ledger_records import Entry, Remember
from assay_backend.services.ledger import AlreadyAnswered
from numbered_signals import AT, entry, lines


def remember(body=b"{}"):
    return Remember(b"k" * 32, b"r" * 32, body)


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
