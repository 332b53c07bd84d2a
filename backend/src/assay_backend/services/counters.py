"""Counters that outlive the process: counted in memory, kept in the store."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from assay.errors import StorageError
from assay_backend.services.database import Database

KEPT_EVERY_SECONDS = 1.0

log = logging.getLogger(__name__)


class Counters:
    """Adds up what the event loop counts; `total` is that of all processes on the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()  # a total is read or written, never both
        self._counted: Counter[str] = Counter()
        self._on_their_way: Counter[str] = Counter()
        self._stored: dict[str, int] | None = None
        self._trouble: str | None = None

    def count(self, name: str) -> None:
        """One more."""
        self._counted[name] += 1

    @property
    def known(self) -> bool:
        """Whether what was counted before this process is part of `total`."""
        return self._stored is not None

    def total(self, name: str) -> int:
        """As far as it is known: what was read or written last, and what was counted since."""
        return (self._stored or {}).get(name, 0) + self._on_their_way[name] + self._counted[name]

    async def keep(self) -> None:
        """Puts on disk what was counted since the last time, off the event loop; what cannot be
        put there now stays counted.
        """
        async with self._lock:
            if not self._counted:
                return
            self._on_their_way, self._counted = self._counted, Counter()
            try:
                self._stored = await asyncio.to_thread(self._add, dict(self._on_their_way))
                self._tell(None)
            except StorageError as error:
                self._counted.update(self._on_their_way)
                self._tell(error.message)
            finally:
                self._on_their_way = Counter()

    async def read(self) -> None:
        """Learns what other processes have added, and this one before it was started."""
        async with self._lock:
            try:
                self._stored = await asyncio.to_thread(self._read)
            except StorageError as error:
                self._tell(error.message)

    def _tell(self, trouble: str | None) -> None:
        """Once, and not at every turn."""
        if trouble and trouble != self._trouble:
            log.warning("Counters are kept in memory for now: %s", trouble)
        elif self._trouble and not trouble:
            log.info("Counters are in the store again")
        self._trouble = trouble

    def _add(self, counts: dict[str, int]) -> dict[str, int]:
        store = self._database.store()
        store.add_counts(counts)
        return store.read_counts()

    def _read(self) -> dict[str, int]:
        return self._database.store().read_counts()
