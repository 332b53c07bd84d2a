"""A coin's past hours as the model saw them: what is asked, and what is answered."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from assay.volatility.assessment import Measure, Regime
from assay.volatility.model import LONGEST_HOURS
from assay_backend.schemas.base import CoinsVersion, Provenance, Schema

HOUR_MIN = 60
MOST_ROWS = 8760
USUAL_ROWS = 720
USUAL_HORIZON_MIN = 1440


class RegimesRequest(BaseModel):
    """Which coin, over which horizon, and how many of its newest hours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: str = "BTCUSDT"
    exchange: str = "binance"
    horizon_min: int = Field(default=USUAL_HORIZON_MIN, ge=HOUR_MIN, le=LONGEST_HOURS * HOUR_MIN)
    hours: int = Field(default=USUAL_ROWS, ge=1, le=MOST_ROWS)

    @field_validator("horizon_min")
    @classmethod
    def _is_whole_hours(cls, horizon_min: int) -> int:
        if horizon_min % HOUR_MIN:
            raise ValueError(f"{horizon_min} minutes are no whole number of hours")
        return horizon_min


class PastHour(Schema):
    """What could be said at the close of one hourly bar, and what came of it; null if unknown."""

    time: AwareDatetime = Field(description="The bar's close: nothing later was used")
    close: float
    vol_regime: Regime | None = Field(description="null with under 30 days of forecasts before")
    risk_score: float | None = Field(description="null with under 60 days of outcomes before")
    volatility: float | None = Field(description="The forecast over the horizon")
    realized_volatility: float | None = Field(
        description="What it came to; null until the horizon has passed"
    )


class RegimesAnswer(Provenance):
    """Regime, risk and volatility along a coin's newest hours, oldest first."""

    symbol: str = Field(description="The normal form, BASE/QUOTE")
    exchange: str = Field(description="The one asked for; `source` is the one that answered")
    horizon_min: int
    hours: int = Field(description="How many were asked for")
    rows: int = Field(description="How many there are")
    measure: Measure = Field(description="What `realized_volatility` is made of")
    model_version: str = Field(
        description="The champion of today, applied to the past: a replay, not a record"
    )
    volatility_version: CoinsVersion
    data: list[PastHour]
