"""What came of the ledger's rows, in a transaction that is open."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, and_, delete, func, or_, select

from assay.errors import StorageError
from assay.store import schema
from assay.store.engine import upsert_into
from assay.store.ledger_chain import Fields
from assay.store.ledger_records import LedgerKind, LedgerRow, Outcome, Tally
from assay.store.ledger_rows import columns, fetched, read, row_of
from assay.store.records import epoch_ms, instant_of

_MOST_LOOKED_UP = 500


def due_rows(
    connection: Connection,
    by: datetime,
    *,
    kind: LedgerKind,
    limit: int,
    after: LedgerRow | None,
) -> tuple[LedgerRow, ...]:
    """Rows without an outcome that are due by an instant, the one due first first."""
    table = schema.pending.c
    query = (
        columns()
        .join(schema.pending, table.sequence == schema.ledger.c.sequence)
        .where(table.kind == kind, table.due_ms <= epoch_ms(by))
        .order_by(table.due_ms, table.sequence)
        .limit(limit)
    )
    if after is not None:
        due_ms = epoch_ms(after.entry.due)
        query = query.where(
            or_(
                table.due_ms > due_ms,
                and_(table.due_ms == due_ms, table.sequence > after.sequence),
            )
        )
    return tuple(map(row_of, read(connection, query)))


def write_outcomes(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Adds outcomes of rows that have none; ValueError where there is no such row."""
    for first in range(0, len(outcomes), _MOST_LOOKED_UP):
        _write_some(connection, outcomes[first : first + _MOST_LOOKED_UP])


def _write_some(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    table, wanted = schema.ledger.c, [outcome.sequence for outcome in outcomes]
    query = select(table.sequence, table.kind, table.subject).where(table.sequence.in_(wanted))
    rows = {sequence: names for sequence, *names in connection.execute(query)}
    if missing := set(wanted) - rows.keys():
        raise ValueError(f"The ledger has no row {min(missing)} that could have an outcome")
    insert = upsert_into(connection, schema.outcomes).on_conflict_do_nothing()
    values = [
        {
            "sequence": outcome.sequence,
            "kind": rows[outcome.sequence][0],
            "subject": rows[outcome.sequence][1],
            "payload": outcome.payload,
            "scored_ms": epoch_ms(outcome.scored),
        }
        for outcome in outcomes
    ]
    connection.execute(insert, values)
    pending = schema.pending.c
    due = select(table.kind, table.due_ms, table.sequence).where(table.sequence.in_(wanted))
    for kind, due_ms, sequence in connection.execute(due).all():
        connection.execute(
            delete(schema.pending).where(
                pending.kind == kind, pending.due_ms == due_ms, pending.sequence == sequence
            )
        )


def tracked(
    connection: Connection,
    *,
    kind: LedgerKind,
    subject: str | None,
    last: int,
    scored_only: bool,
) -> tuple[tuple[LedgerRow, Outcome | None], ...]:
    """The newest rows with their outcomes, oldest first."""
    rows, of = schema.ledger.c, schema.outcomes.c
    by = of if scored_only else rows  # which of the tables is walked, from its end
    query = (
        columns()
        .add_columns(of.payload.label("outcome"), of.scored_ms)
        .join(schema.outcomes, of.sequence == rows.sequence, isouter=not scored_only)
        .where(by.kind == kind)
        .order_by(by.sequence.desc())
        .limit(last)
    )
    if subject is not None:
        query = query.where(by.subject == subject)
    found = []
    for *fields, payload, scored_ms in fetched(connection, query):
        row = row_of(cast("Fields", tuple(fields)))
        known = (payload, scored_ms) != (None, None)
        found.append((row, _outcome(row.sequence, payload, scored_ms) if known else None))
    return tuple(reversed(found))


def _outcome(sequence: int, payload: object, scored_ms: object) -> Outcome:
    if isinstance(payload, bytes) and isinstance(scored_ms, int):
        with contextlib.suppress(OverflowError):
            return Outcome(sequence, payload, instant_of(scored_ms))
    raise StorageError(
        f"The outcome of row {sequence} of the ledger is not what was written", row=sequence
    )


def tallies(connection: Connection) -> dict[LedgerKind, Tally]:
    """How many rows of each kind have an outcome, and how many wait for one."""
    counts = []
    for table in (schema.outcomes, schema.pending):
        query = select(table.c.kind, func.count()).group_by(table.c.kind)
        counts.append({kind: count for kind, count in connection.execute(query)})
    known, waiting = counts
    return {
        kind: Tally(known.get(kind, 0), waiting.get(kind, 0)) for kind in known.keys() | waiting
    }
