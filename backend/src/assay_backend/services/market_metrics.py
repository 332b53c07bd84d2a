"""Upstream calls, how old the data is, and what became of the rows that came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.metrics_core import Metric

from assay_backend.services.families import counter, counters, gauges
from assay_backend.services.status import StatusService, set_aside_by_reason

Document = dict[str, Any]

_BREAKER_STATES = ("closed", "half_open", "open", "blocked")
# Told from the first scrape on: a counter that begins at one never rose.
_FAULTS = ("BlockedRegion", "GivenUp", "InvalidBars", "RateLimited", "SourceUnavailable")
_SERIES = ("exchange", "symbol", "timeframe")
# One source may serve both feeds, as the simulated one does.
_ENDPOINT = ("feed", "endpoint")


class MarketMetrics:
    """From memory. What others ask for may be any of thousands of series: those are only counted,
    and the ones that are always kept fresh are told one by one.
    """

    def __init__(self, status: StatusService) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes."""
        market = self._status.market()
        yield from _of_endpoints(market["breakers"])
        yield from _of_series(market["freshness"])
        yield from _of_rows(market["counts"])


def _of_endpoints(breakers: list[Document]) -> Iterator[Metric]:
    named = [([each[label] for label in _ENDPOINT], each) for each in breakers]
    yield counters(
        "upstream_calls", "Calls", _ENDPOINT, ((names, each["calls"]) for names, each in named)
    )
    yield counters(
        "upstream_faults",
        "Calls in vain, by the kind of fault",
        [*_ENDPOINT, "kind"],
        (
            ([*names, kind], each["faults"].get(kind, 0))
            for names, each in named
            for kind in sorted({*_FAULTS, *each["faults"]})
        ),
    )
    yield gauges(
        "breaker_state",
        "1 for the state it is in",
        [*_ENDPOINT, "state"],
        (
            ([*names, state], float(each["state"] == state))
            for names, each in named
            for state in _BREAKER_STATES
        ),
    )


def _of_series(freshness: list[Document]) -> Iterator[Metric]:
    pinned = [
        ([each["exchange"] or "", each["symbol"], each["timeframe"]], each)
        for each in freshness
        if each["pinned"]
    ]
    yield gauges(
        "data_age_seconds",
        "Since the newest bar closed",
        [*_SERIES, "source"],
        (([*names, each["source"] or ""], each["age_seconds"]) for names, each in pinned),
    )
    yield gauges(
        "data_stale",
        "1 where a bar is overdue, or none was ever had",
        _SERIES,
        ((names, float(each["stale"])) for names, each in pinned),
    )
    states = [_state(each) for each in freshness]
    yield gauges(
        "series",
        "Series in memory, those of passing interest too",
        ["state"],
        (([state], float(states.count(state))) for state in ("fresh", "stale", "empty")),
    )


def _state(series: Document) -> str:
    if series["source"] is None:
        return "empty"
    return "stale" if series["stale"] else "fresh"


def _of_rows(counts: dict[str, int]) -> Iterator[Metric]:
    yield counters(
        "rows_set_aside",
        "Rows that were no bars",
        ["reason"],
        (([reason], n) for reason, n in set_aside_by_reason(counts).items()),
    )
    for name in ("bars_stored", "bars_corrected"):
        yield counter(name, "Since the start", counts.get(name, 0))
