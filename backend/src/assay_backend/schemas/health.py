"""How the service is doing, and which one it is."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from assay_backend.schemas.base import Schema


class MarketHealth(Schema):
    """Provenance of one market; nulls where no bar was ever had."""

    source: str | None
    as_of: AwareDatetime | None
    age_seconds: float | None
    stale: bool


class MarketsHealth(Schema):
    """All markets that forecasts are made from."""

    gold: MarketHealth
    sp500: MarketHealth
    crypto: dict[str, MarketHealth] = Field(
        description="The series that are always kept fresh, as `exchange BASE/QUOTE timeframe`"
    )


class CanaryHealth(Schema):
    """The model on trial."""

    share: float = Field(description="Of the callers")
    model_version: str | None = Field(description="Null where there is none")
    answers: bool = Field(description="Whether that share of callers gets its forecast")


class HealthAnswer(Schema):
    """Unhealthy where there is no champion, or a bug prevents its forecast; degraded while bars, a
    newer bundle, a challenger or signals.jsonl are not right, or nothing can be stored.
    """

    status: Literal["healthy", "degraded", "unhealthy"]
    model_loaded: bool
    scaler_loaded: bool
    feature_cols_loaded: bool
    version: str
    model_version: str | None
    canary: CanaryHealth | None = Field(description="Null where no share of callers is set")
    market_source: Literal["live", "auto", "replay", "simulated"]
    market_data: MarketsHealth
    problems: list[str] = Field(description="One sentence for each thing that is wrong")


class AliveAnswer(Schema):
    """The process answers."""

    status: Literal["alive"]


class ReadyAnswer(Schema):
    """Ready means: a champion is loaded, the database and the ledger can be written, and the
    service is not about to end.
    """

    status: Literal["ready", "not_ready"]
    champion_loaded: bool
    database_writable: bool
    ledger_writable: bool
    problems: list[str] = Field(description="One sentence for each thing that is wrong")


class VersionAnswer(Schema):
    """What is running; null where the build did not say, or there is no champion."""

    version: str
    git_commit: str | None
    build_time: str | None = Field(description="UTC, in ISO 8601")
    model_version: str | None
