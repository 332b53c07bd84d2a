"""Track records as ready-made bytes, made anew when the ledger has something to add."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from assay.clock import Clock
from assay.market.crypto.feed import CryptoFeed
from assay.market.keys import SeriesKey
from assay.market.venues import venue
from assay_backend.answers import Answer
from assay_backend.callers import Role
from assay_backend.services.database import Database
from assay_backend.services.gold_entries import KINDS
from assay_backend.services.gold_track import gold_track_document
from assay_backend.services.scoring import ScoringService
from assay_backend.services.signal_track import (
    Document,
    signal_track_document,
    signals_tracked,
)
from assay_backend.services.tracked import Tracked

if TYPE_CHECKING:
    from assay.store.ledger import Ledger
    from assay.store.ledger_records import LedgerKind

MOST_KEPT = 32
# Outcomes that another process wrote show after this.
LOOK_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and how far ledger and outcomes had come when it was made."""

    rows: int
    outcomes: int
    until: datetime
    answer: Answer


class TrackRecordService:
    """Reads the ledger for whoever asks first, once for all who ask for the same; for one loop."""

    def __init__(
        self,
        database: Database,
        crypto: CryptoFeed,
        scoring: ScoringService,
        clock: Clock,
        *,
        failover: Sequence[str] = (),
    ) -> None:
        self._database = database
        self._crypto = crypto
        self._scoring = scoring
        self._clock = clock
        self._failover = tuple(failover)
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._locks: dict[tuple[object, ...], asyncio.Lock] = {}

    async def gold(self, *, n: int, role: Role = "champion") -> Answer:
        """The newest `n` gold forecasts of champions, or of challengers. Raises StorageError."""
        kind = KINDS[role]

        def make(ledger: Ledger) -> Document:
            return gold_track_document(ledger.track(kind=kind, last=n), role=role, n=n)

        return await self._answer((kind, n), kind, make)

    async def crypto(self, *, symbol: str, exchange: str, n: int) -> Answer:
        """The newest `n` signals that `exchange` was asked for, whoever stood in for it.

        Raises UnknownExchange, MalformedSymbol, UnknownSymbol, SourceUnavailable or StorageError.
        """
        key = await self._crypto.resolve(exchange, symbol, venue(exchange).timeframes[0])
        subjects = [
            str(SeriesKey(name, key.symbol, each))
            for name in dict.fromkeys([exchange, *self._failover])
            for each in venue(name).timeframes
        ]

        def make(ledger: Ledger) -> Document:
            items = _newest(ledger, subjects, exchange, n)
            return signal_track_document(items, symbol=key.symbol, exchange=exchange, n=n)

        return await self._answer(("signal", key.source, key.symbol, n), "signal", make)

    async def _answer(
        self, name: tuple[object, ...], kind: LedgerKind, make: Callable[[Ledger], Document]
    ) -> Answer:
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with lock:
                kept = await asyncio.to_thread(self._current, name, kind, make)
        except BaseException:
            if name not in self._kept:  # or names nobody was ever answered would add up
                self._locks.pop(name, None)
            raise
        self._kept[name] = kept
        self._kept.move_to_end(name)
        while len(self._kept) > MOST_KEPT:
            dropped, _ = self._kept.popitem(last=False)
            self._locks.pop(dropped, None)
        return kept.answer

    def _current(
        self, name: tuple[object, ...], kind: LedgerKind, make: Callable[[Ledger], Document]
    ) -> _Kept:
        """The kept answer while it is true; blocks."""
        ledger, now = self._database.store().ledger, self._clock.now()
        rows, outcomes = ledger.counts().get(kind, 0), self._scoring.version
        kept = self._kept.get(name)
        if kept is not None and (kept.rows, kept.outcomes) == (rows, outcomes):
            if now < kept.until:
                return kept
            answer = Answer.of(make(ledger), at=now)
            same = answer.etag == kept.answer.etag
            return _Kept(rows, outcomes, now + LOOK_AGAIN, kept.answer if same else answer)
        return _Kept(rows, outcomes, now + LOOK_AGAIN, Answer.of(make(ledger), at=now))


def _newest(ledger: Ledger, subjects: list[str], exchange: str, n: int) -> list[Tracked]:
    """The newest `n` signals of several series that `exchange` was asked for, oldest first."""
    pairs = [
        pair
        for subject in subjects
        for pair in ledger.track(kind="signal", subject=subject, last=n)
    ]
    items = signals_tracked(sorted(pairs, key=lambda pair: pair[0].sequence))
    return [item for item in items if item.said["exchange"] == exchange][-n:]
