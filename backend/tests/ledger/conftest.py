"""A ledger in a folder of the test's own, and the service that writes it."""

from __future__ import annotations

import asyncio

import pytest

from assay_backend.services.database import Database
from assay_backend.services.ledger import LedgerService
from numbered_signals import entry


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
