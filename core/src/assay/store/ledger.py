"""The ledger: what was said before its outcome was known, in a chain that shows every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from operator import itemgetter

from sqlalchemy import Connection, Engine

from assay.store import schema
from assay.store.engine import reading, writing
from assay.store.ledger_chain import ChainCheck, Fields
from assay.store.ledger_outcomes import due_rows, tallies, tracked, write_outcomes
from assay.store.ledger_records import (
    Appended,
    Batch,
    Committed,
    Entry,
    Extent,
    Head,
    LedgerKind,
    LedgerRow,
    Outcome,
    Remember,
    Tally,
    Verification,
    check_entry,
)
from assay.store.ledger_remembered import read_remembered, remember
from assay.store.ledger_rows import (
    Key,
    columns,
    existing,
    key_of,
    read,
    read_counted,
    read_extents,
    read_head,
    read_nth,
    recount_bytes,
    row_of,
    write_rows,
)

PAGE_ROWS = 2_000
_KIND = itemgetter(1)  # of a row's fields
REMEMBERED_FOR = timedelta(hours=24)

Progress = Callable[[int, int], None]
Watch = Callable[[list[Fields]], None]


class Ledger:
    """Append-only: there is no way to change or drop a row, and the database refuses one too.

    How a row is hashed is told at `ledger_chain.row_hash`. Safe to use from several threads and
    processes, which keep one chain. Every method raises StorageError where the database cannot do
    it, and ValueError where an instant is not aware.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, batches: Sequence[Batch], *, at: datetime) -> list[list[LedgerRow]]:
        """As `commit`; the rows of each batch, none where an answer was remembered."""
        return [answer.rows for answer in self.commit(batches, at=at).answers]

    def commit(self, batches: Sequence[Batch], *, at: datetime) -> Committed:
        """Writes many callers' batches in one transaction, on disk when it returns.

        An entry whose (kind, key) exists gets the row that there is. A batch for whose key an
        answer was remembered in the past REMEMBERED_FOR writes nothing and gets that answer. `at`
        is when new rows were created. ValueError where an entry can be no row: nothing is written.
        """
        for batch in batches:
            for entry in batch.entries:
                check_entry(entry)
        with writing(self._engine) as connection:
            earlier = remember(connection, batches, at=at, since=at - REMEMBERED_FOR)
            written = [
                batch for batch, answer in zip(batches, earlier, strict=True) if answer is None
            ]
            wanted = [entry for batch in written for entry in batch.entries]
            there = existing(connection, wanted)
            fresh: dict[Key, Entry] = {}
            for entry in wanted:
                if key_of(entry) not in there:
                    fresh.setdefault(key_of(entry), entry)
            new, extents = write_rows(connection, list(fresh.values()), at=at)
        there.update((key_of(row.entry), row) for row in new)
        answers = [
            Appended([there[key_of(entry)] for entry in batch.entries])
            if answer is None
            else Appended([], answer)
            for batch, answer in zip(batches, earlier, strict=True)
        ]
        return Committed(answers, new, extents)

    def recall(self, key_digest: bytes, *, at: datetime) -> Remember | None:
        """The answer that was remembered under a key in the REMEMBERED_FOR before `at`."""
        with reading(self._engine) as connection:
            found = read_remembered(connection, [key_digest], since=at - REMEMBERED_FOR)
        return found.get(key_digest)

    def head(self) -> Head:
        """How many rows there are, and the newest one's hash."""
        with reading(self._engine) as connection:
            return read_head(connection)

    def extents(self) -> dict[LedgerKind, Extent]:
        """How far each kind has come; a kind without rows is missing. Quick, as `head` is."""
        with reading(self._engine) as connection:
            return read_extents(connection)

    def counts(self) -> dict[LedgerKind, int]:
        """How many rows there are of each kind that has any."""
        return {kind: extent.rows for kind, extent in self.extents().items()}

    def tail(self, n: int, *, kind: LedgerKind | None = None) -> tuple[LedgerRow, ...]:
        """The newest `n` rows, oldest first; as quick in a long ledger as in a short one."""
        with reading(self._engine) as connection:
            return _before(connection, None, kind=kind, most=n)[::-1]

    def rows(self, *, kind: LedgerKind | None = None, after: int = 0) -> Iterator[LedgerRow]:
        """Rows from the one that follows sequence `after`, oldest first, in bounded memory."""
        for page in self._pages(kind=kind, after=after):
            yield from map(row_of, page)

    def rows_back(self, *, kind: LedgerKind | None = None, upto: int) -> Iterator[LedgerRow]:
        """Rows from sequence `upto` back, newest first, in bounded memory."""
        bound, more = upto + 1, True
        while more:
            with reading(self._engine) as connection:
                page = _before(connection, bound, kind=kind, most=PAGE_ROWS)
            yield from page
            more = len(page) == PAGE_ROWS
            bound = page[-1].sequence if page else 0

    def verify(
        self,
        progress: Progress | None = None,
        *,
        each: Callable[[list[Fields]], None] | None = None,
    ) -> Verification:
        """Recomputes every hash up to the head there is now, in bounded memory.

        Finds a row that was changed, removed or put elsewhere, and one that the extents do not
        count. Rows cut off the end show as far as the number of rows is known otherwise: here by
        the extents, and by what was published of earlier heads. `progress` is called with the rows
        checked and all there are, `each` with the rows themselves, some at once.
        """
        with reading(self._engine) as connection:
            last, counted = read_counted(connection)
        check, kinds = ChainCheck(), Counter[object]()
        for page in self._pages(upto=last):
            check.follow(page)
            kinds.update(map(_KIND, page))
            if each:
                each(page)
            if progress:
                progress(check.rows, last or check.rows)
        first_bad = check.first_bad
        if first_bad is None:
            first_bad = self._miscounted(kinds, counted)
        return Verification(check.rows, check.head, first_bad is None, first_bad)

    def _miscounted(self, kinds: Counter[object], counted: dict[object, int]) -> int | None:
        """The first row that is not there though it was `counted`, or was not and is there."""
        if any(rows > kinds[kind] for kind, rows in counted.items()):
            return kinds.total() + 1
        beyond = {kind: n for kind in kinds if (n := counted.get(kind, 0)) < kinds[kind]}
        with reading(self._engine) as connection:
            return min((read_nth(connection, *each) for each in beyond.items()), default=None)

    def due(
        self,
        by: datetime,
        *,
        kind: LedgerKind,
        limit: int,
        after: LedgerRow | None = None,
    ) -> tuple[LedgerRow, ...]:
        """Rows due by an instant that have no outcome yet, the one due first first.

        Rows of simulated bars are left out, and those made when they were due. `after` is the last
        row of an earlier answer, to go on behind rows that cannot be scored yet.
        """
        with reading(self._engine) as connection:
            return due_rows(connection, by, kind=kind, limit=limit, after=after)

    def write_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Keeps what came of rows; the first outcome of a row stands. On disk on return.

        ValueError where there is no such row.
        """
        with writing(self._engine) as connection:
            write_outcomes(connection, outcomes)

    def track(
        self,
        *,
        kind: LedgerKind,
        subject: str | None = None,
        last: int,
        scored_only: bool = False,
    ) -> tuple[tuple[LedgerRow, Outcome | None], ...]:
        """The newest `last` rows with what came of them, oldest first; of these that have an
        outcome where `scored_only`.
        """
        with reading(self._engine) as connection:
            return tracked(
                connection, kind=kind, subject=subject, last=last, scored_only=scored_only
            )

    def tallies(self) -> dict[LedgerKind, Tally]:
        """How many rows of each kind have an outcome, and how many wait for one."""
        with reading(self._engine) as connection:
            return tallies(connection)

    def recount(self, kind: LedgerKind) -> Extent | None:
        """Counts the bytes of a kind anew, which is only needed where rows were tampered with.

        Their number stays as it was counted when they came, since that shows what is missing.
        """
        with writing(self._engine) as connection:
            return recount_bytes(connection, kind)

    def _pages(
        self, *, kind: LedgerKind | None = None, after: int = 0, upto: int | None = None
    ) -> Iterator[list[Fields]]:
        """Each read by itself, so that a long walk holds up nobody."""
        table = schema.ledger.c
        query = columns().order_by(table.sequence).limit(PAGE_ROWS)
        if kind is not None:
            query = query.where(table.kind == kind)
        if upto is not None:
            query = query.where(table.sequence <= upto)
        more = True
        while more:
            with reading(self._engine) as connection:
                page = read(connection, query.where(table.sequence > after))
            if page:
                yield page
                after = page[-1][0]
            more = len(page) == PAGE_ROWS


def _before(
    connection: Connection, bound: int | None, *, kind: LedgerKind | None, most: int
) -> tuple[LedgerRow, ...]:
    """The `most` rows before sequence `bound`, or before the end, newest first."""
    table = schema.ledger.c
    query = columns().order_by(table.sequence.desc()).limit(most)
    if kind is not None:
        query = query.where(table.kind == kind)
    if bound is not None:
        query = query.where(table.sequence < bound)
    return tuple(map(row_of, read(connection, query)))
