"""The ledger's one writer: what many callers append at once goes to disk together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assay.clock import Clock
from assay.errors import AssayError, StorageError
from assay.store.ledger_records import (
    Appended,
    Batch,
    Committed,
    Entry,
    Extent,
    Head,
    LedgerKind,
    LedgerRow,
    Remember,
    check_entry,
)
from assay_backend.services.database import Database
from assay_backend.services.signals_file import SignalsFile

if TYPE_CHECKING:  # SQLAlchemy, which no start waits for
    from assay.store.ledger import Ledger

MOST_WAITING = 10_000
MOST_TOGETHER = 500
CLOSE_SECONDS = 10.0
# Longer than the file's and the database's locks are waited for.
PATIENCE_SECONDS = 15.0
PROBE_SECONDS = 2.0
CATCH_UP_SECONDS = 5.0
# What an entry takes beside its payload: pages of indexes, and all of it once more in the WAL.
LEAST_ROOM_BYTES = 64 * 1024
ROOM_PER_BYTE = 4

Answer = Appended | BaseException

log = logging.getLogger(__name__)


class AlreadyAnswered(Exception):
    """Another request with the same key was faster; `remembered` is what it was answered."""

    def __init__(self, remembered: Remember) -> None:
        super().__init__("the key has an answer already")
        self.remembered = remembered


@dataclass(frozen=True, slots=True)
class LedgerFigures:
    """How far the ledger has come."""

    head: Head
    extents: dict[LedgerKind, Extent]

    @property
    def signals(self) -> int:
        return self.extents["signal"].rows if "signal" in self.extents else 0

    @property
    def last_signal_at(self) -> datetime | None:
        return self.extents["signal"].newest if "signal" in self.extents else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Entries that could not be written: why, and the bytes that the database needs for such."""

    reason: str
    room_bytes: int

    @classmethod
    def of(cls, batches: Sequence[Batch], reason: str) -> Refusal | None:
        """None where there were no entries."""
        payloads = [len(entry.payload) for batch in batches for entry in batch.entries]
        if not payloads:
            return None
        return cls(reason, LEAST_ROOM_BYTES + ROOM_PER_BYTE * sum(payloads))


@dataclass(frozen=True, slots=True)
class _Waiting:
    batch: Batch
    answer: asyncio.Future[Appended]


