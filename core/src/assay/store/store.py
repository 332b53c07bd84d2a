"""The store: bars that were paid for with a request, kept across restarts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, select

from assay.errors import StorageError
from assay.market.bars import Bars, CheckedBars
from assay.market.keys import SeriesKey
from assay.market.markets import Market, MarketList
from assay.store import schema
from assay.store.bar_rows import delete_bars, read_bars, write_bars
from assay.store.counters import add_counts, read_counts
from assay.store.engine import make_engine, reading, upsert_into, writing
from assay.store.ledger import Ledger
from assay.store.migrate import prepare
from assay.store.probe import write_probe
from assay.store.quarantine_rows import listing, quarantined_of, write_quarantine
from assay.store.records import (
    Correction,
    Quarantined,
    StoredSeries,
    Written,
    epoch_ms,
    instant_of,
)

QUARANTINE_ROWS = 10_000
CHUNK_ROWS = 50_000

Progress = Callable[[int, int], None]


class Store:
    """Reads and writes; safe to use from several threads and several processes.

    Every method raises StorageError where the database cannot do it, and ValueError where an
    instant is not aware. Of the rows that are no bars the newest `quarantine_rows` are kept.
    """

    def __init__(self, engine: Engine, *, quarantine_rows: int = QUARANTINE_ROWS) -> None:
        self._engine = engine
        self._quarantine_rows = quarantine_rows
        self.ledger = Ledger(engine)

    def write(self, key: SeriesKey, checked: CheckedBars, *, at: datetime) -> Written:
        """Bars and implausible rows in one transaction, on disk when it returns.

        `at` is when they were received: a new bar's `first_seen`, and the `updated` of a bar whose
        values differ from the stored ones, which are kept as a correction.
        """
        at_ms, aside = epoch_ms(at), checked.implausible
        if not len(checked.bars) and not aside:
            return Written()
        with writing(self._engine) as connection:
            series_id = _series_id(connection, key)
            new, corrected = write_bars(connection, series_id, checked.bars, at_ms=at_ms)
            reasons: tuple[str, ...] = ()
            if aside:
                reasons = write_quarantine(
                    connection, series_id, aside, at_ms=at_ms, most=self._quarantine_rows
                )
        return Written(new, corrected, len(reasons), reasons)

    def import_bars(
        self,
        key: SeriesKey,
        checked: CheckedBars,
        *,
        at: datetime,
        progress: Progress | None = None,
    ) -> Written:
        """As `write`, in transactions of CHUNK_ROWS bars, so that others may write in between.

        `progress` is called with the bars that are on disk, and all there are. An import that was
        interrupted is taken up by importing the same again.
        """
        bars, total = checked.bars, len(checked.bars)
        written = self.write(key, CheckedBars(Bars.empty(), checked.set_aside), at=at)
        for first in range(0, total, CHUNK_ROWS):
            part = bars.take(slice(first, first + CHUNK_ROWS))
            written += self.write(key, CheckedBars(part), at=at)
            if progress:
                progress(first + len(part), total)
        return written

    def read_bars(
        self,
        key: SeriesKey,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        last: int | None = None,
    ) -> Bars:
        """Stored bars in time order: those opened at or after `start` and before `end`, and of
        these the newest `last`.
        """
        one = select(schema.series.c.id).where(_is(key)).scalar_subquery()
        with reading(self._engine) as connection:
            return read_bars(
                connection, schema.bars.c.series_id == one, start=start, end=end, last=last
            )

    def series(
        self,
        *,
        source: str | None = None,
        symbol: str | None = None,
        timeframe: str | None = None,
    ) -> tuple[StoredSeries, ...]:
        """The series that have bars, by key. Quick, however many bars they have."""
        of, opened = schema.series.c, schema.bars.c.open_time_ms
        ends = (
            select(end(opened)).where(schema.bars.c.series_id == of.id).scalar_subquery()
            for end in (func.min, func.max)
        )
        query = select(of.source, of.symbol, of.timeframe, of.bar_count, *ends).where(
            of.bar_count > 0
        )
        for column, wanted in ((of.source, source), (of.symbol, symbol), (of.timeframe, timeframe)):
            if wanted is not None:
                query = query.where(column == wanted)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple(
            StoredSeries(SeriesKey(*names), count, instant_of(first), instant_of(last))
            for *names, count, first, last in sorted(rows)
        )

    def sources(self, symbol: str, timeframe: str) -> tuple[str, ...]:
        """Sources that have bars of `symbol`, the one with the newest bar first."""
        found = self.series(symbol=symbol, timeframe=timeframe)
        newest_first = sorted(found, key=lambda item: item.last, reverse=True)
        return tuple(item.key.source for item in newest_first)

    def corrections(
        self, key: SeriesKey | None = None, *, limit: int = 100
    ) -> tuple[Correction, ...]:
        """Bars that their sources changed after they were stored, the newest change first."""
        table = schema.corrections
        query = (
            select(schema.series.c.source, schema.series.c.symbol, schema.series.c.timeframe, table)
            .join_from(table, schema.series)
            .order_by(table.c.id.desc())
            .limit(limit)
        )
        if key is not None:
            query = query.where(_is(key))
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            Correction(
                SeriesKey(row["source"], row["symbol"], row["timeframe"]),
                instant_of(row["open_time_ms"]),
                instant_of(row["at_ms"]),
                before=tuple(row[f"{name}_before"] for name in schema.PRICES),
                after=tuple(row[f"{name}_after"] for name in schema.PRICES),
            )
            for row in rows
        )

    def quarantine(
        self, key: SeriesKey | None = None, *, reason: str | None = None, limit: int = 100
    ) -> tuple[Quarantined, ...]:
        """Rows that were not stored as bars, the one seen last first."""
        query = listing(limit)
        if key is not None:
            query = query.where(_is(key))
        if reason is not None:
            query = query.where(schema.quarantine.c.reason == reason)
        with reading(self._engine) as connection:
            return tuple(quarantined_of(row) for row in connection.execute(query))

    def quarantine_counts(self) -> dict[str, int]:
        """How many rows are in quarantine, by reason."""
        reason = schema.quarantine.c.reason
        query = select(reason, func.count()).group_by(reason).order_by(reason)
        with reading(self._engine) as connection:
            return {name: count for name, count in connection.execute(query)}

    def quarantine_counts_by_series(self) -> dict[SeriesKey, int]:
        """How many rows are in quarantine, by series."""
        of = schema.series.c
        key = (of.source, of.symbol, of.timeframe)
        query = (
            select(*key, func.count())
            .join_from(schema.quarantine, schema.series)
            .group_by(*key)
            .order_by(*key)
        )
        with reading(self._engine) as connection:
            return {SeriesKey(*names): count for *names, count in connection.execute(query)}

    def write_markets(self, markets: MarketList, *, at: datetime) -> None:
        """Keeps an exchange's list of markets in place of the one before; on disk on return."""
        listed = json.dumps([[market.symbol, market.id] for market in markets.markets])
        with writing(self._engine) as connection:
            insert = upsert_into(connection, schema.markets)
            upsert = insert.on_conflict_do_update(
                index_elements=["exchange"],
                set_={name: insert.excluded[name] for name in ("at_ms", "markets")},
            )
            row = {"exchange": markets.exchange, "at_ms": epoch_ms(at), "markets": listed}
            connection.execute(upsert, row)

    def read_markets(self, exchange: str) -> tuple[MarketList, datetime] | None:
        """The stored list of an exchange's markets, and when it was received."""
        table = schema.markets.c
        query = select(table.markets, table.at_ms).where(table.exchange == exchange)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        listed = tuple(Market(symbol, id_) for symbol, id_ in json.loads(row.markets))
        return MarketList(exchange, listed), instant_of(row.at_ms)

    def add_counts(self, counts: Mapping[str, int]) -> None:
        """Adds to counters, which begin at 0; on disk on return."""
        if counts:
            with writing(self._engine) as connection:
                add_counts(connection, counts)

    def read_counts(self) -> dict[str, int]:
        """Every counter there is, by name."""
        with reading(self._engine) as connection:
            return read_counts(connection)

    def prune(self, *, timeframe: str, before: datetime) -> int:
        """Drops the bars of `timeframe` opened before an instant, with their corrections.

        How many bars went. Works in transactions of CHUNK_ROWS, so that others may write.
        """
        table, before_ms, dropped = schema.series.c, epoch_ms(before), 0
        with reading(self._engine) as connection:
            ids = connection.scalars(select(table.id).where(table.timeframe == timeframe)).all()
        for series_id in ids:
            more = True
            while more:
                with writing(self._engine) as connection:
                    gone = delete_bars(connection, series_id, before_ms=before_ms, most=CHUNK_ROWS)
                dropped += gone
                more = gone == CHUNK_ROWS
        return dropped

    def writable(self) -> bool:
        """Whether a row can be written and committed right now."""
        try:
            self.check_writable()
        except StorageError:
            return False
        return True

    def check_writable(self, *, room_bytes: int = 0) -> None:
        """Writes a row, or rows that take `room_bytes`, for a moment; StorageError where that
        cannot be done right now.
        """
        write_probe(self._engine, room_bytes=room_bytes)

    def close(self) -> None:
        """Closes every connection; the store is not to be used afterwards."""
        self._engine.dispose()


