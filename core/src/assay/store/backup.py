"""Backup and restore of a SQLite database; Postgres has its own tools for that."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from assay.errors import StorageError
from assay.store.engine import parse_url, reading, sqlite_file
from assay.store.migrate import check_known, found_revision
from assay.store.sqlite_copy import (
    Progress,
    companions,
    connect,
    copy_pages,
    flush,
    replace_durably,
    staged,
    told,
)

BUSY = 5  # SQLITE_BUSY


def backup(url: str, to: Path, progress: Progress | None = None) -> None:
    """Copies the database to one file, all of one moment, while others read and write it.

    A file that was at `to` is replaced once the copy is complete, checked and on disk. `progress`
    is called with pages copied and all there are. Raises StorageError where that cannot be done,
    and leaves `to` as it was.
    """
    database = _database(url, "pg_dump")
    with told(f"{database}: no backup could be made"):
        _must_be_there(database)
        if to.exists() and to.samefile(database):
            raise StorageError(f"{to}: the backup needs another name than the database")
        with staged(to) as part:
            copy_pages(database, part, progress=progress)
            _check(part, database)
            replace_durably(part, to)


def restore(url: str, frm: Path, progress: Progress | None = None) -> Path | None:
    """Puts the backup `frm` in the database's place, all at once; every process must have closed
    the database.

    The backup is copied, then checked to be whole and of a revision that this program knows, then
    put in place. What was there stands beside it under the name that is returned (None where
    there was nothing). Raises StorageError where that cannot be done, and nothing has changed.
    """
    database = _database(url, "pg_restore")
    with told(f"{database}: {frm} could not be restored"):
        _must_be_there(frm)
        if database.exists() and frm.samefile(database):
            raise StorageError(f"{frm}: is the database itself, not a backup of it")
        database.parent.mkdir(parents=True, exist_ok=True)
        with staged(database) as part:
            copy_pages(frm, part, progress=progress)
            _check(part, frm)
            if not database.exists():
                for left in companions(database):  # what SQLite would take for the new file's
                    left.unlink(missing_ok=True)
                replace_durably(part, database)
                return None
            with _alone(database):
                _owned_alike(part, database)
                beside = _keep(database)
                replace_durably(part, database)
            return beside


def _database(url: str, tool: str) -> Path:
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise StorageError(
            f"{parsed.render_as_string(hide_password=True)}: Postgres is backed up by pg_dump and "
            f"restored by pg_restore; use {tool}"
        )
    return sqlite_file(parsed).resolve()


def _must_be_there(file: Path) -> None:
    if not file.is_file():
        raise StorageError(f"{file}: there is no such file")


def _check(copy: Path, origin: Path) -> None:
    """StorageError, which names `origin`, where `copy` is damaged or not of our making."""
    with closing(connect(copy)) as connection:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise StorageError(f"{origin}: is damaged: {' '.join(found.split())[:200]}")
    engine = create_engine(URL.create("sqlite", database=str(copy)), poolclass=NullPool)
    with reading(engine) as opened:
        revision = found_revision(opened)
    if revision is None:
        raise StorageError(f"{origin}: holds none of Assay's tables")
    check_known(revision, str(origin))


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Holds the database as its only user; what it had beside it is in the file itself then."""
    with closing(connect(database)) as connection:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF == BUSY:
                raise StorageError(
                    f"{database}: is in use; stop every program that has it open, then restore"
                ) from error
            # Damaged is what a database may be that is to be replaced.
        yield


def _owned_alike(part: Path, database: Path) -> None:
    """Whoever restores, those who used the database can go on using it."""
    shutil.copymode(database, part)
    found = database.stat()
    if hasattr(os, "chown") and os.geteuid() == 0:
        os.chown(part, found.st_uid, found.st_gid)


def _keep(database: Path) -> Path:
    """The database, and what SQLite has beside it, under a second name."""
    names = (f"{database.name}.replaced-{number}" for number in range(1, 10_000))
    beside = next(name for name in map(database.with_name, names) if not name.exists())
    try:
        beside.hardlink_to(database)
    except OSError:  # a file system that has no links
        shutil.copyfile(database, beside)
        flush(beside)
    for left, kept in zip(companions(database), companions(beside), strict=True):
        if left.exists():
            left.replace(kept)
    flush(database.parent)
    return beside
