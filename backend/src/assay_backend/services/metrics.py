"""Figures for Prometheus and for people: requests, upstream calls, how old the data is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric

from assay.clock import Clock, iso_utc
from assay.errors import StorageError
from assay_backend.services.counters import Counters
from assay_backend.services.http_metrics import HttpMetrics
from assay_backend.services.ledger import NOTHING_RECORDED, LedgerFigures, LedgerService
from assay_backend.services.scoring import ScoringService
from assay_backend.services.status import StatusService
from assay_backend.services.track_metrics import track_document, track_metrics

REQUESTS = "requests"

_BREAKER_STATES = ("closed", "half_open", "open", "blocked")
_SERIES = ("exchange", "symbol", "timeframe")
# One source may serve both feeds, as the simulated one does.
_ENDPOINT = ("feed", "endpoint")


class MetricsService:
    """Reads the figures where they are kept, whenever somebody asks. Labels are bounded: they name
    endpoints, reasons, and the series in memory; only the ledger's head is new at every append.
    """

    def __init__(
        self,
        status: StatusService,
        ledger: LedgerService,
        counters: Counters,
        scoring: ScoringService,
        clock: Clock,
    ) -> None:
        self._status = status
        self._ledger = ledger
        self._counters = counters
        self._scoring = scoring
        self._started: datetime = clock.now()
        self._figures: LedgerFigures = NOTHING_RECORDED
        self.http = HttpMetrics()
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def count_request(self) -> None:
        """One more request has come."""
        self._counters.count(REQUESTS)

    async def read(self) -> None:
        """Reads what other processes may have changed, off the event loop; both forms tell it."""
        await self._counters.read()
        with contextlib.suppress(StorageError):  # what was read last is told, and /readyz tells why
            self._figures = await asyncio.to_thread(self._ledger.figures)

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        market, last = self._status.market(), self._figures.last_signal_at
        return {
            "start_time": iso_utc(self._started),
            "requests_total": self._counters.total(REQUESTS),
            "signals_total": self._figures.signals,
            "last_signal_at": iso_utc(last) if last else None,
            "ledger_rows": self._figures.head.rows,
            "ledger_head": self._figures.head.hash.hex(),
            "upstream_calls_total": sum(each["calls"] for each in market["breakers"]),
            "upstream_failures_total": sum(each["failed"] for each in market["breakers"]),
            "series_stale": sum(each["stale"] for each in market["freshness"]),
            **track_document(self._scoring.figures),
            **{f"{name.replace(':', '_').replace(' ', '_')}_total": count
               for name, count in market["counts"].items()},
        }  # fmt: skip

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes."""
        market = self._status.market()
        yield GaugeMetricFamily(
            "assay_start_time_seconds", "When the service started", value=self._started.timestamp()
        )
        requests = self._counters.total(REQUESTS)
        yield CounterMetricFamily("assay_requests", "Requests", value=requests)
        yield from self.http.collect()
        yield from _of_ledger(self._figures)
        yield from track_metrics(self._scoring.figures)
        yield from _of_endpoints(market["breakers"])
        yield from _of_series(market["freshness"])
        yield from _of_rows(market["counts"])


def _of_ledger(figures: LedgerFigures) -> Iterator[Metric]:
    yield CounterMetricFamily("assay_signals", "Signals in the ledger", value=figures.signals)
    if last := figures.last_signal_at:
        yield GaugeMetricFamily(
            "assay_last_signal_timestamp_seconds", "When it was stored", value=last.timestamp()
        )
    yield GaugeMetricFamily("assay_ledger_rows", "Rows of the ledger", value=figures.head.rows)
    yield InfoMetricFamily(
        "assay_ledger_head", "The newest row's hash", {"sha256": figures.head.hash.hex()}
    )


def _of_endpoints(breakers: list[dict[str, Any]]) -> Iterator[Metric]:
    calls = CounterMetricFamily("assay_upstream_calls", "Calls", labels=_ENDPOINT)
    failed = CounterMetricFamily("assay_upstream_failures", "Calls in vain", labels=_ENDPOINT)
    state = GaugeMetricFamily(
        "assay_breaker_state", "1 for the state it is in", labels=[*_ENDPOINT, "state"]
    )
    for each in breakers:
        names = [each[label] for label in _ENDPOINT]
        calls.add_metric(names, each["calls"])
        failed.add_metric(names, each["failed"])
        for name in _BREAKER_STATES:
            state.add_metric([*names, name], float(each["state"] == name))
    yield from (calls, failed, state)


def _of_series(freshness: list[dict[str, Any]]) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "assay_data_age_seconds", "Since the newest bar closed", labels=[*_SERIES, "source"]
    )
    stale = GaugeMetricFamily("assay_data_stale", "1 where a bar is overdue", labels=_SERIES)
    for each in freshness:
        names = [each["exchange"] or "", each["symbol"], each["timeframe"]]
        stale.add_metric(names, float(each["stale"]))
        if each["age_seconds"] is not None:
            age.add_metric([*names, each["source"]], each["age_seconds"])
    yield from (age, stale)


def _of_rows(counts: dict[str, int]) -> Iterator[Metric]:
    aside = CounterMetricFamily("assay_rows_set_aside", "Rows that were no bars", labels=["reason"])
    for name, count in counts.items():
        if name.startswith("set_aside:"):
            aside.add_metric([name.removeprefix("set_aside:")], count)
    yield aside
    for name in ("bars_stored", "bars_corrected"):
        yield CounterMetricFamily(f"assay_{name}", "Since the start", value=counts.get(name, 0))
