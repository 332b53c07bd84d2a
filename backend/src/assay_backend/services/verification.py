"""Checking the whole ledger for callers, however many ask."""

from __future__ import annotations

import asyncio
import time

from assay.store.ledger_records import Verification
from assay_backend.services.database import Database

# Of the time a fifth goes into this, at most, but for a second's worth at once.
SHARE = 0.2
MOST_SAVED_SECONDS = 1.0


class VerificationService:
    """One check at a time, which all callers share who come before it ends.

    Where too much time has gone into checks, callers get the last one's result: of a short ledger
    that takes a hundred calls in a second, of one with a million rows the second in a minute.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: asyncio.Task[Verification] | None = None
        self._last: Verification | None = None
        self._saved_seconds = MOST_SAVED_SECONDS
        self._counted_at = time.monotonic()

    async def verify(self) -> Verification:
        """Raises StorageError where the ledger cannot be read."""
        if self._running is None:
            if self._last is not None and self._saved() <= 0.0:
                return self._last
            self._running = asyncio.create_task(self._verify())
            self._running.add_done_callback(self._forget)
        # A caller who goes away does not take it away from the others.
        return await asyncio.shield(self._running)

    async def _verify(self) -> Verification:
        began = time.monotonic()
        try:
            self._last = await asyncio.to_thread(self._check)
        finally:
            self._saved_seconds = self._saved() - (time.monotonic() - began)
        return self._last

    def _check(self) -> Verification:
        return self._database.store().ledger.verify()

    def _saved(self) -> float:
        """Seconds that may go into checks by now."""
        now = time.monotonic()
        grown = self._saved_seconds + SHARE * (now - self._counted_at)
        self._saved_seconds, self._counted_at = min(grown, MOST_SAVED_SECONDS), now
        return self._saved_seconds

    def _forget(self, task: asyncio.Task[Verification]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # told to those who waited, if any still did
