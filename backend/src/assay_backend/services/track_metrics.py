"""How forecasts have fared so far, in both forms of `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.metrics_core import Metric

from assay_backend.services.families import counters, gauge, gauges
from assay_backend.services.figures import TrackFigures

_KINDS = ("gold_forecast", "gold_challenger", "signal")

Rates = Mapping[str, Mapping[str, Any]]


def track_document(figures: TrackFigures) -> dict[str, Any]:
    """The JSON form. Null where nothing was scored yet."""
    signals = figures.signals
    return {
        **{f"{kind}s_scored_total": figures.known.get(kind, 0) for kind in _KINDS},
        **{f"{kind}s_pending": figures.waiting.get(kind, 0) for kind in _KINDS},
        **_skills(figures),
        **{f"{kind}s_counted": summary["n"] for kind, summary in _summaries(figures)},
        "gold_coverage": _rates(figures.gold["coverage"]),
        "gold_challenger_coverage": _rates(figures.challenger["coverage"]),
        "signal_coverage": _rates(signals["coverage"]),
        "signal_var_hit_rate": _rates(signals["value_at_risk"]),
    }


def track_metrics(figures: TrackFigures) -> Iterator[Metric]:
    """What Prometheus scrapes; what is undefined is left out."""
    signals = figures.signals
    yield counters(
        "outcomes",
        "Rows with an outcome",
        ["kind"],
        (([kind], figures.known.get(kind, 0)) for kind in _KINDS),
    )
    yield gauges(
        "outcomes_pending",
        "Rows that wait for it",
        ["kind"],
        (([kind], figures.waiting.get(kind, 0)) for kind in _KINDS),
    )
    yield gauges(
        "outcomes_counted",
        "Outcomes that skill and coverage speak of: the newest, one for each target",
        ["kind"],
        (([kind], summary["n"]) for kind, summary in _summaries(figures)),
    )
    for name, value in _skills(figures).items():
        if value is not None:
            yield gauge(name, _SAYS[name], value)
    held = "intervals that held the outcome"
    yield from _of_rates("gold_coverage", held, figures.gold["coverage"])
    yield from _of_rates("gold_challenger_coverage", held, figures.challenger["coverage"])
    yield from _of_rates("signal_coverage", held, signals["coverage"])
    yield from _of_rates("signal_var_hit_rate", "losses beyond it", signals["value_at_risk"])


_SAYS = {
    "gold_crps_skill": "1 - CRPS / the random walk's",
    "gold_rmse_ratio_rw": "RMSE / the random walk's",
    "gold_challenger_crps_skill": "The same of models on trial",
    "signal_brier_skill": "1 - Brier score / that of the share of events",
    "signal_qlike_skill": "1 - QLIKE / that of HAR, of forecast variance",
    "signal_calibration_error": "Mean distance of risk score and share of events, in its tenth",
}


def _summaries(figures: TrackFigures) -> list[tuple[str, dict[str, Any]]]:
    return list(zip(_KINDS, (figures.gold, figures.challenger, figures.signals), strict=True))


def _skills(figures: TrackFigures) -> dict[str, float | None]:
    gold, signals = figures.gold["skill"], figures.signals
    return {
        "gold_crps_skill": gold["crps_skill"],
        "gold_rmse_ratio_rw": gold["rmse_ratio_rw"],
        "gold_challenger_crps_skill": figures.challenger["skill"]["crps_skill"],
        "signal_brier_skill": signals["brier_skill"],
        "signal_qlike_skill": signals["qlike_skill"],
        "signal_calibration_error": signals["calibration_error"],
    }


def _of_rates(name: str, says: str, rates: Rates) -> Iterator[Metric]:
    """The rate at each level, and of how many outcomes that is."""
    yield gauges(
        name, f"Share of {says}, by level", ["level"],
        (([level], rate) for level, rate in _rates(rates).items()),
    )  # fmt: skip
    yield gauges(
        f"{name}_outcomes", "Outcomes that this is a share of", ["level"],
        (([level], each["n"]) for level, each in rates.items()),
    )  # fmt: skip


def _rates(rates: Rates) -> dict[str, float | None]:
    return {level: each["rate"] for level, each in rates.items()}
