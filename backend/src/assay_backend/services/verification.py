"""Checking the whole ledger for callers, however many ask."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.clock import Clock
from assay.errors import StorageError
from assay.store.ledger_records import Verification
from assay_backend.services.database import Database

# Of the time a fifth goes into this, at most, but for a second's worth at once.
SHARE = 0.2
MOST_SAVED_SECONDS = 1.0
LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was `found` `at` an instant. `current` says whether that was the ledger's head still
    when it was told.
    """

    found: Verification
    at: datetime
    current: bool = True


class VerificationService:
    """One check at a time, which all callers share who come before it ends.

    Where too much time has gone into checks, callers get the last one's result: of a short ledger
    that takes a hundred calls in a second, of one with a million rows the second in a minute. Where
    the ledger cannot have grown into what it is since, it is checked all the same.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._running: asyncio.Task[Checked] | None = None
        self._last: Checked | None = None
        self._saved_seconds = MOST_SAVED_SECONDS
        self._counted_at = time.monotonic()

    async def verify(self) -> Checked:
        """Raises StorageError where the ledger cannot be read."""
        if self._running is None and self._last is not None and self._saved() <= 0.0:
            told = await asyncio.to_thread(self._as_it_stands, self._last)
            if told is not None:
                return told
        # A caller who goes away does not take it away from the others.
        return await asyncio.shield(self._running or self._begin())

    def checked_lately(self) -> Checked | None:
        """The last result, for whoever asks all the time: where it is older than LATELY another
        check begins, and nobody waits for it.
        """
        last = self._last
        if self._running is None and (last is None or self._clock.now() - last.at > LATELY):
            self._begin()
        return last

    def _begin(self) -> asyncio.Task[Checked]:
        self._running = asyncio.create_task(self._verify())
        self._running.add_done_callback(self._forget)
        return self._running

    async def _verify(self) -> Checked:
        began, at = time.monotonic(), self._clock.now()
        try:
            self._last = Checked(await asyncio.to_thread(self._check), at)
        finally:
            self._saved_seconds = self._saved() - (time.monotonic() - began)
        return self._last

    def _check(self) -> Verification:
        return self._database.store().ledger.verify()

    def _as_it_stands(self, last: Checked) -> Checked | None:
        """The last result beside the head that there is now; None where that head is no later one
        of a ledger that was intact. Blocks.
        """
        found = last.found
        try:
            head = self._database.store().ledger.head()
        except StorageError:
            head = None
        if head is not None and (head.rows, head.hash) == (found.rows, found.head):
            return last
        if not found.intact or (head is not None and head.rows > found.rows):
            return Checked(found, last.at, current=False)
        return None

    def _saved(self) -> float:
        """Seconds that may go into checks by now."""
        now = time.monotonic()
        grown = self._saved_seconds + SHARE * (now - self._counted_at)
        self._saved_seconds, self._counted_at = min(grown, MOST_SAVED_SECONDS), now
        return self._saved_seconds

    def _forget(self, task: asyncio.Task[Checked]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # told to those who waited, if any still did
