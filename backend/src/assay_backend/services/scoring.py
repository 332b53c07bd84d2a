"""What came of forecasts and signals, written beside them once it can be known."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assay.clock import Clock, iso_utc
from assay.errors import MarketDataError, SourceUnavailable, StorageError
from assay.market.bars import Bars
from assay.market.crypto.feed import MOST_BARS, CryptoFeed
from assay.market.keys import SeriesKey
from assay.market.timeframes import timeframe
from assay.market.venues import VENUES
from assay.store.ledger_records import LedgerKind, LedgerRow, Outcome
from assay_backend.services.database import Database
from assay_backend.services.figures import TrackFigures, read_figures
from assay_backend.services.gold_entries import KINDS
from assay_backend.services.gold_scoring import gold_score
from assay_backend.services.market import MarketFeed
from assay_backend.services.signal_scoring import DueSignal, due_signal, score_signals

if TYPE_CHECKING:  # SQLAlchemy, which no start waits for
    from assay.store import Store
    from assay.store.ledger import Ledger

# What cannot be scored by then never will be: bars that late do not come.
WAIT_FOR_BARS = timedelta(days=7)
BATCH_ROWS = 200
# Between batches others have the processor.
PAUSE_SECONDS = 0.1
ASK_AGAIN_SECONDS, LONGEST_ASK_AGAIN_SECONDS = 60.0, 3600.0

Document = dict[str, Any]
Found = dict[int, Document]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Patience:
    """When a series whose bars were missing may be asked for again, and how long that was."""

    until: datetime
    seconds: float


class ScoringService:
    """Scores what has come due from closed bars at hand, each row once; for one event loop.

    A row is scored by the bars of its own source. Where they are missing it waits, and is marked
    unscorable WAIT_FOR_BARS after it came due. Simulated rows are never scored, nor those that were
    made when they were due.
    """

    def __init__(
        self, database: Database, feed: MarketFeed, crypto: CryptoFeed, clock: Clock
    ) -> None:
        self._database = database
        self._feed = feed
        self._crypto = crypto
        self._clock = clock
        self._patience: dict[SeriesKey, _Patience] = {}
        self._seen: tuple[Mapping[LedgerKind, int], int] | None = None
        self.version = 0  # grows with every outcome written here
        self.figures = TrackFigures()
        self.passed_at: datetime | None = None  # all that was due, the last time

    @property
    def figures_known(self) -> bool:
        """Whether `figures` were read from the ledger, and are no longer the empty ones."""
        return self._seen is not None

    async def keep_scored(self) -> None:
        """Scores what is due, and brings `figures` up to date; what fails is tried again."""
        try:
            await self.score_due()
            await asyncio.to_thread(self._read_figures)
            self.passed_at = self._clock.now()
        except StorageError as error:
            log.warning("Nothing can be scored: %s", error.message)

    def _read_figures(self) -> None:
        ledger = self._database.store().ledger
        seen = (ledger.counts(), self.version)
        if seen != self._seen:
            self.figures, self._seen = read_figures(ledger), seen

    async def score_due(self) -> int:
        """One pass over all that is due; how many outcomes were written. Raises StorageError."""
        store = await asyncio.to_thread(self._database.store)
        written = 0
        for kind in KINDS.values():
            async for rows in self._due(store.ledger, kind):
                written += await self._write(store.ledger, rows, self._score_gold(rows))
        async for rows in self._due(store.ledger, "signal"):
            written += await self._write(store.ledger, rows, await self._score_signals(store, rows))
        if written:
            log.info("%d forecasts and signals were scored", written)
        return written

    async def _due(self, ledger: Ledger, kind: LedgerKind) -> AsyncIterator[tuple[LedgerRow, ...]]:
        now, last = self._clock.now(), None
        while rows := await asyncio.to_thread(
            ledger.due, now, kind=kind, limit=BATCH_ROWS, after=last
        ):
            yield rows
            last = rows[-1]
            await asyncio.sleep(PAUSE_SECONDS)

    async def _write(self, ledger: Ledger, rows: Sequence[LedgerRow], found: Found) -> int:
        now = self._clock.now()
        for row in rows:
            if row.sequence not in found and now - row.entry.due > WAIT_FOR_BARS:
                found[row.sequence] = _unscorable(
                    f"no bars of {row.entry.subject} from {row.entry.source} by {iso_utc(now)}"
                )
        outcomes = [Outcome(sequence, _json(what), now) for sequence, what in found.items()]
        if outcomes:
            await asyncio.to_thread(ledger.write_outcomes, outcomes)
            self.version += len(outcomes)
        return len(outcomes)

    def _score_gold(self, rows: Sequence[LedgerRow]) -> Found:
        try:
            gold = self._feed.snapshot().gold
        except SourceUnavailable:
            return {}
        found: Found = {}
        for row in rows:
            if row.entry.source != gold.source:
                continue
            try:
                scored = gold_score(row.entry.payload, gold)
            except (KeyError, TypeError, ValueError) as error:
                scored = _unreadable(row, error)
            if scored is not None:
                found[row.sequence] = scored
        return found

    async def _score_signals(self, store: Store, rows: Sequence[LedgerRow]) -> Found:
        found, by_series = await asyncio.to_thread(_read, rows)
        for (series, source), signals in by_series.items():
            found |= await self._score_series(store, series, source, signals)
        return found

    async def _score_series(
        self, store: Store, series: SeriesKey, source: str, signals: list[DueSignal]
    ) -> Found:
        """By stored bars, and what these leave by bars that the exchange is asked for."""
        found: Found = {}
        if source in VENUES:  # the store has bars of exchanges only
            found = await asyncio.to_thread(_score_by_store, store, series, signals)
        left = [signal for signal in signals if signal.row.sequence not in found]
        if not left or not self._may_ask(series):
            return found
        asked = await self._ask(series, source, left)
        more = await asyncio.to_thread(_score, left, asked) if asked is not None else {}
        self._note(series, had_all=len(more) == len(left))
        return found | more

    async def _ask(self, series: SeriesKey, source: str, signals: list[DueSignal]) -> Bars | None:
        """The feed's bars back to the oldest window; None where they are not `source`'s own."""
        bar_seconds = timeframe(series.timeframe).seconds
        oldest = min(signal.said.origin for signal in signals)
        since = (self._clock.now() - oldest).total_seconds()
        limit = min(math.ceil(since / bar_seconds) + 2, MOST_BARS)
        try:
            had = await self._crypto.bars(series, limit)
        except MarketDataError as error:
            log.info("Signals of %s wait to be scored: %s", series, error.message)
            return None
        return had.bars if had.held.source == source else None

    def _may_ask(self, series: SeriesKey) -> bool:
        patience = self._patience.get(series)
        return patience is None or patience.until <= self._clock.now()

    def _note(self, series: SeriesKey, *, had_all: bool) -> None:
        before = self._patience.pop(series, None)
        if not had_all:
            seconds = 2.0 * before.seconds if before else ASK_AGAIN_SECONDS
            seconds = min(seconds, LONGEST_ASK_AGAIN_SECONDS)
            until = self._clock.now() + timedelta(seconds=seconds)
            self._patience[series] = _Patience(until, seconds)


def _read(
    rows: Sequence[LedgerRow],
) -> tuple[Found, dict[tuple[SeriesKey, str], list[DueSignal]]]:
    """Outcomes of the rows that no scoring can read, and the signals of each series and source."""
    found: Found = {}
    by_series: dict[tuple[SeriesKey, str], list[DueSignal]] = defaultdict(list)
    for row in rows:
        try:
            signal = due_signal(row)
        except (KeyError, TypeError, ValueError) as error:
            found[row.sequence] = _unreadable(row, error)
        else:
            by_series[signal.series, signal.source].append(signal)
    return found, by_series


def _score_by_store(store: Store, series: SeriesKey, signals: list[DueSignal]) -> Found:
    bar = timedelta(seconds=timeframe(series.timeframe).seconds)
    bars = store.read_bars(
        series,
        start=min(signal.said.origin for signal in signals) - bar,
        end=max(signal.said.target for signal in signals),
    )
    return _score(signals, bars)


def _score(signals: list[DueSignal], bars: Bars) -> Found:
    return score_signals(signals, bars)


def _unreadable(row: LedgerRow, error: Exception) -> Document:
    log.error("Row %d of the ledger cannot be scored: %r", row.sequence, error)
    return _unscorable("the row lacks what scoring needs")


def _unscorable(reason: str) -> Document:
    return {"status": "unscorable", "reason": reason}


def _json(document: Document) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