class LedgerService:
    """Appends for all callers of a process, in one thread: one transaction for those that wait.

    What `append` has returned is on disk, and stands in signals.jsonl unless the file is behind,
    as `behind` tells: it is brought in step when the service starts, and every `catch_up_seconds`
    where that failed. Of more entries than `most_waiting` the rest is refused, and nobody waits
    longer than `patience_seconds`. `file_named_by` is the setting that says where the file is.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        signals_file: Path,
        *,
        file_named_by: str = "",
        most_waiting: int = MOST_WAITING,
        patience_seconds: float = PATIENCE_SECONDS,
        catch_up_seconds: float = CATCH_UP_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._file = SignalsFile(signals_file, named_by=file_named_by)
        self._most_waiting = most_waiting
        self._patience_seconds = patience_seconds
        self._catch_up_seconds = catch_up_seconds
        self.behind: str | None = None  # why signals.jsonl lacks lines
        self.refusal: Refusal | None = None  # what was not written, unless entries were since
        self._next_look = 0.0  # at a file that is behind
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> None:
        """Starts the writer, which brings signals.jsonl in step first; nobody waits for that but
        those who append.
        """
        with self._lock:
            self._closed = False
            self._need_thread()

    async def append(
        self, entries: Sequence[Entry], *, remember: Remember | None = None
    ) -> list[LedgerRow]:
        """The entries' rows, in order, once they are on disk; of an entry that was there already
        the row that there is.

        Raises AlreadyAnswered where an answer is remembered under the key of `remember`; then
        nothing was written. Raises StorageError where it cannot be known to be on disk, and
        ValueError where an entry can be no row.
        """
        for entry in entries:
            check_entry(entry)
        answer: asyncio.Future[Appended] = asyncio.get_running_loop().create_future()
        self._line_up(_Waiting(Batch(entries, remember), answer))
        try:
            async with asyncio.timeout(self._patience_seconds):
                appended = await answer
        except TimeoutError:
            raise StorageError(
                f"The ledger's writer has not answered for {self._patience_seconds:g} seconds: "
                "whether the entries are on disk is not known"
            ) from None
        if appended.remembered is not None:
            raise AlreadyAnswered(appended.remembered)
        return appended.rows

    async def recall(self, key_digest: bytes) -> Remember | None:
        """The answer remembered under a key in the past 24 hours."""
        return await asyncio.to_thread(self._recall, key_digest)

    async def fault(self) -> str | None:
        """Why no entry could be appended right now. None where one could: the writer lives, and
        all it needs is there.
        """
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await asyncio.to_thread(self.figures)
                await self.append([])
        except StorageError as error:
            return error.message
        except TimeoutError:
            return f"the ledger's writer has not answered for {PROBE_SECONDS:g} seconds"
        except Exception:
            log.exception("A bug in the ledger's writer")
            return "a bug in the ledger's writer, which the log has"
        return None

    def forget(self, refusal: Refusal | None) -> None:
        """There is room again for what was not written then."""
        if self.refusal is refusal:
            self.refusal = None

    def figures(self) -> LedgerFigures:
        """How far the ledger has come, whoever wrote it; blocks."""
        ledger = self._database.store().ledger
        return LedgerFigures(head=ledger.head(), extents=ledger.extents())

    async def close(self) -> None:
        """Refuses what comes from now on, and returns once the rest is on disk."""
        with self._lock:
            thread, self._thread, self._closed = self._thread, None, True
        if thread is not None and thread.is_alive():
            self._queue.put(None)
            await asyncio.to_thread(thread.join, CLOSE_SECONDS)
            if thread.is_alive():
                log.error(
                    "The ledger's writer did not end; what it has not written is not acknowledged"
                )

    def _recall(self, key_digest: bytes) -> Remember | None:
        return self._database.store().ledger.recall(key_digest, at=self._clock.now())

    def _line_up(self, caller: _Waiting) -> None:
        with self._lock:
            if self._closed:
                raise StorageError("The service is ending: the ledger takes no more entries")
            entries = self._waiting + len(caller.batch.entries)
            if entries > self._most_waiting:
                raise StorageError(
                    f"{self._waiting} entries wait for the ledger already", waiting=self._waiting
                )
            self._waiting = entries
            self._queue.put(caller)
            self._need_thread()

    def _need_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        self._catch_up()
        while (together := self._collect()) is not None:
            ended = StorageError("The ledger's writer ended in the midst of these entries")
            answers: list[Answer] = [ended for _ in together]
            try:
                answers = self._write([each.batch for each in together])
            except BaseException:
                with self._lock:
                    self._thread = None  # whoever comes next starts another
                raise
            finally:
                self._settle(together, answers)

    def _collect(self) -> list[_Waiting] | None:
        """Waits for a caller; with all that wait by then. None once the service has ended."""
        first = self._first()
        if first is None:
            return None
        together, entries = [first], len(first.batch.entries)
        while entries < MOST_TOGETHER:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._queue.put(None)  # for the next turn
                break
            together.append(more)
            entries += len(more.batch.entries)
        return together

    def _first(self) -> _Waiting | None:
        """The one who came first. While it waits it brings a file in step that is behind."""
        while self.behind is not None:
            try:
                return self._queue.get(timeout=max(0.0, self._next_look - time.monotonic()))
            except queue.Empty:
                self._catch_up()
        return self._queue.get()

    def _write(self, batches: list[Batch]) -> list[Answer]:
        try:
            with self._file.locked():
                ledger = self._database.store().ledger
                committed = ledger.commit(batches, at=self._clock.now())
                # From here on the entries are in the ledger, whatever becomes of their lines.
                self._add_lines(committed, ledger)
        except AssayError as error:
            log.warning("The ledger could not be written: %s", error.message)
            self.refusal = Refusal.of(batches, error.message) or self.refusal
            return [StorageError(error.message, **error.fields) for _ in batches]
        except Exception as error:
            log.exception("A bug in the ledger's writer, which goes on")
            return [error] * len(batches)  # a 500 for each of its callers
        if committed.new:
            self.refusal = None
        return list(committed.answers)

    def _settle(self, together: list[_Waiting], answers: list[Answer]) -> None:
        with self._lock:
            self._waiting -= sum(len(each.batch.entries) for each in together)
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Appended], Answer]]]
        by_loop = defaultdict(list)
        for each, answer in zip(together, answers, strict=True):
            by_loop[each.answer.get_loop()].append((each.answer, answer))
        for loop, settled in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                loop.call_soon_threadsafe(_resolve, settled)

    def _add_lines(self, committed: Committed, ledger: Ledger) -> None:
        """Under the file's lock; never raises."""
        if self.behind is not None and time.monotonic() < self._next_look:
            return
        with self._noting_what_is_behind():
            self._file.add(committed.new, committed.extents.get("signal"), ledger)

    def _catch_up(self) -> None:
        """Brings the file in step; never raises."""
        with self._noting_what_is_behind(), self._file.locked():
            ledger = self._database.store().ledger
            self._file.bring_in_step(ledger.extents().get("signal"), ledger)

    @contextlib.contextmanager
    def _noting_what_is_behind(self) -> Iterator[None]:
        try:
            yield
        except AssayError as error:
            self._note(error.message)
        except Exception as error:
            log.exception("A bug in what keeps signals.jsonl, which is tried again")
            self._note(repr(error))
        else:
            if self.behind is not None:
                log.info("signals.jsonl is in step again")
            self.behind = None

    def _note(self, reason: str) -> None:
        if reason != self.behind:
            log.warning("signals.jsonl is behind the ledger: %s", reason)
        self.behind = reason
        self._next_look = time.monotonic() + self._catch_up_seconds


def _resolve(settled: list[tuple[asyncio.Future[Appended], Answer]]) -> None:
    for future, answer in settled:
        if future.done():  # its caller has gone
            continue
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)
