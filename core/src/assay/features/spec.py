"""What the features are: names, order, kinds, and the fingerprint that ties a bundle to them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

FEATURE_VERSION = 1

SCALE_DECAY = 0.94
LEVEL_DECAY = 0.99
RANGE_SCALE_DECAY = 0.997
GOLD_DECAYS = (0.8, 0.9, 0.97, 0.99, 0.997)
RANGE_DECAYS = (0.6, 0.9, 0.97)
MOMENTUM_SESSIONS = (5, 20, 60)
ABS_RETURN_LAGS = (0, 1, 2, 3, 4)
SIGNED_RETURN_LAGS = (0, 1)
ABS_RETURN_CAP = 4.0
MEAN_SESSIONS = 5
RANGES_FROM = "2010-01-01"
WEEKDAYS = ("tuesday", "wednesday", "thursday", "friday")
CONTINUOUS_CLIP = 4.0

Kind = Literal["continuous", "event"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: `continuous` ones are standardised and clipped, `event` ones only standardised.

    Every feature is known at the origin; an `event` speaks of the session that follows it.
    """

    name: str
    kind: Kind


def _continuous(*names: str) -> tuple[Feature, ...]:
    return tuple(Feature(name, "continuous") for name in names)


FEATURES: tuple[Feature, ...] = (
    *_continuous(*(f"gold_ewma_{decay}" for decay in GOLD_DECAYS)),
    *_continuous(*(f"gold_abs_return_{k}" for k in ABS_RETURN_LAGS)),
    *_continuous(*(f"gold_return_{k}" for k in SIGNED_RETURN_LAGS)),
    *_continuous(*(f"gold_momentum_{k}" for k in MOMENTUM_SESSIONS)),
    *_continuous("gold_ma5_gap", "gold_volatility_5"),
    *_continuous(*(f"gold_range_gk_{decay}" for decay in RANGE_DECAYS)),
    *_continuous(*(f"gold_range_tr_{decay}" for decay in RANGE_DECAYS)),
    *_continuous("gold_overnight_gap"),
    *_continuous("sp500_ewma_0.8", "sp500_ewma_0.94", "sp500_level"),
    *_continuous("sp500_abs_return_0", "sp500_return_0", "sp500_return_1"),
    *_continuous("sp500_ma5_gap", "sp500_range_gk", "sp500_age"),
    *(Feature(f"next_{weekday}", "event") for weekday in WEEKDAYS),
    *(
        Feature(f"next_{name}", "event")
        for name in ("holiday_gap", "year_end", "payrolls", "after_fomc", "fomc")
    ),
)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)


def feature_fingerprint() -> str:
    """SHA-256 of everything that gives the columns their meaning."""
    meaning = {
        "version": FEATURE_VERSION,
        "features": [asdict(feature) for feature in FEATURES],
        "decays": [SCALE_DECAY, LEVEL_DECAY, RANGE_SCALE_DECAY],
        "mean_sessions": MEAN_SESSIONS,
        "cap": ABS_RETURN_CAP,
        "clip": CONTINUOUS_CLIP,
        "ranges_from": RANGES_FROM,
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()
