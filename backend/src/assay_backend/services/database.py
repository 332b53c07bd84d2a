"""The database, opened when it is first needed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from assay.errors import StorageError

if TYPE_CHECKING:
    from assay.store import Store


class Database:
    """One store a process. Safe to use from several threads.

    Where it cannot be opened, that is said for as long as finding it out has taken: nobody waits
    for more than one attempt, however many ask a server that does not answer, and once one has
    failed for none but his own.
    """

    def __init__(self, url: str, *, named_by: str = "") -> None:
        """`named_by` is the setting that says where the database is, which its errors name."""
        self._url = url
        self._named_by = named_by
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._failure: StorageError | None = None
        self._not_before = 0.0

    def store(self) -> Store:
        """The store. Raises StorageError where it cannot be opened."""
        if (failure := self._failure) is None:
            self._lock.acquire()
        elif not self._lock.acquire(blocking=False):
            raise failure.with_traceback(None)  # which holds while somebody tries again
        try:
            if self._store is None:
                self._store = self._open()
            return self._store
        finally:
            self._lock.release()

    def _open(self) -> Store:
        from assay.store import open_store  # SQLAlchemy: a third of a second, not always needed

        began = time.monotonic()
        if self._failure is not None and began < self._not_before:
            raise self._failure.with_traceback(None)
        try:
            store = open_store(self._url, named_by=self._named_by)
        except StorageError as error:
            self._failure = error
            ended = time.monotonic()
            self._not_before = ended + (ended - began)
            raise
        self._failure = None
        return store

    def fault(self, *, room_bytes: int = 0) -> str | None:
        """Why no row can be written right now, or none that take `room_bytes`; None where they
        can. Blocks.
        """
        try:
            self.store().check_writable(room_bytes=room_bytes)
        except StorageError as error:
            return error.message
        return None

    def close(self) -> None:
        """Closes every connection."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
