"""The ledger's one writer: what many callers append at once goes to disk together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from assay.clock import Clock
from assay.errors import AssayError, StorageError
from assay.store.ledger_records import (
    Appended,
    Batch,
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

MOST_WAITING = 10_000
MOST_TOGETHER = 500
CLOSE_SECONDS = 10.0

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


NOTHING_RECORDED = LedgerFigures(Head(0, bytes(32)), {})


@dataclass(frozen=True, slots=True)
class _Waiting:
    batch: Batch
    answer: asyncio.Future[Appended]


class LedgerService:
    """Appends for all callers of a process, in one thread: one transaction for those that wait.

    What `append` has returned is on disk and stands in signals.jsonl, which is brought in step
    when the service starts. Of more entries than `most_waiting` the rest is refused.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        signals_file: Path,
        *,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._database = database
        self._clock = clock
        self._file = SignalsFile(signals_file)
        self._most_waiting = most_waiting
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
        appended = await answer
        if appended.remembered is not None:
            raise AlreadyAnswered(appended.remembered)
        return appended.rows

    async def recall(self, key_digest: bytes) -> Remember | None:
        """The answer remembered under a key in the past 24 hours."""
        return await asyncio.to_thread(self._recall, key_digest)

    def figures(self) -> LedgerFigures:
        """How far the ledger has come, whoever wrote it; blocks."""
        ledger = self._database.store().ledger
        return LedgerFigures(head=ledger.head(), extents=ledger.extents())

    async def close(self) -> None:
        """Refuses what comes from now on, and returns once the rest is on disk."""
        with self._lock:
            thread, self._thread, self._closed = self._thread, None, True
        if thread is not None:
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
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            self._bring_in_step()
        except StorageError as error:
            log.warning("signals.jsonl was not brought in step: %s", error.message)
        while (together := self._collect()) is not None:
            self._settle(together, self._write([each.batch for each in together]))

    def _collect(self) -> list[_Waiting] | None:
        """Waits for a caller; with all that wait by then. None once the service has ended."""
        first = self._queue.get()
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

    def _write(self, batches: list[Batch]) -> list[Answer]:
        try:
            with self._file.locked():
                ledger = self._database.store().ledger
                committed = ledger.commit(batches, at=self._clock.now())
                self._file.add(committed.new, committed.extents.get("signal"), ledger)
        except AssayError as error:
            log.warning("The ledger could not be written: %s", error.message)
            return [StorageError(error.message, **error.fields) for _ in batches]
        except Exception as error:
            log.exception("A bug in the ledger's writer, which goes on")
            return [error] * len(batches)  # a 500 for each of its callers
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

    def _bring_in_step(self) -> None:
        with self._file.locked():
            ledger = self._database.store().ledger
            self._file.bring_in_step(ledger.extents().get("signal"), ledger)


def _resolve(settled: list[tuple[asyncio.Future[Appended], Answer]]) -> None:
    for future, answer in settled:
        if future.done():  # its caller has gone
            continue
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)
