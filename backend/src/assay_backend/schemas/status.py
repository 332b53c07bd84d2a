"""How the market data is doing, for operators."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from assay_backend.schemas.base import Schema
from assay_backend.schemas.health import VersionAnswer


class BreakerState(Schema):
    """One place that is asked for bars."""

    feed: Literal["gold", "crypto"] = Field(description="For whom; one place may serve both")
    endpoint: str
    state: Literal["closed", "open", "half_open", "blocked"] = Field(
        description="`open`: not asked for a while; `blocked`: it refuses this region"
    )
    failures: int = Field(description="In a row")
    shut_until: AwareDatetime | None
    last_error: str | None
    calls: int = Field(description="Since the start")
    failed: int = Field(description="Of these")
    faults: dict[str, int] = Field(description="The failed ones by kind")


class SeriesFreshness(Schema):
    """One series as readers get it now; `exchange` is null for gold and the S&P 500."""

    exchange: str | None
    symbol: str
    timeframe: str
    source: str | None = Field(description="Who answered; null where there are no bars")
    as_of: AwareDatetime | None
    age_seconds: float | None
    stale: bool
    rows: int
    next_refresh: AwareDatetime
    last_error: str | None
    watched: bool = Field(description="Whether it is kept fresh")
    pinned: bool = Field(description="Whether it is so whoever asks")


class SeriesGap(Schema):
    """Bars that the source did not give: times of intraday bars, sessions of daily ones."""

    exchange: str | None
    symbol: str
    timeframe: str
    start: str
    end: str
    bars: int


class Quarantine(Schema):
    """Rows that were no bars: those in the database, and of replayed files those read so far."""

    rows: int
    by_reason: dict[str, int]


class LedgerHead(Schema):
    """How long the ledger is."""

    rows: int
    head: str = Field(description="SHA-256 of the newest row, in hex; of no row 64 zeros")


class StatusAnswer(Schema):
    """Where bars come from and how that goes."""

    status: Literal["healthy", "degraded", "unhealthy"]
    market_source: Literal["live", "auto", "replay", "simulated"]
    sources: list[str] = Field(description="Whose bars are shown, and who is asked for bars")
    breakers: list[BreakerState]
    freshness: list[SeriesFreshness]
    gaps: list[SeriesGap] = Field(description="The newest of each series first, 100 at most")
    gaps_total: int
    quarantine: Quarantine | None = Field(description="Null where there is no database")
    counts: dict[str, int] = Field(description="Rows since the start: stored, corrected, set aside")
    store_fault: str | None
    ledger: LedgerHead | None = Field(description="Null where there is no database")
    versions: VersionAnswer
