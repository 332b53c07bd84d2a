"""Opening a database, and all that differs between SQLite and Postgres."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from assay.errors import StorageError

BUSY_TIMEOUT_MS = 5_000
CONNECT_TIMEOUT_SECONDS = 5
# After which a Postgres server that has vanished from the network is given up.
SILENCE_SECONDS = 10

# One writer at a time in Postgres too, as SQLite has it; any number that is ours alone will do.
WRITE_LOCK = 0x41535341

# The execution option that holds which setting says where the database is.
NAMED_BY = "assay_named_by"

Insert = sqlite.Insert | postgresql.Insert


def make_engine(url: str, *, named_by: str = "") -> Engine:
    """An engine for `url`; a SQLite file's folder is made. StorageError where it cannot be.

    What fails later on names the setting `named_by`, which says where the database is.
    """
    parsed = parse_url(url)
    try:
        made = _sqlite_engine if parsed.get_backend_name() == "sqlite" else _postgres_engine
        engine = made(parsed)
    except (ArgumentError, ImportError, OSError) as error:
        raise StorageError(f"The database cannot be opened: {error}") from error
    engine.update_execution_options(**{NAMED_BY: named_by})
    return engine


def parse_url(url: str) -> URL:
    """`url` with the driver that is used; StorageError where it is neither SQLite nor Postgres."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StorageError(f"The database cannot be opened: {error}") from error
    backend = parsed.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise StorageError(f"The database must be sqlite or postgresql, not {backend!r}")
    if not parsed.database or parsed.database == ":memory:":
        raise StorageError("The database needs a file: one in memory is lost when it is closed")
    return parsed


def sqlite_file(url: URL) -> Path:
    """The file of a SQLite URL."""
    database = url.database or ""
    if database.startswith("file:"):
        return Path(unquote(urlsplit(database).path))
    return Path(database)


def upsert_into(connection: Connection, table: Table) -> Insert:
    """An INSERT of the connection's dialect that knows ON CONFLICT."""
    return upsert_of(connection.dialect.name, table)


def upsert_of(dialect: str, table: Table) -> Insert:
    """As `upsert_into`, for those who keep the statement."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def insert_rows(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Adds many rows, each with a value for every column in order, the fastest way there is."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        cursor: Any = connection.connection.cursor()  # psycopg's, which SQLAlchemy knows little of
        with cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:  # three times as fast as rows that SQLAlchemy takes apart
        connection.exec_driver_sql(_sqlite_insert(table), list(rows))


@cache
def _sqlite_insert(table: Table) -> str:
    return str(table.insert().compile(dialect=sqlite.dialect()))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one consistent state; failures are StorageErrors."""
    with _translated(engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is on disk once the block has been left without an error.

    Writers wait for each other for as long as BUSY_TIMEOUT_MS.
    """
    with _translated(engine), engine.connect() as connection:
        # Taking SQLite's write lock first avoids the upgrade that fails at once under contention.
        connection.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(WRITE_LOCK)))
            yield connection


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    driver: type[Exception] = engine.dialect.loaded_dbapi.Error  # of rows read past SQLAlchemy
    try:
        yield
    except (SQLAlchemyError, driver) as error:
        cause = getattr(error, "orig", None) or error
        where = engine.url.render_as_string(hide_password=True)
        failed = StorageError(f"{where}: {cause}", database=where)
        raise failed.naming(engine.get_execution_options().get(NAMED_BY, "")) from error


def _postgres_engine(url: URL) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "tcp_user_timeout": SILENCE_SECONDS * 1000,
                "keepalives_idle": SILENCE_SECONDS // 2,
                "keepalives_interval": 1,
                "keepalives_count": SILENCE_SECONDS // 2,
            },
        )
    except ImportError as error:
        raise StorageError(
            "The database cannot be opened: Postgres needs psycopg, which "
            f"`pip install 'assay-core[postgres]'` adds ({error})"
        ) from error
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _prepare_postgres(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - DBAPI
    for setting in (f"lock_timeout = {BUSY_TIMEOUT_MS}", "synchronous_commit = on"):
        connection.execute(f"SET {setting}")
    connection.commit()


def _sqlite_engine(url: URL) -> Engine:
    if not str(url.database).startswith("file:"):  # a URI, whose path is SQLite's to read
        sqlite_file(url).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 - DBAPI
    connection.isolation_level = None  # the begin event below starts transactions
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _use_wal(connection: Any) -> None:  # noqa: ANN401 - DBAPI
    """Waits by itself: SQLite's own timeout does not hold where several open a new file at once."""
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))
