"""The standardizer: fitted on training rows only, kept as JSON."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.features.spec import CONTINUOUS_CLIP, FEATURES
from assay.features.transforms import Floats

_EVENTS = np.array([feature.kind == "event" for feature in FEATURES])


@dataclass(frozen=True, slots=True, eq=False)
class Standardizer:
    """(x - mean) / scale a column; continuous columns are then clipped at +-4, events are not."""

    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, values: Floats) -> Standardizer:
        """Moments of `values`, shape (n, k); a constant column keeps scale 1."""
        scale = values.std(axis=0)
        return cls(values.mean(axis=0), np.where(scale > 0.0, scale, 1.0))

    def transform(self, values: Floats) -> Floats:
        """Standardised `values`, shape (n, k); NaN stays NaN."""
        scaled = (values - self.mean) / self.scale
        clipped = np.clip(scaled, -CONTINUOUS_CLIP, CONTINUOUS_CLIP)
        return np.where(_EVENTS, scaled, clipped)

    def to_json(self) -> dict[str, list[float]]:
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, list[float]]) -> Standardizer:
        """Raises ValueError unless mean and scale are finite, of one length, and scale positive."""
        mean, scale = np.array(data["mean"], float), np.array(data["scale"], float)
        if mean.shape != (len(FEATURES),) or scale.shape != mean.shape:
            raise ValueError(f"scaler holds {mean.shape} means, {len(FEATURES)} are needed")
        if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all()):
            raise ValueError("scaler holds a value that is not finite, or a scale not above zero")
        return cls(mean, scale)
