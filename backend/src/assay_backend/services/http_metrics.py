"""HTTP requests for Prometheus: how many there were, and how long they took to be answered.

Counted at every request, so in plain numbers; Prometheus' forms are made where somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"

_BOUNDS = (*(str(bound) for bound in BUCKETS_SECONDS), "+Inf")


@dataclass(slots=True)
class _Durations:
    counts: list[int] = field(default_factory=lambda: [0] * len(_BOUNDS))
    total: float = 0.0


class HttpMetrics:
    """Labels are bounded: routes are the app's templates, and all that it does not know is
    `other`. For one event loop.
    """

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[str, _Durations] = {}

    def count(self, route: str | None, method: str, status: int, seconds: float) -> None:
        """One more request, whose answer began after `seconds`; `route` is the template of its
        path, None where it has none.
        """
        route = route or OTHER
        self._requests[route, method if method in METHODS else OTHER, status] += 1
        durations = self._durations.get(route)
        if durations is None:
            durations = self._durations[route] = _Durations()
        durations.counts[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        durations.total += seconds

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes: of this process, since its start."""
        requests = CounterMetricFamily(
            "assay_http_requests", "Requests answered", labels=["route", "method", "status"]
        )
        for (route, method, status), count in self._requests.items():
            requests.add_metric([route, method, str(status)], count)
        durations = HistogramMetricFamily(
            "assay_http_request_duration_seconds", "Until the answer began", labels=["route"]
        )
        for route, each in self._durations.items():
            buckets = [*zip(_BOUNDS, accumulate(each.counts), strict=True)]
            durations.add_metric([route], buckets, sum_value=each.total)
        yield from (requests, durations)
