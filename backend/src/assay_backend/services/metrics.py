"""Figures for Prometheus and for people: requests, the ledger, and what other collectors tell."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from assay.clock import Clock, iso_utc
from assay.errors import StorageError
from assay_backend.services.counters import Counters
from assay_backend.services.families import counter, gauge
from assay_backend.services.http_metrics import HttpMetrics
from assay_backend.services.ledger import LedgerFigures, LedgerService
from assay_backend.services.scoring import ScoringService
from assay_backend.services.status import StatusService
from assay_backend.services.track_metrics import track_document, track_metrics

REQUESTS = "requests"

# What a float holds exactly.
HEAD_BITS = 48


class MetricsService:
    """Reads the figures where they are kept, whenever somebody asks. Labels are bounded: they name
    endpoints, reasons, routes, and the coins of the settings. `more` are told to Prometheus too.
    """

    def __init__(
        self,
        status: StatusService,
        ledger: LedgerService,
        counters: Counters,
        scoring: ScoringService,
        clock: Clock,
        *,
        more: Iterable[Collector] = (),
    ) -> None:
        self._status = status
        self._ledger = ledger
        self._counters = counters
        self._scoring = scoring
        self._clock = clock
        self._started: datetime = clock.now()
        self._figures: LedgerFigures | None = None  # before they were first read
        self.http = HttpMetrics()
        self.registry = CollectorRegistry(auto_describe=False)
        collectors: list[Collector] = [self, self.http, *more]
        for each in collectors:
            self.registry.register(each)
        ProcessCollector(registry=self.registry)  # memory, CPU, files: what Linux tells

    def count_request(self) -> None:
        """One more request has come."""
        self._counters.count(REQUESTS)

    async def read(self) -> None:
        """Reads what other processes may have changed, off the event loop; both forms tell it."""
        await self._counters.read()
        with contextlib.suppress(StorageError):  # what was read last is told, and /readyz tells why
            self._figures = await asyncio.to_thread(self._ledger.figures)

    def document(self) -> dict[str, Any]:
        """The JSON form; where the ledger was never read, it has no rows or head to tell."""
        market, figures = self._status.market(), self._figures
        last = figures.last_signal_at if figures else None
        return {
            "start_time": iso_utc(self._started),
            "requests_total": self._counters.total(REQUESTS),
            "signals_total": figures.signals if figures else 0,
            "last_signal_at": iso_utc(last) if last else None,
            "ledger_rows": figures.head.rows if figures else None,
            "ledger_head": figures.head.hash.hex() if figures else None,
            "upstream_calls_total": sum(each["calls"] for each in market["breakers"]),
            "upstream_failures_total": sum(each["failed"] for each in market["breakers"]),
            "series_stale": sum(each["stale"] for each in market["freshness"]),
            **track_document(self._scoring.figures),
            **{f"{name.replace(':', '_').replace(' ', '_')}_total": count
               for name, count in market["counts"].items()},
        }  # fmt: skip

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes. What the database holds is left out until it was read: zero
        would say that the ledger has shrunk.
        """
        yield gauge("start_time_seconds", "When the service started", self._started.timestamp())
        if self._counters.known:
            total = self._counters.total(REQUESTS)
            yield counter("requests", "Requests, also before a restart", total)
        if self._figures is not None:
            yield from _of_ledger(self._figures, self._clock.now())
        if self._scoring.figures_known:
            yield from track_metrics(self._scoring.figures)


def _of_ledger(figures: LedgerFigures, now: datetime) -> Iterator[Metric]:
    yield counter("signals", "Signals in the ledger", figures.signals)
    if last := figures.last_signal_at:
        yield gauge("last_signal_timestamp_seconds", "When it was stored", last.timestamp())
    if gold := figures.extents.get("gold_forecast"):
        age = (now - gold.newest).total_seconds()
        yield gauge("gold_forecast_age_seconds", "Since the newest was written down", age)
    yield gauge("ledger_rows", "Rows of the ledger", figures.head.rows)
    # As a label the hash would make a new series of every append.
    newest = int.from_bytes(figures.head.hash) >> (8 * len(figures.head.hash) - HEAD_BITS)
    yield gauge("ledger_head", "The first 48 bits of the newest row's hash, as a number", newest)
