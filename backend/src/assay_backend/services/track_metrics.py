"""How forecasts have fared so far, in both forms of `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from assay_backend.services.figures import TrackFigures

_KINDS = ("gold_forecast", "gold_challenger", "signal")


def track_document(figures: TrackFigures) -> dict[str, Any]:
    """The JSON form. Null where nothing was scored yet."""
    gold, signals = figures.gold, figures.signals
    return {
        **{f"{kind}s_scored_total": figures.known.get(kind, 0) for kind in _KINDS},
        **{f"{kind}s_pending": figures.waiting.get(kind, 0) for kind in _KINDS},
        "gold_crps_skill": gold["skill"]["crps_skill"],
        "gold_rmse_ratio_rw": gold["skill"]["rmse_ratio_rw"],
        "gold_coverage": _rates(gold["coverage"]),
        "gold_challenger_crps_skill": figures.challenger["skill"]["crps_skill"],
        "gold_challenger_coverage": _rates(figures.challenger["coverage"]),
        "signal_brier_skill": signals["brier_skill"],
        "signal_coverage": _rates(signals["coverage"]),
        "signal_var_hit_rate": _rates(signals["value_at_risk"]),
    }


def track_metrics(figures: TrackFigures) -> Iterator[Metric]:
    """What Prometheus scrapes; what is undefined is left out."""
    known = CounterMetricFamily("assay_outcomes", "Rows with an outcome", labels=["kind"])
    waiting = GaugeMetricFamily("assay_outcomes_pending", "Rows that wait for it", labels=["kind"])
    for kind in _KINDS:
        known.add_metric([kind], figures.known.get(kind, 0))
        waiting.add_metric([kind], figures.waiting.get(kind, 0))
    yield from (known, waiting)
    for name, says, value in (
        ("gold_crps_skill", "1 - CRPS / the random walk's", figures.gold["skill"]["crps_skill"]),
        ("gold_rmse_ratio_rw", "RMSE / the random walk's", figures.gold["skill"]["rmse_ratio_rw"]),
        (
            "gold_challenger_crps_skill",
            "The same of models on trial",
            figures.challenger["skill"]["crps_skill"],
        ),
        ("signal_brier_skill", "Against the share of events", figures.signals["brier_skill"]),
    ):
        if value is not None:
            yield GaugeMetricFamily(f"assay_{name}", says, value=value)
    for name, says, rates in (
        ("gold_coverage", "Of intervals, by level", figures.gold["coverage"]),
        ("gold_challenger_coverage", "Of intervals, by level", figures.challenger["coverage"]),
        ("signal_coverage", "Of intervals, by level", figures.signals["coverage"]),
        ("signal_var_hit_rate", "Losses beyond it", figures.signals["value_at_risk"]),
    ):
        family = GaugeMetricFamily(f"assay_{name}", says, labels=["level"])
        for level, rate in _rates(rates).items():
            if rate is not None:
                family.add_metric([level], rate)
        yield family


def _rates(rates: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    return {level: each["rate"] for level, each in rates.items()}
