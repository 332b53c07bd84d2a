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
    what came of that the last time, and of appends since. After one that failed it looks for as
    much room as that wanted.
    """

    def __init__(self, database: Database, ledger: LedgerService) -> None:
        self._database = database
        self._ledger = ledger
        self._found: StorageState | None = None  # before the first look

    async def look(self) -> StorageState:
        """What can be written right now."""
        refusal = self._ledger.refusal
        room_bytes = refusal.room_bytes if refusal else 0
        database_fault = await asyncio.to_thread(self._database.fault, room_bytes=room_bytes)
        ledger_fault = database_fault or await self._ledger.fault()
        if ledger_fault is None:
            self._ledger.forget(refusal)
        self._found = StorageState(database_fault, ledger_fault)
        return self._state() or self._found

    def problems(self) -> list[str]:
        """What is known to be wrong; from memory."""
        state = self._state()
        return state.problems if state is not None else []

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes: nothing before the first look."""
        if (state := self._state()) is not None:
            says = "Whether a row could be written, at the last try"
            yield gauge("database_writable", says, float(state.database_fault is None))
            says = "Whether an entry could be appended, at the last try"
            yield gauge("ledger_writable", says, float(state.ledger_fault is None))

    def _state(self) -> StorageState | None:
        """As the last look found it, but for an append that has failed since."""
        refusal, found = self._ledger.refusal, self._found
        if refusal is None or (found is not None and found.ledger_fault):
            return found
        return StorageState(None, refusal.reason)
