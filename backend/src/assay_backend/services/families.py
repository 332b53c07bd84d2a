"""Metric families, each made in one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

Samples = Iterable[tuple[Sequence[str], float | None]]


def gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    """A gauge without labels."""
    return GaugeMetricFamily(f"assay_{name}", says, value=value)


def gauges(name: str, says: str, labels: Sequence[str], samples: Samples) -> GaugeMetricFamily:
    """A gauge for each combination of labels; what is None is left out."""
    family = GaugeMetricFamily(f"assay_{name}", says, labels=labels)
    for names, value in samples:
        if value is not None:
            family.add_metric(names, value)
    return family


def counter(name: str, says: str, value: float) -> CounterMetricFamily:
    """A counter without labels; `_total` is added to its name."""
    return CounterMetricFamily(f"assay_{name}", says, value=value)


def counters(name: str, says: str, labels: Sequence[str], samples: Samples) -> CounterMetricFamily:
    """A counter for each combination of labels."""
    family = CounterMetricFamily(f"assay_{name}", says, labels=labels)
    for names, value in samples:
        if value is not None:
            family.add_metric(names, value)
    return family


def one_of(
    name: str, says: str, label: str, states: Sequence[str], current: str
) -> GaugeMetricFamily:
    """1 for the state it is in, 0 for the others."""
    return gauges(name, says, [label], (([each], float(each == current)) for each in states))
