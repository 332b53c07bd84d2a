"""Gold's past: its bars, and how forecasters have fared on them."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, ConfigDict, Field

from assay_backend.schemas.base import Provenance, Schema, Session
from assay_backend.schemas.forecast import Skill

Scores = dict[str, float]


class DailyBar(Schema):
    """One closed session; prices in `currency` per troy ounce."""

    session: Session
    open: float
    high: float
    low: float
    close: float
    volume: float


class HistoryAnswer(Provenance):
    """Closed bars, oldest first."""

    symbol: str
    currency: str
    sessions: int = Field(description="How many were asked for")
    rows: int = Field(description="How many there are")
    data: list[DailyBar]
    gaps: list[Session] = Field(description="Sessions within `data` that have no bar")


class LeaderboardRow(Schema):
    """One forecaster. `mape` in percent, rmse and mae in price, the rest on log returns."""

    model_config = Schema.model_config | ConfigDict(extra="allow")

    name: str
    mape: float
    rmse: float
    mae: float
    rmse_ratio_rw: float
    r2_oos: float
    direction_accuracy: float | None
    crps: float
    pinball: float
    coverage: Scores
    winkler: Scores
    dm_p_vs_random_walk: float | None = Field(
        description="Two-sided Diebold-Mariano p of equal CRPS of the whole distributions"
    )
    dm_p_vs_garch_t: float | None = Field(description="The same against `garch_t`")


class EvaluationAnswer(Schema):
    """Champion, challengers and every benchmark on the same origins; dates bound the targets."""

    n: int
    start: Session
    end: Session
    rows: list[LeaderboardRow]
    champion: str = Field(description="The name of its row")
    model_name: str
    model_type: str
    model_version: str
    created_at: AwareDatetime
    trained_from: Session
    trained_to: Session
    skill: Skill
    promotion: dict[str, Any] = Field(description="The gate's decision with its reasons")
