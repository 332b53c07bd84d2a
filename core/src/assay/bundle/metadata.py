"""What a bundle says of itself: where it comes from, and how good it was."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """The contents of model_metadata.json.

    `type` is MLP, CNN, LSTM, or a benchmark's name. `evaluation` holds `n`, `start`, `end` and
    `rows`, the leaderboard on one set of origins; `skill` the champion's figures beside the random
    walk; `promotion` the decision with its reasons. `smoke_parameters` is what the model answers to
    a window of zeros: log scale and degrees of freedom. `volatility` says what volatility.json was
    fitted on and how well it did, and is empty where there is none.
    """

    name: str
    type: str
    version: str
    created_at: str
    trained_from: str
    trained_to: str
    data_fingerprint: str
    feature_fingerprint: str
    lookback: int
    smoke_parameters: tuple[float, float]
    libraries: dict[str, str]
    evaluation: dict[str, Any]
    skill: dict[str, Any]
    promotion: dict[str, Any]
    volatility: dict[str, Any] = field(default_factory=dict)

    @property
    def volatility_version(self) -> str | None:
        """Of the volatility model, which has one of its own; None where there is none told."""
        return version_of_volatility(self.volatility)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModelMetadata:
        """Raises ValueError where a field is missing; unknown fields are left alone."""
        names = [entry.name for entry in fields(cls)]
        optional = {e.name for e in fields(cls) if e.default_factory is not MISSING}
        missing = [name for name in names if name not in data and name not in optional]
        if missing:
            raise ValueError(f"lacks {', '.join(missing)}")
        known = {name: data[name] for name in names if name in data}
        known["smoke_parameters"] = tuple(float(value) for value in data["smoke_parameters"])
        return cls(**known)


def version_of_volatility(section: object) -> str | None:
    """The version that a metadata's `volatility` tells, whatever that is."""
    found = section.get("version") if isinstance(section, dict) else None
    return None if found is None else str(found)
