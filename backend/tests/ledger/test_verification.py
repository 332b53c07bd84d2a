"""The ledger's chain is checked by HTTP, once for all who ask, and not all the time."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

import pytest

from assay.clock import FixedClock
from assay.errors import StorageError
from assay_backend.services import verification as verification_module
from assay_backend.services.database import Database
from assay_backend.services.verification import VerificationService
from numbered_signals import AT, entry
from small_ledger import tamper


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
    tamper(services.database.store(), "UPDATE ledger SET due_ms = 0 WHERE key = 's-2'")
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
    tamper(services.database.store(), f"UPDATE ledger SET {change} WHERE sequence = {row.sequence}")
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
    tamper(database.store(), "UPDATE ledger SET hash = x'00' WHERE sequence = 2")
    assert told() == (2, False, later, True), "the head that was found is there no more"
    tamper(database.store(), "DELETE FROM ledger WHERE sequence = 2")
    assert told()[:2] == (2, False), "that it was not intact stands"


def test_a_check_that_fails_is_told_and_tried_again(tmp_path):
    broken = Database(f"sqlite:///{tmp_path}")  # a folder
    service = VerificationService(broken, FixedClock(AT))

    async def twice():
        for _ in range(2):
            with pytest.raises(StorageError):
                await service.verify()

    asyncio.run(twice())
