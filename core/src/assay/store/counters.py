"""Counters that outlive the process."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from assay.store import schema
from assay.store.engine import upsert_into


def add_counts(connection: Connection, counts: Mapping[str, int]) -> None:
    """Adds to counters, which begin at 0."""
    insert = upsert_into(connection, schema.counters)
    added = schema.counters.c.value + insert.excluded.value
    upsert = insert.on_conflict_do_update(index_elements=["name"], set_={"value": added})
    connection.execute(upsert, [{"name": name, "value": more} for name, more in counts.items()])


def read_counts(connection: Connection) -> dict[str, int]:
    """Every counter there is."""
    table = schema.counters.c
    return {name: value for name, value in connection.execute(select(table.name, table.value))}
