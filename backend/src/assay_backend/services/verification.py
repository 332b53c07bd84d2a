"""Checking the whole ledger for callers, however many ask."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from assay.store.ledger_records import Verification
from assay_backend.services.database import Database

# Of the time, at most a fifth goes into this.
REUSED_FOR_TIMES_ITS_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class _Done:
    verification: Verification
    reused_until: float


class VerificationService:
    """One check at a time, which all callers share that come before it ends; its result stands for
    four times as long as it took, so a small ledger is checked anew nearly always.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: asyncio.Task[Verification] | None = None
        self._done: _Done | None = None

    async def verify(self) -> Verification:
        """Raises StorageError where the ledger cannot be read."""
        if self._done is not None and time.monotonic() < self._done.reused_until:
            return self._done.verification
        if self._running is None:
            self._running = asyncio.create_task(self._verify())
            self._running.add_done_callback(self._forget)
        # A caller who goes away does not take it away from the others.
        return await asyncio.shield(self._running)

    async def _verify(self) -> Verification:
        began = time.monotonic()
        found = await asyncio.to_thread(lambda: self._database.store().ledger.verify())
        now = time.monotonic()
        reused = REUSED_FOR_TIMES_ITS_SECONDS * (now - began)
        self._done = _Done(found, now + reused)
        return found

    def _forget(self, task: asyncio.Task[Verification]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # told to those who waited, if any still did
