"""Signals' track record: what was said of coins, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from assay.evaluation.probability_scores import brier, brier_skill, ece, reliability_table
from assay.evaluation.track_record import HitRate, mean, skill
from assay.evaluation.volatility_scores import qlike
from assay.store.ledger_records import Entry
from assay.volatility.assessment import CONFIDENCES
from assay_backend.services.tracked import Pair, Tracked, rate_document, tallies, tracked

INTERVAL_LEVEL = 0.8  # of a signal's `lower` to `upper`

_SAID = (
    "signal_id",
    "symbol",
    "exchange",
    "timeframe",
    "horizon_min",
    "target_time",
    "risk_score",
    "vol_regime",
    "volatility",
    "value_at_risk",
    "tail_loss_probability",
    "fallbacks",
    "model_version",
    "volatility_version",
)

Document = dict[str, Any]


def signal_track_document(
    items: Sequence[Tracked], *, symbol: str, exchange: str, n: int
) -> Document:
    """The answer of `GET /v1/crypto/track-record` for the newest rows, oldest first."""
    by_horizon: dict[int, list[Tracked]] = defaultdict(list)
    for item in items:
        by_horizon[item.said["horizon_min"]].append(item)
    return {
        "symbol": symbol,
        "exchange": exchange,
        "n": sum(item.counted for item in items),
        "asked": n,
        "rows": len(items),
        "summary": signal_summary(items),
        "by_horizon": [
            {"horizon_min": horizon, **signal_summary(some)}
            for horizon, some in sorted(by_horizon.items())
        ],
        "items": [item.document(_SAID) for item in items],
    }


def signals_tracked(pairs: Sequence[Pair]) -> list[Tracked]:
    """Signals, of which one counts for each market, origin and target."""
    return tracked(pairs, target=_window)


def signal_summary(items: Sequence[Tracked]) -> Document:
    """Scores over the rows that count, one for each window."""
    counted = [item for item in items if item.counted]
    scores = [item.scores for item in counted]
    score = np.array([item.said["risk_score"] for item in counted], dtype=np.float64)
    event = np.array([each["above_threshold"] for each in scores], dtype=np.bool_)
    return {
        "n": len(counted),
        **tallies(items),
        "realized_volatility": mean([each["realized_volatility"] for each in scores]),
        "forecast_volatility": mean([item.said["volatility"]["horizon"] for item in counted]),
        "risk_score": mean(score.tolist()),
        "hits": rate_document(HitRate.of([each["above_threshold"] for each in scores])),
        "brier": brier(score, event) if counted else None,
        "brier_skill": brier_skill(score, event),
        "calibration_error": ece(score, event),
        "qlike_skill": _qlike_skill(counted),
        "reliability": [
            {"n": each.origins, "said": each.said, "happened": each.happened}
            for each in reliability_table(score, event)
        ],
        "coverage": {
            str(INTERVAL_LEVEL): rate_document(HitRate.of([each["inside"] for each in scores]))
        },
        "value_at_risk": {
            str(level): rate_document(HitRate.of([each["var_hit"][str(level)] for each in scores]))
            for level in CONFIDENCES
        },
        "tail_loss": {
            "said": mean([item.said["tail_loss_probability"] for item in counted]),
            **rate_document(HitRate.of([each["tail_loss"] for each in scores])),
        },
    }


def _qlike_skill(items: Sequence[Tracked]) -> float | None:
    """Of forecast variance, beside HAR on the same windows: of rows that tell HAR's forecast, but
    for windows or forecasts without any movement, which have no QLIKE.
    """
    rows = [
        (*(said[name] for name in ("horizon", "benchmark")), item.scores["realized_volatility"])
        for item in items
        if "benchmark" in (said := item.said["volatility"])
    ]
    moved = np.array([row for row in rows if min(row) > 0.0]).reshape(-1, 3) ** 2
    own, rival, realized = moved.T
    return skill(qlike(own, realized).tolist(), qlike(rival, realized).tolist())


def _window(entry: Entry, said: Document) -> Hashable:
    exchange = entry.subject.partition(" ")[0]  # the one that answered
    return exchange, said["symbol"], entry.origin, entry.due
