"""The database, opened when it is first needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from assay.errors import StorageError

if TYPE_CHECKING:
    from assay.store import Store


class Database:
    """One store a process. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._store: Store | None = None

    def store(self) -> Store:
        """The store. Raises StorageError where it cannot be opened."""
        from assay.store import open_store  # SQLAlchemy: a third of a second, not always needed

        with self._lock:
            if self._store is None:
                self._store = open_store(self._url)
            return self._store

    def fault(self) -> str | None:
        """Why no row can be written right now, None where one can; blocks."""
        try:
            self.store().check_writable()
        except StorageError as error:
            return error.message
        return None

    def close(self) -> None:
        """Closes every connection."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
