"""`signals.jsonl`: each signal of the ledger as a line, in the ledger's order.

The ledger is what counts; the file follows it. Whoever appends to the ledger does so under the
file's lock and adds the lines before it lets go, so that of several processes each finds the file
in step. Where it does not, as after a kill, the missing lines are read from the ledger.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import StorageError
from assay.store.ledger_records import Extent, LedgerKind, LedgerRow

if TYPE_CHECKING:
    from assay.store.ledger import Ledger

KIND: LedgerKind = "signal"
LOCK_SECONDS = 5.0
# How much of its end is held against the ledger before a file is trusted.
COMPARED_ROWS = 1_000

_PAUSE_SECONDS = 0.001
_BLOCK_BYTES = 1 << 20

log = logging.getLogger(__name__)


class SignalsFile:
    """The file at `path`; its folder is made. Used by one thread at a time. Errors name the
    setting `named_by`, which says where it is.
    """

    def __init__(self, path: Path, *, named_by: str = "") -> None:
        self.path = path
        self._named_by = named_by

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one holder at a time, in all processes of this machine. StorageError where another
        one does not let go.
        """
        with self._told():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(
                self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644
            )
        try:
            self._wait_for(lock)
            yield
        finally:
            os.close(lock)

    def add(self, rows: Iterable[LedgerRow], extent: Extent | None, ledger: Ledger) -> None:
        """Adds the lines of the newest rows, under the lock; `extent` is how far signals have come
        with them. What is missing before them is added too. StorageError where it cannot be.
        """
        lines = b"".join(line_of(row) for row in rows if row.entry.kind == KIND)
        if not lines or extent is None:
            return
        with self._told():
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                in_step = os.fstat(handle).st_size == extent.bytes - len(lines)
                if in_step:
                    _write_all(handle, lines)
            finally:
                os.close(handle)
        if not in_step:
            self.bring_in_step(extent, ledger)

    def bring_in_step(self, extent: Extent | None, ledger: Ledger) -> None:
        """Makes the file what the ledger says, under the lock: quick where it is that already.

        A torn end is cut off and missing lines are added. A file with other lines than these is
        put aside, since it may show what was taken from the ledger, and written anew.
        """
        with self._told():
            size = self.path.stat().st_size if self.path.exists() else 0
            place = self._last_common(size, extent, ledger)
            if place is None:
                self._rebuild(ledger)
                return
            end, sequence = place
            if size > end or (extent is not None and extent.bytes > end):
                log.info("%s is brought in step behind row %d", self.path, sequence)
                with self.path.open("ab") as out:
                    out.truncate(end)
                    out.writelines(map(line_of, ledger.rows(kind=KIND, after=sequence)))

    def _last_common(
        self, size: int, extent: Extent | None, ledger: Ledger
    ) -> tuple[int, int] | None:
        """The byte behind the last line that stands both here and in the ledger, and its row's
        sequence; (0, 0) where there is none. None where the file is not the ledger's.
        """
        if size == 0:
            return 0, 0
        if extent is None or size > extent.bytes:
            return None
        end, torn = extent.bytes, b""
        back = ledger.rows_back(kind=KIND, upto=extent.sequence)
        for row in back:
            if end <= size:
                compared = [row, *itertools.islice(back, COMPARED_ROWS - 1)]
                ours = b"".join(line_of(each) for each in reversed(compared)) + torn[: size - end]
                return (end, row.sequence) if self._ends_with(ours, size) else None
            torn = line_of(row)
            end -= len(torn)
        return (0, 0) if end == 0 and self._ends_with(torn[:size], size) else None

    def _ends_with(self, expected: bytes, size: int) -> bool:
        with self.path.open("rb") as lines:
            lines.seek(max(0, size - len(expected)))
            return lines.read(len(expected)) == expected

    def _rebuild(self, ledger: Ledger) -> None:
        """A new file from the ledger, put in place once it is whole and on disk."""
        log.warning("%s is not what the ledger says: it is written anew", self.path)
        part = self.path.with_name(f".{self.path.name}.part")
        with part.open("wb") as out:
            out.writelines(map(line_of, ledger.rows(kind=KIND)))
            out.flush()
            os.fsync(out.fileno())
            size = out.tell()
        if self.path.exists():
            aside = _unused(self.path)
            self.path.replace(aside)
            log.warning("What %s was is kept as %s", self.path, aside)
        part.replace(self.path)
        extent = ledger.extents().get(KIND)
        if extent is not None and extent.bytes != size:
            ledger.recount(KIND)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            failed = StorageError(f"{self.path}: {error.strerror or error}")
            raise failed.naming(self._named_by) from error

    def _wait_for(self, lock: int) -> None:
        give_up = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise StorageError(
                        f"{self.path}: another process holds it for {LOCK_SECONDS:.0f} seconds now"
                    ) from None
                time.sleep(_PAUSE_SECONDS)
            else:
                return


def line_of(row: LedgerRow) -> bytes:
    """A row's line."""
    return row.entry.payload + b"\n"


def _write_all(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def _unused(path: Path) -> Path:
    names = (f"{path.name}.aside-{number}" for number in itertools.count(1))
    return next(name for name in map(path.with_name, names) if not name.exists())
