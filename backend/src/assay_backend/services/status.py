"""What operators want to know of the market data, in one document."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from assay.clock import Clock, iso_utc
from assay.errors import SourceUnavailable, StorageError
from assay.market.crypto.feed import CryptoFeed, SeriesStatus
from assay.market.endpoints import EndpointStatus
from assay.market.feed import FeedStatus
from assay.market.series import Series
from assay_backend.services.database import Database
from assay_backend.services.market import MarketFeed
from assay_backend.services.rendering import (
    gap_document,
    intraday_provenance,
    provenance_fields,
)

MOST_GAPS = 100
SET_ASIDE = "set_aside:"

Document = dict[str, Any]


class StatusService:
    """Sources, freshness, breakers, gaps and quarantine."""

    def __init__(
        self, feed: MarketFeed, crypto: CryptoFeed, database: Database, clock: Clock
    ) -> None:
        self._feed = feed
        self._crypto = crypto
        self._database = database
        self._clock = clock

    def market(self) -> Document:
        """From memory."""
        now = self._clock.now()
        gold, crypto = self._feed.status(), self._crypto.status()
        daily = self._daily_series()
        gaps = [
            {"exchange": None, "symbol": series.symbol, "timeframe": "1d", **_day(gap.isoformat())}
            for series in daily
            for gap in reversed(series.gaps)
        ]
        gaps += [
            {
                "exchange": series.key.source,
                "symbol": series.key.symbol,
                "timeframe": series.key.timeframe,
                **gap_document(gap),
            }
            for series in crypto.series
            for gap in reversed(series.gaps)
        ]
        breakers = [_breaker("gold", gold.endpoint)]
        breakers += [_breaker("crypto", each) for each in crypto.endpoints]
        freshness = [_daily(series, gold) for series in daily]
        freshness += [_intraday(series, now) for series in crypto.series]
        shown = {each["source"] for each in freshness if each["source"]}
        return {
            "sources": sorted(shown | {each["endpoint"] for each in breakers}),
            "breakers": breakers,
            "freshness": freshness,
            "gaps": gaps[:MOST_GAPS],
            "gaps_total": len(gaps),
            "counts": dict(sorted((gold.counts + crypto.counts).items())),
            "store_fault": crypto.store_fault,
        }

    async def quarantine(self) -> Document | None:
        """How many rows are set aside, by reason: those in the store, and those of feeds that
        store nothing, as they were counted. None where there is no database.
        """
        rows: Counter[str] = Counter()
        for feed in (self._feed.status(), self._crypto.status()):
            rows.update({} if feed.stored else set_aside_by_reason(feed.counts))
        try:
            rows.update(await asyncio.to_thread(self._stored_quarantine))
        except StorageError:
            return None
        return {"rows": rows.total(), "by_reason": dict(sorted(rows.items()))}

    def _stored_quarantine(self) -> dict[str, int]:
        return self._database.store().quarantine_counts()

    def _daily_series(self) -> list[Series]:
        try:
            market = self._feed.snapshot()
        except SourceUnavailable:
            return []
        return [market.gold, market.sp500]


def set_aside_by_reason(counts: Mapping[str, int]) -> dict[str, int]:
    """Of a feed's counts those of rows that were no bars."""
    return {
        name.removeprefix(SET_ASIDE): count
        for name, count in counts.items()
        if name.startswith(SET_ASIDE)
    }


def _day(session: str) -> Document:
    return {"start": session, "end": session, "bars": 1}


def _breaker(feed: str, status: EndpointStatus) -> Document:
    return {
        "feed": feed,
        "endpoint": status.endpoint,
        "state": status.state,
        "failures": status.failures,
        "shut_until": iso_utc(status.shut_until) if status.shut_until else None,
        "last_error": status.last_error,
        "calls": status.calls,
        "failed": status.failed,
        "faults": dict(status.faults),
    }


def _daily(series: Series, status: FeedStatus) -> Document:
    return {
        "exchange": None,
        "symbol": series.symbol,
        "timeframe": "1d",
        **provenance_fields(series),
        "rows": len(series.bars),
        "next_refresh": iso_utc(status.next_due),
        "last_error": status.last_error,
        "watched": True,
        "pinned": True,
    }


def _intraday(series: SeriesStatus, now: datetime) -> Document:
    return {
        "exchange": series.key.source,
        "symbol": series.key.symbol,
        "timeframe": series.key.timeframe,
        **intraday_provenance(series, now),
        "rows": series.rows,
        "next_refresh": iso_utc(series.next_due),
        "last_error": series.last_error,
        "watched": series.watched,
        "pinned": series.pinned,
    }
