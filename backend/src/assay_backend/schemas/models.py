"""The champion, former ones, and who replaced which."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from assay_backend.schemas.base import Schema, Session
from assay_backend.schemas.forecast import Skill
from assay_backend.schemas.gold import LeaderboardRow
from assay_backend.schemas.track_record import ChallengerRecord


class ModelVersion(Schema):
    """A bundle at hand, in brief; what its metadata do not say is null."""

    version: str = Field(description="Gold's model")
    digest: str = Field(description="SHA-256 of its manifest, in hex: no two bundles share one")
    serves: bool = Field(description="Whether it is the champion in the folder")
    model_type: str | None
    created_at: str | None
    trained_from: str | None
    trained_to: str | None
    verdict: str | None = Field(description="`edge` or `no_edge`, against the random walk")
    crps_vs_random_walk: float | None
    rmse_vs_random_walk: float | None
    volatility_version: str | None
    volatility_trained_to: str | None


class ModelChange(Schema):
    """One change of champion."""

    at: str = Field(description="UTC, in ISO 8601; empty where it was not recorded")
    by: str
    action: Literal["publish", "promote", "rollback"]
    why: str
    version: str
    volatility_version: str | None
    digest: str
    replaced: str | None = Field(description="The version that went; null for the first champion")
    replaced_digest: str | None


class CanaryState(Schema):
    """A trial: part of the callers get the challenger's forecast of gold."""

    share: float = Field(description="Of the callers", ge=0.0, le=1.0)
    challenger: ModelVersion | None = Field(
        description="Null where none is in its folder, it was refused, or it has the champion's "
        "model for gold"
    )
    answers: bool = Field(description="Whether those callers get it; else the champion answers all")
    track_record: ChallengerRecord | None = Field(description="Null until a session was scored")
    problems: list[str] = Field(description="Why the challenger in the folder answers nobody")


class ModelsAnswer(Schema):
    """Versions, the champion's first, and the history of promotions, oldest first."""

    champion: str | None = Field(description="The version that is served")
    rollback_to: str | None = Field(description="The version that a rollback would bring back")
    versions: list[ModelVersion]
    history: list[ModelChange]
    canary: CanaryState | None = Field(description="Null where no share of callers is set")
    problems: list[str] = Field(description="Why the bundle in the folder is not the one served")


class ModelEvaluation(Schema):
    """The leaderboard on one set of origins; dates bound the targets."""

    model_config = Schema.model_config | ConfigDict(extra="allow")

    n: int
    start: Session
    end: Session
    champion: str
    rows: list[LeaderboardRow]


class ModelCalibration(Schema):
    """The newest outcomes that ranges are calibrated by, and how the bare model did on them."""

    calibrated_to: Session
    n: int
    pit: list[int] = Field(
        description="Outcomes in each tenth of the bare model's distribution, lowest first"
    )
    coverage: dict[str, float] = Field(
        description="Of the bare model's central intervals, by level"
    )


class ChampionAnswer(Schema):
    """All that the champion says of itself."""

    model_name: str
    model_type: str
    model_version: str
    digest: str
    created_at: AwareDatetime
    trained_from: Session
    trained_to: Session
    lookback: int = Field(description="Sessions in a feature window")
    features: int
    data_fingerprint: str
    feature_fingerprint: str
    libraries: dict[str, str]
    skill: Skill
    evaluation: ModelEvaluation
    promotion: dict[str, Any] = Field(description="The gate's decision with its reasons")
    calibration: ModelCalibration
    volatility: dict[str, Any] | None = Field(
        description="What the volatility model was fitted on, and how it did; null without one"
    )


class RollbackRequest(Schema):
    """To which version, by whom, and why."""

    version: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Or the beginning of a digest; the one that served before where none is named",
    )
    by: str = Field(default="an administrator, over HTTP", min_length=1, max_length=100)
    why: str = Field(default="no reason was given", min_length=1, max_length=500)
