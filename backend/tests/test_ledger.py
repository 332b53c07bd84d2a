"""The ledger's writer: together on disk, in one order, in the file, and never half."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from assay.store.ledger_records import Entry, Remember
from assay_backend.services.database import Database
from assay_backend.services.ledger import AlreadyAnswered, LedgerService
from assay_backend.services.signals_file import SignalsFile

AT = datetime(2026, 11, 18, 23, 0, tzinfo=UTC)


def entry(number, *, kind="signal", source="binance"):
    payload = json.dumps({"signal_id": f"s-{number}", "risk_score": number / 100}).encode()
    due = AT + timedelta(hours=number)
    return Entry(kind, f"s-{number}", payload, AT, due, "binance BTC/USDT 1h", source)


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'assay.db'}")
    yield database
    database.close()


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


def test_what_many_append_at_once_is_in_the_ledger_and_in_the_file_in_one_order(
    run, database, path
):
    async def many(service):
        return await asyncio.gather(*(service.append([entry(number)]) for number in range(300)))

    rows = [row for (row,) in run(many)]
    assert [row.entry.key for row in rows] == [f"s-{number}" for number in range(300)]
    ledger = database.store().ledger
    assert ledger.verify().intact
    assert ledger.tail(300) == tuple(sorted(rows, key=lambda row: row.sequence))
    assert path.read_bytes() == b"".join(row.entry.payload + b"\n" for row in ledger.rows())
