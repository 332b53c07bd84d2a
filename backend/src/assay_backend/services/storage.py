"""Whether anything can be stored, tried again and again so that nobody has to ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from assay_backend.services.database import Database
from assay_backend.services.families import gauge
from assay_backend.services.ledger import LedgerService

TRIED_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class StorageState:
    """Why no row of the database, and no entry of the ledger, can be written. None where one can;
    where the database takes none, the ledger takes none.
    """

    database_fault: str | None
    ledger_fault: str | None

    @property
    def problems(self) -> list[str]:
        """In a sentence, for people."""
        return [f"nothing can be stored: {self.ledger_fault}"] if self.ledger_fault else []


class StorageService:
    """Writes a row where the answers are kept, whenever it is asked to `look`; in between it tells
    what came of that the last time.
    """

    def __init__(self, database: Database, ledger: LedgerService) -> None:
        self._database = database
        self._ledger = ledger
        self._state: StorageState | None = None  # before the first look

    async def look(self) -> StorageState:
        """What can be written right now."""
        database_fault = await asyncio.to_thread(self._database.fault)
        ledger_fault = database_fault or await self._ledger.fault()
        self._state = StorageState(database_fault, ledger_fault)
        return self._state

    def problems(self) -> list[str]:
        """What the last look found wrong; from memory."""
        return self._state.problems if self._state is not None else []

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes: nothing before the first look."""
        if (found := self._state) is not None:
            says = "Whether a row could be written, at the last try"
            yield gauge("database_writable", says, float(found.database_fault is None))
            says = "Whether an entry could be appended, at the last try"
            yield gauge("ledger_writable", says, float(found.ledger_fault is None))
