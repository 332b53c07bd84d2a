"""Answers that are given again to a request with the same Idempotency-Key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from assay.store import schema
from assay.store.engine import insert_rows
from assay.store.ledger_records import Batch, Remember
from assay.store.records import epoch_ms


def remember(
    connection: Connection, batches: Sequence[Batch], *, at: datetime, since: datetime
) -> list[Remember | None]:
    """Keeps the answers of the batches whose keys are new; for each of the others the answer that
    is there, from an earlier transaction or an earlier batch.
    """
    asked = [batch.remember for batch in batches if batch.remember]
    if not asked:
        return [None] * len(batches)
    table, at_ms = schema.remembered, epoch_ms(at)
    connection.execute(delete(table).where(table.c.created_ms < epoch_ms(since)))
    known = read_remembered(connection, [each.key_digest for each in asked], since=since)
    new: dict[bytes, Remember] = {}
    earlier: list[Remember | None] = []
    for batch in batches:
        own = batch.remember
        if own is None:
            earlier.append(None)
            continue
        answer = known.get(own.key_digest) or new.get(own.key_digest)
        earlier.append(answer)
        if answer is None:
            new[own.key_digest] = own
    rows = [(each.key_digest, each.request_digest, each.body, at_ms) for each in new.values()]
    insert_rows(connection, table, rows)
    return earlier


def read_remembered(
    connection: Connection, key_digests: Iterable[bytes], *, since: datetime
) -> dict[bytes, Remember]:
    """The answers remembered under these keys since an instant."""
    table = schema.remembered.c
    query = select(table.key_digest, table.request_digest, table.body).where(
        table.key_digest.in_(list(key_digests)), table.created_ms >= epoch_ms(since)
    )
    return {digest: Remember(digest, *rest) for digest, *rest in connection.execute(query)}