def open_store(url: str, *, quarantine_rows: int = QUARANTINE_ROWS, named_by: str = "") -> Store:
    """The store at a SQLAlchemy URL, its tables made or brought up to date as needed.

    Before the tables of a SQLite file are changed it is copied to `<file>.before-<revision>`.
    Raises StorageError where the database cannot be opened or written, or a newer program made it;
    these, and those of its methods about the place, name the setting `named_by`.
    """
    try:
        engine = make_engine(url, named_by=named_by)
    except StorageError as error:
        raise error.naming(named_by) from error.__cause__
    try:
        prepare(engine)
    except StorageError as error:
        engine.dispose()
        raise error.naming(named_by) from error.__cause__
    return Store(engine, quarantine_rows=quarantine_rows)


def _is(key: SeriesKey) -> ColumnElement[bool]:
    table = schema.series.c
    return and_(
        table.source == key.source, table.symbol == key.symbol, table.timeframe == key.timeframe
    )


def _series_id(connection: Connection, key: SeriesKey) -> int:
    """The series' number, which it is given when it is first written."""
    number: int | None = connection.scalar(select(schema.series.c.id).where(_is(key)))
    if number is None:
        new = schema.series.insert().values(**key._asdict(), bar_count=0)
        number = connection.scalars(new.returning(schema.series.c.id)).one()
    return number
