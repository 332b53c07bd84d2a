"""A copy of a SQLite database that others are using: all of one moment, whole or not there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from assay.errors import StorageError

Progress = Callable[[int, int], None]

PAGES_A_STEP = 2_000


def copy_pages(source: Path, to: Path, *, progress: Progress | None = None) -> None:
    """Copies into `to`, a file that nobody else uses, and flushes it to disk.

    The copy is one file that needs no other beside it. `progress` is called with pages copied and
    all there are. Raises sqlite3.Error or OSError.
    """

    def step(_status: int, remaining: int, total: int) -> None:
        if progress:
            progress(total - remaining, total)

    with closing(connect(source)) as origin, closing(sqlite3.connect(to)) as copy:
        # With a snapshot of its own the copy need not begin again whenever others write.
        origin.execute("BEGIN")
        origin.execute("SELECT count(*) FROM sqlite_master").fetchone()
        origin.backup(copy, pages=PAGES_A_STEP, progress=step)
        copy.execute("PRAGMA journal_mode = DELETE")
    flush(to)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Makes the errors of files and of SQLite StorageErrors that say `what` is not done."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"{what}: {error}") from error


def connect(file: Path) -> sqlite3.Connection:
    """A connection to a database that exists; transactions are begun by hand."""
    address = f"{file.resolve().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, isolation_level=None)


@contextmanager
def staged(to: Path) -> Iterator[Path]:
    """A name beside `to` for a file that is not complete; nothing stays under it."""
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        yield part
    finally:
        for left in (part, *companions(part)):
            left.unlink(missing_ok=True)


def companions(file: Path) -> list[Path]:
    """The files that SQLite may keep beside a database."""
    return [file.with_name(file.name + ending) for ending in ("-wal", "-shm", "-journal")]


def replace_durably(part: Path, to: Path) -> None:
    """Renames, so that after a power cut there is either the old file or the new one."""
    part.replace(to)
    flush(to.parent)


def flush(path: Path) -> None:
    """A file's bytes, or a folder's names, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
