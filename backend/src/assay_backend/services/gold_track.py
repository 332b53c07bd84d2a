"""Gold's track record: what was forecast, and how that has fared beside doing nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from assay.evaluation.significance import diebold_mariano
from assay.evaluation.track_record import HitRate, mean, root_mean_square, skill
from assay.forecast.distribution import INTERVAL_LEVELS
from assay_backend.callers import Role
from assay_backend.services.tracked import Pair, Tracked, rate_document, tallies, tracked

_SAID = (
    "today_date",
    "predicted_date",
    "symbol",
    "currency",
    "model_name",
    "model_type",
    "model_version",
    "last_close",
    "prediction",
    "expected_return",
    "probability_up",
    "intervals",
)
PIT_BINS = 10
LEAST_TESTED = 10  # of fewer days no test says anything

Document = dict[str, Any]


def gold_track_document(pairs: Sequence[Pair], *, role: Role, n: int) -> Document:
    """The answer of `GET /v1/gold/track-record` for the newest rows, oldest first."""
    items = gold_tracked(pairs) if role == "champion" else challengers_tracked(pairs)
    return {
        "role": role,
        "n": sum(item.counted for item in items),
        "asked": n,
        "rows": len(items),
        "summary": gold_summary(items),
        "items": [item.document(_SAID) for item in items],
    }


def gold_tracked(pairs: Sequence[Pair]) -> list[Tracked]:
    """Gold forecasts, of which one counts for each target session."""
    return tracked(pairs, target=lambda _, said: said["predicted_date"])


def challengers_tracked(pairs: Sequence[Pair]) -> list[Tracked]:
    """Forecasts on trial, of which one counts for each target session and each model."""
    return tracked(pairs, target=lambda _, said: (said["predicted_date"], said["model_version"]))


def challenger_records(
    trials: Sequence[Tracked], *, beside: Sequence[Tracked]
) -> dict[str, Document]:
    """How each model on trial has fared, by version, and beside the champion on the same sessions
    by bars of the same source.
    """
    by_version: dict[str, list[Tracked]] = defaultdict(list)
    for item in trials:
        by_version[item.said["model_version"]].append(item)
    champion = {_session(item): item.scores["crps"] for item in beside if item.counted}
    records = {}
    for version, items in by_version.items():
        both = {_session(item): item.scores["crps"] for item in items if item.counted}
        shared = sorted(both.keys() & champion.keys())
        own, rival = [both[name] for name in shared], [champion[name] for name in shared]
        beside_champion = {
            "n": len(shared),
            "crps_skill": skill(own, rival),
            "crps_p_value": _p_value(own, rival),
        }
        records[version] = gold_summary(items) | {"beside_champion": beside_champion}
    return records


def _session(item: Tracked) -> tuple[str, str]:
    return item.row.entry.source, item.said["predicted_date"]


def gold_summary(items: Sequence[Tracked]) -> Document:
    """Scores over the rows that count, one for each target session."""
    counted = [item for item in items if item.counted]
    scores = [item.scores for item in counted]
    targets = [item.said["predicted_date"] for item in counted]
    return {
        "n": len(counted),
        "first_target": min(targets, default=None),
        "last_target": max(targets, default=None),
        **tallies(items),
        "hits": rate_document(HitRate.of([each["direction_hit"] for each in scores])),
        "coverage": {
            str(level): rate_document(HitRate.of([each["inside"][str(level)] for each in scores]))
            for level in INTERVAL_LEVELS
        },
        "skill": _skill(scores),
        "pit": _histogram([each["pit"] for each in scores]),
    }


def _skill(scores: Sequence[Document]) -> Document:
    """Beside the random walk, on the days that have both."""
    both = [each for each in scores if each["random_walk_crps"] is not None]
    crps, rival = ([each[name] for each in both] for name in ("crps", "random_walk_crps"))
    rmse = root_mean_square([each["error"] for each in scores])
    rival_rmse = root_mean_square([each["random_walk_error"] for each in scores])
    return {
        "crps_skill": skill(crps, rival),
        "crps_p_value": _p_value(crps, rival),
        "crps": mean(crps),
        "random_walk_crps": mean(rival),
        "pinball_skill": skill(
            [each["pinball"] for each in both], [each["random_walk_pinball"] for each in both]
        ),
        "rmse": rmse,
        "random_walk_rmse": rival_rmse,
        "rmse_ratio_rw": rmse / rival_rmse if rmse is not None and rival_rmse else None,
    }


def _p_value(losses: Sequence[float], rival: Sequence[float]) -> float | None:
    """Two-sided, that both lose the same in the long run."""
    if len(losses) < LEAST_TESTED:
        return None
    found = diebold_mariano(np.array(losses), np.array(rival))
    return None if found is None else found[1]


def _histogram(pits: Sequence[float]) -> list[int]:
    """How many outcomes fell into each tenth of their forecast's distribution."""
    counts = [0] * PIT_BINS
    for pit in pits:
        counts[min(int(pit * PIT_BINS), PIT_BINS - 1)] += 1
    return counts
