"""Versions, their history, and the champion's own words, as the API tells them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.bundle.files import Bundle
from assay.bundle.promotion import Version
from assay.bundle.versions import Change
from assay.features.spec import FEATURE_NAMES
from assay.forecast.distribution import INTERVAL_LEVELS
from assay_backend.services.rendering import model_fields, skill_fields

PIT_BINS = 10

Document = dict[str, Any]


def version_document(found: Version) -> Document:
    """A bundle in brief; whatever its metadata hold, it is JSON."""
    data = found.champion.metadata
    skill, volatility = (_mapping(data.get(name)) for name in ("skill", "volatility"))
    return {
        "version": found.champion.version,
        "digest": found.champion.digest,
        "serves": found.serves,
        "model_type": _text(data.get("type")),
        **{name: _text(data.get(name)) for name in ("created_at", "trained_from", "trained_to")},
        "verdict": _text(skill.get("verdict")),
        **{
            name: _number(skill.get(name))
            for name in ("crps_vs_random_walk", "rmse_vs_random_walk")
        },
        "volatility_version": found.champion.volatility,
        "volatility_trained_to": _text(volatility.get("trained_to")),
    }


def change_document(change: Change) -> Document:
    return {
        "at": change.at,
        "by": change.by,
        "action": change.action,
        "why": change.why,
        "version": change.version,
        "volatility_version": change.volatility,
        "digest": change.digest,
        "replaced": change.replaced_version,
        "replaced_digest": change.replaced,
    }


def champion_document(bundle: Bundle) -> Document:
    """All that the metadata say, and the calibration."""
    data = bundle.metadata
    return {
        **model_fields(data),
        "digest": bundle.digest,
        "created_at": data.created_at,
        "trained_from": data.trained_from,
        "trained_to": data.trained_to,
        "lookback": data.lookback,
        "features": len(FEATURE_NAMES),
        "data_fingerprint": data.data_fingerprint,
        "feature_fingerprint": data.feature_fingerprint,
        "libraries": data.libraries,
        "skill": skill_fields(data),
        "evaluation": {"champion": data.type, **data.evaluation},
        "promotion": data.promotion,
        "calibration": _calibration(bundle),
        "volatility": data.volatility or None,
    }


def _calibration(bundle: Bundle) -> Document:
    pits = bundle.champion.calibration.pits
    bins = np.minimum((pits * PIT_BINS).astype(int), PIT_BINS - 1)
    return {
        "calibrated_to": bundle.champion.calibrated_to.isoformat(),
        "n": len(pits),
        "pit": np.bincount(bins, minlength=PIT_BINS).tolist(),
        "coverage": {
            str(level): float(np.mean(np.abs(pits - 0.5) <= level / 2)) for level in INTERVAL_LEVELS
        }
        if len(pits)
        else {},
    }


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
