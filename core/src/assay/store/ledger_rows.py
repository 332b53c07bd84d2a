"""Rows of the ledger to records and back, in a transaction that is open."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Select, bindparam, func, literal, select, true, update

from assay.errors import StorageError
from assay.market.keys import SIMULATED
from assay.store import schema
from assay.store.engine import Insert, insert_rows, upsert_of
from assay.store.ledger_chain import COLUMNS, NO_ROW, Content, Fields, row_hash
from assay.store.ledger_records import Entry, Extent, Head, LedgerKind, LedgerRow
from assay.store.records import epoch_ms, instant_of

Key = tuple[LedgerKind, str]

_MOST_LOOKED_UP = 500  # keys in one query
_TYPES = (int, str, str, int, int, int, str, str, bytes, bytes, bytes)  # of COLUMNS

# Made once, since making a statement takes longer than running it.
_ROWS = select(*(schema.ledger.c[name] for name in COLUMNS))
_HEAD = (
    select(schema.ledger.c.sequence, schema.ledger.c.hash)
    .order_by(schema.ledger.c.sequence.desc())
    .limit(1)
)
_EXTENTS = select(
    *(schema.ledger_extents.c[name] for name in ("kind", "rows", "bytes", "sequence", "created_ms"))
)
_ONE = select(literal(1).label("one")).subquery()
_COUNTED = select(
    select(func.max(schema.ledger.c.sequence)).scalar_subquery(),
    schema.ledger_extents.c.kind,
    schema.ledger_extents.c.rows,
).select_from(_ONE.outerjoin(schema.ledger_extents, true()))
_BY_KEYS = _ROWS.where(
    schema.ledger.c.kind == bindparam("of_kind"),
    schema.ledger.c.key.in_(bindparam("keys", expanding=True)),
)


def key_of(entry: Entry) -> Key:
    """What is unique of an entry."""
    return entry.kind, entry.key


def columns() -> Select[Any]:
    """A query of whole rows, in the order of COLUMNS."""
    return _ROWS


def read(connection: Connection, query: Select[Any], **values: object) -> list[Fields]:
    """What a query of `columns` finds, as it is stored: no type is sure before `row_of`."""
    return cast("list[Fields]", fetched(connection, query, values))


def fetched(
    connection: Connection, query: Select[Any], values: dict[str, object] | None = None
) -> list[tuple[Any, ...]]:
    """The driver's own rows, plain tuples: SQLAlchemy's take as long again to make, and longer to
    tell what is of no type of theirs.
    """
    found = connection.execute(query, values or {})
    try:
        return cast("list[tuple[Any, ...]]", found.cursor.fetchall())
    except sqlite3.OperationalError:  # text that is no UTF-8; what else it may be comes again
        driver: Any = connection.connection.driver_connection
        driver.text_factory = _as_stored
        try:
            return cast(
                "list[tuple[Any, ...]]", connection.execute(query, values or {}).cursor.fetchall()
            )
        finally:
            driver.text_factory = str


def row_of(fields: Fields) -> LedgerRow:
    """A stored row as a record. StorageError where no row was ever written like this."""
    if not all(map(isinstance, fields, _TYPES)):
        raise _no_row(fields, "a field is of another type")
    sequence, kind, key, created_ms, origin_ms, due_ms, subject, source, payload, *hashes = fields
    try:
        f"{kind}{key}{subject}{source}".encode()
        payload.decode()
        entry = Entry(
            kind=kind,  # type: ignore[arg-type]  # only entries are ever written
            key=key,
            payload=payload,
            origin=instant_of(origin_ms),
            due=instant_of(due_ms),
            subject=subject,
            source=source,
        )
        return LedgerRow(sequence, instant_of(created_ms), entry, *hashes)
    except (OverflowError, ValueError) as error:
        raise _no_row(fields, str(error)) from error


def read_head(connection: Connection) -> Head:
    """How long the chain is, and its newest hash. StorageError where that is none."""
    for sequence, own in fetched(connection, _HEAD):
        if not isinstance(sequence, int) or not isinstance(own, bytes):
            raise _no_row((sequence,), "its hash is none")
        return Head(sequence, own)
    return Head(0, NO_ROW)


def read_extents(connection: Connection) -> dict[LedgerKind, Extent]:
    """How far each kind has come. StorageError where that cannot be read."""
    found: dict[LedgerKind, Extent] = {}
    for kind, *counted in connection.execute(_EXTENTS):
        if not all(isinstance(count, int) for count in counted):
            raise _no_extent(kind)
        rows, size, sequence, created_ms = counted
        try:
            found[kind] = Extent(rows, size, sequence, instant_of(created_ms))
        except OverflowError as error:
            raise _no_extent(kind) from error
    return found


def read_counted(connection: Connection) -> tuple[int | None, dict[object, int]]:
    """The newest row's sequence, 0 where there is no row, and how many rows were counted of each
    kind, at one instant. What is no number is none: None and 0.
    """
    found = fetched(connection, _COUNTED)
    last = 0 if found[0][0] is None else found[0][0]
    counted = {kind: rows if isinstance(rows, int) else 0 for _, kind, rows in found}
    counted.pop(None, None)  # of no kind yet
    return last if isinstance(last, int) else None, counted


def read_nth(connection: Connection, kind: object, number: int) -> int:
    """The sequence of a kind's row of that number, from 0; there is one."""
    table = schema.ledger.c
    query = select(table.sequence).where(table.kind == kind).order_by(table.sequence)
    (sequence,) = connection.execute(query.offset(number).limit(1)).one()
    return int(sequence)


