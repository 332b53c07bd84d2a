"""Whether the database takes rows right now, found out by writing some."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import Engine, delete

from assay.store import schema
from assay.store.engine import upsert_into, writing

_KEY = "last_write_probe"
_ROW_BYTES = 255  # what a value may hold


def write_probe(engine: Engine, *, room_bytes: int = 0) -> None:
    """Writes a row, and as many more as hold `room_bytes`, which are removed again."""
    padding = [f"{_KEY}_{number}" for number in range(-(-room_bytes // _ROW_BYTES))]
    # Always another value: SQLite writes no page for one that is there already.
    rows = [{"key": _KEY, "value": uuid4().hex}]
    rows += [{"key": key, "value": "0" * _ROW_BYTES} for key in padding]
    with writing(engine) as connection:
        insert = upsert_into(connection, schema.meta)
        upsert = insert.on_conflict_do_update(
            index_elements=["key"], set_={"value": insert.excluded.value}
        )
        connection.execute(upsert, rows)
    if padding:
        with writing(engine) as connection:
            connection.execute(delete(schema.meta).where(schema.meta.c.key.startswith(f"{_KEY}_")))
