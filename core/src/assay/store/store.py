"""The store: bars that were paid for with a request, kept across restarts."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from sqlalchemy import Engine, func, or_, select

from assay.errors import StorageError
from assay.market.bars import Bars
from assay.store import schema
from assay.store.engine import make_engine, reading, upsert_into, writing

_PRICES = ("open", "high", "low", "close", "volume")
_KEY = ("source", "symbol", "timeframe", "open_time_ms")


class Store:
    """Reads and writes; safe to use from several threads and several processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write_bars(
        self, source: str, symbol: str, timeframe: str, bars: Bars, *, at: datetime
    ) -> None:
        """Adds bars, and corrects those already stored; on disk when it returns.

        `at` (aware) is when the bars were received: a new row's `first_seen`, and the `updated`
        of a row whose values differ from the stored ones.
        """
        if not len(bars):
            return
        rows = _rows(source, symbol, timeframe, bars, received_ms=_epoch_ms(at))
        with writing(self._engine) as connection:
            insert = upsert_into(connection, schema.bars)
            new = insert.excluded
            upsert = insert.on_conflict_do_update(
                index_elements=list(_KEY),
                set_={name: new[name] for name in (*_PRICES, "updated_ms")},
                where=or_(*(schema.bars.c[name] != new[name] for name in _PRICES)),
            )
            connection.execute(upsert, rows)

    def read_bars(
        self, source: str, symbol: str, timeframe: str, *, start: datetime | None = None
    ) -> Bars:
        """Stored bars in time order, those opened at or after `start` (aware)."""
        table = schema.bars.c
        query = (
            select(table.open_time_ms, *(table[name] for name in _PRICES))
            .where(table.source == source, table.symbol == symbol, table.timeframe == timeframe)
            .order_by(table.open_time_ms)
        )
        if start is not None:
            query = query.where(table.open_time_ms >= _epoch_ms(start))
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        if not rows:
            return Bars.empty()
        stamps = np.array([row[0] for row in rows], dtype="int64").astype("datetime64[ms]")
        prices = np.array([row[1:] for row in rows], dtype=np.float64)
        return Bars(stamps, *(np.ascontiguousarray(column) for column in prices.T))

    def sources(self, symbol: str, timeframe: str) -> tuple[str, ...]:
        """Sources that have bars of `symbol`, the one with the newest bar first."""
        table = schema.bars.c
        newest = func.max(table.open_time_ms)
        query = (
            select(table.source)
            .where(table.symbol == symbol, table.timeframe == timeframe)
            .group_by(table.source)
            .order_by(newest.desc(), table.source)
        )
        with reading(self._engine) as connection:
            return tuple(connection.scalars(query))

    def writable(self) -> bool:
        """Whether a row can be written and committed right now."""
        try:
            self._put_meta("last_write_probe", "ok")
        except StorageError:
            return False
        return True

    def schema_version(self) -> str:
        """The version of the tables in this database."""
        query = select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")
        with reading(self._engine) as connection:
            version: str = connection.scalars(query).one()
        return version

    def close(self) -> None:
        """Closes every connection; the store is not to be used afterwards."""
        self._engine.dispose()

    def _put_meta(self, key: str, value: str) -> None:
        with writing(self._engine) as connection:
            insert = upsert_into(connection, schema.meta)
            upsert = insert.on_conflict_do_update(
                index_elements=["key"], set_={"value": insert.excluded.value}
            )
            connection.execute(upsert, {"key": key, "value": value})

    def _prepare(self) -> None:
        with writing(self._engine) as connection:
            schema.metadata.create_all(connection)
            first = upsert_into(connection, schema.meta).on_conflict_do_nothing()
            connection.execute(first, {"key": "schema_version", "value": schema.SCHEMA_VERSION})
        found = self.schema_version()
        if found != schema.SCHEMA_VERSION:
            raise StorageError(
                f"The database has schema version {found}; this program knows "
                f"{schema.SCHEMA_VERSION}",
                found=found,
            )


def open_store(url: str) -> Store:
    """The store at a SQLAlchemy URL, its tables made where they are missing.

    Raises StorageError where the database cannot be opened, written, or is of another version.
    """
    store = Store(make_engine(url))
    try:
        store._prepare()
    except StorageError:
        store.close()
        raise
    return store


def _rows(
    source: str, symbol: str, timeframe: str, bars: Bars, *, received_ms: int
) -> list[dict[str, object]]:
    key = {"source": source, "symbol": symbol, "timeframe": timeframe}
    seen = {"first_seen_ms": received_ms, "updated_ms": received_ms}
    stamps = bars.time.astype("datetime64[ms]").astype("int64").tolist()
    prices = np.column_stack([bars.open, bars.high, bars.low, bars.close, bars.volume]).tolist()
    return [
        {**key, "open_time_ms": stamp, **dict(zip(_PRICES, row, strict=True)), **seen}
        for stamp, row in zip(stamps, prices, strict=True)
    ]


def _epoch_ms(instant: datetime) -> int:
    if instant.tzinfo is None:
        raise ValueError(f"The store needs aware instants, got {instant!r}")
    return round(instant.timestamp() * 1000)
