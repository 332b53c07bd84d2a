"""Figures for Prometheus and for people: requests, upstream calls, how old the data is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from assay.clock import Clock, iso_utc
from assay_backend.services.status import StatusService

_BREAKER_STATES = ("closed", "half_open", "open", "blocked")
_SERIES = ("exchange", "symbol", "timeframe")


class MetricsService:
    """Reads the figures where they are kept, whenever somebody asks. Labels are bounded: they name
    endpoints, reasons, and the series in memory.
    """

    def __init__(self, status: StatusService, clock: Clock) -> None:
        self._status = status
        self._started: datetime = clock.now()
        self._requests_total = 0
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def count_request(self) -> None:
        """One more request has come."""
        self._requests_total += 1

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        market = self._status.market()
        return {
            "start_time": iso_utc(self._started),
            "requests_total": self._requests_total,
            "signals_total": 0,
            "last_signal_at": None,
            "upstream_calls_total": sum(each["calls"] for each in market["breakers"]),
            "upstream_failures_total": sum(each["failed"] for each in market["breakers"]),
            "series_stale": sum(each["stale"] for each in market["freshness"]),
            **{f"{name.replace(':', '_').replace(' ', '_')}_total": count
               for name, count in market["counts"].items()},
        }  # fmt: skip

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes."""
        market = self._status.market()
        yield GaugeMetricFamily(
            "assay_start_time_seconds", "When the service started", value=self._started.timestamp()
        )
        yield CounterMetricFamily("assay_requests", "Requests", value=self._requests_total)
        yield from _of_endpoints(market["breakers"])
        yield from _of_series(market["freshness"])
        yield from _of_rows(market["counts"])


def _of_endpoints(breakers: list[dict[str, Any]]) -> Iterator[Metric]:
    calls = CounterMetricFamily("assay_upstream_calls", "Calls", labels=["endpoint"])
    failed = CounterMetricFamily("assay_upstream_failures", "Calls in vain", labels=["endpoint"])
    state = GaugeMetricFamily(
        "assay_breaker_state", "1 for the state it is in", labels=["endpoint", "state"]
    )
    for each in breakers:
        calls.add_metric([each["endpoint"]], each["calls"])
        failed.add_metric([each["endpoint"]], each["failed"])
        for name in _BREAKER_STATES:
            state.add_metric([each["endpoint"], name], float(each["state"] == name))
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
