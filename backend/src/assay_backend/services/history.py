"""Closed gold bars as ready-made bytes."""

from __future__ import annotations

from assay.clock import Clock
from assay_backend.answers import Answer
from assay_backend.services.market import MarketFeed
from assay_backend.services.rendering import history_document

_MOST_KEPT = 32


class HistoryService:
    """Renders the feed's newest sessions, and keeps what it rendered while nothing changes."""

    def __init__(self, feed: MarketFeed, clock: Clock) -> None:
        self._feed = feed
        self._clock = clock
        self._made_from: tuple[int, bool] | None = None
        self._kept: dict[int, Answer] = {}

    def answer(self, *, sessions: int) -> Answer:
        """The newest `sessions` bars. Raises SourceUnavailable where there are none."""
        market = self._feed.snapshot()
        made_from = (market.version, market.gold.stale)
        if made_from != self._made_from or len(self._kept) >= _MOST_KEPT:
            self._made_from, self._kept = made_from, {}
        if sessions not in self._kept:
            document = history_document(market.gold, sessions=sessions)
            self._kept[sessions] = Answer.of(document, at=self._clock.now())
        return self._kept[sessions]
