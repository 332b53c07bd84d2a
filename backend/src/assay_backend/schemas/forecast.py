"""The forecast of gold's next close."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from assay_backend.callers import Role
from assay_backend.schemas.base import Provenance, Schema, Session

Probability = Field(ge=0.0, le=1.0)


class ForecastRequest(BaseModel):
    """What `POST /predict` takes, if anything."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"predict_tomorrow": True}}
    )

    predict_tomorrow: Literal[True]

    @field_validator("predict_tomorrow", mode="before")
    @classmethod
    def _is_no_number(cls, value: object) -> object:
        if value is not True:  # 1 equals True, and pydantic would take it
            raise ValueError("has to be true")
        return value


class Interval(Schema):
    """A central prediction interval of the close."""

    level: float = Field(description="Nominal", gt=0.0, lt=1.0)
    lower: float
    upper: float


class Benchmark(Schema):
    """The forecast to beat: tomorrow is today."""

    name: Literal["random_walk"]
    prediction: float


class Skill(Schema):
    """How the champion fared out of sample; ratios below 1 are better than the random walk."""

    rmse_vs_random_walk: float | None
    crps_vs_random_walk: float | None
    p_value: float | None = Field(
        description="Two-sided, of equal squared errors of the median and the random walk"
    )
    verdict: Literal["edge", "no_edge"] = Field(description="Whether the median beats it")
    origins: int
    evaluated_from: Session
    evaluated_to: Session
    crps_p_value: float | None = Field(
        description="Two-sided, of equal CRPS of the whole distribution and the random walk's"
    )
    coverage: dict[str, float] | None = Field(description="Observed coverage by nominal level")


class FeatureEffect(Schema):
    """One input, and what it does to the logarithm of the forecast's spread."""

    feature: str
    value: float
    effect: float


class ForecastAnswer(Provenance):
    """The distribution of the next session's close, in `currency` per troy ounce."""

    prediction: float = Field(description="The median")
    predicted_date: Session
    today_date: Session = Field(description="The last closed session")
    model_name: str
    model_type: str = Field(description="`MLP`, `CNN`, `LSTM`, or a benchmark's name")
    model_version: str
    served_as: Role = Field(
        description="`challenger` where it comes from a model on trial, which part of the callers "
        "get in the champion's place"
    )
    symbol: str
    currency: str
    last_close: float
    expected_return: float = Field(
        description="Mean log return of the calibrated predictive distribution"
    )
    probability_up: float = Probability
    intervals: list[Interval]
    quantiles: dict[str, float] = Field(description="Of the close, by level")
    benchmark: Benchmark
    skill: Skill
    explanation: list[FeatureEffect] = Field(description="Largest effect first")
    origin: AwareDatetime = Field(description="When `today_date` closed: nothing later was used")
    next_origin: AwareDatetime = Field(description="When `predicted_date` closes")