def existing(connection: Connection, entries: Iterable[Entry]) -> dict[Key, LedgerRow]:
    """The rows that there are already under the entries' keys."""
    by_kind: dict[LedgerKind, list[str]] = defaultdict(list)
    for entry in entries:
        by_kind[entry.kind].append(entry.key)
    found: dict[Key, LedgerRow] = {}
    for kind, keys in by_kind.items():
        for first in range(0, len(keys), _MOST_LOOKED_UP):
            some = keys[first : first + _MOST_LOOKED_UP]
            rows = read(connection, _BY_KEYS, of_kind=kind, keys=some)
            found.update(((kind, fields[2]), row_of(fields)) for fields in rows)
    return found


def write_rows(
    connection: Connection, entries: Sequence[Entry], *, at: datetime
) -> tuple[list[LedgerRow], dict[LedgerKind, Extent]]:
    """Adds entries whose keys are new at the end of the chain; how far their kinds come thereby."""
    extents = read_extents(connection)
    if not entries:
        return [], extents
    head, at_ms = read_head(connection), epoch_ms(at)
    # A number is never given twice, also where the rows that had it were taken.
    sequence = max(head.rows, *(extent.sequence for extent in extents.values()), 0)
    previous = head.hash
    stored: list[Fields] = []
    for entry in entries:
        sequence += 1
        origin_ms, due_ms = epoch_ms(entry.origin), epoch_ms(entry.due)
        content: Content = (
            sequence, entry.kind, entry.key, at_ms, origin_ms, due_ms, entry.subject, entry.source,
            entry.payload,
        )  # fmt: skip
        own = row_hash(previous, content)
        stored.append((*content, previous, own))
        previous = own
    insert_rows(connection, schema.ledger, stored)
    # The others have no outcome: of no market, or made when it could be known.
    awaited = (row for row in stored if row[7] != SIMULATED and row[3] < row[5])
    waiting = [(row[1], row[5], row[0]) for row in awaited]
    insert_rows(connection, schema.pending, waiting)
    rows = [row_of(fields) for fields in stored]
    _extend(connection, extents, rows)
    return rows, extents


def _no_row(fields: Sequence[object], why: str) -> StorageError:
    return StorageError(
        f"Row {fields[0]} of the ledger is not what was written ({why}); assay-ledger verify "
        "tells how far the ledger is",
        row=fields[0],
    )


def _no_extent(kind: object) -> StorageError:
    return StorageError(f"How far {kind} has come, by ledger_extents, is not what was written")


def _as_stored(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def recount_bytes(connection: Connection, kind: LedgerKind) -> Extent | None:
    """The extent of a kind, its bytes counted anew."""
    table, of = schema.ledger, schema.ledger_extents
    size = func.coalesce(func.sum(func.length(table.c.payload) + 1), 0)
    counted = select(size).where(table.c.kind == kind).scalar_subquery()
    connection.execute(update(of).where(of.c.kind == kind).values(bytes=counted))
    return read_extents(connection).get(kind)


def _extend(
    connection: Connection, extents: dict[LedgerKind, Extent], rows: Sequence[LedgerRow]
) -> None:
    for row in rows:
        kind = row.entry.kind
        before = extents.get(kind)
        extents[kind] = Extent(
            rows=(before.rows if before else 0) + 1,
            bytes=(before.bytes if before else 0) + len(row.entry.payload) + 1,
            sequence=row.sequence,
            newest=row.created,
        )
    values = [
        {
            "kind": kind,
            "rows": extent.rows,
            "bytes": extent.bytes,
            "sequence": extent.sequence,
            "created_ms": epoch_ms(extent.newest),
        }
        for kind, extent in extents.items()
    ]
    connection.execute(_upsert_extents(connection.dialect.name), values)


@cache
def _upsert_extents(dialect: str) -> Insert:
    insert = upsert_of(dialect, schema.ledger_extents)
    names = ("rows", "bytes", "sequence", "created_ms")
    return insert.on_conflict_do_update(
        index_elements=["kind"], set_={name: insert.excluded[name] for name in names}
    )
