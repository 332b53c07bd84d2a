"""Exchanges' bars."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from assay_backend.schemas.base import Provenance, Schema


class TimedBar(Schema):
    """One closed bar; prices in the quote currency, volume in the base currency."""

    ts: int = Field(description="When it opened, in milliseconds since 1970 UTC")
    time: AwareDatetime = Field(description="The same in ISO 8601")
    open: float
    high: float
    low: float
    close: float
    volume: float


class GapInBars(Schema):
    """Bars that the exchange did not give."""

    start: AwareDatetime = Field(description="When the first missing bar would have opened")
    end: AwareDatetime = Field(description="When the last missing bar would have closed")
    bars: int


class OhlcvAnswer(Provenance):
    """Closed bars, oldest first."""

    symbol: str = Field(description="The normal form, BASE/QUOTE")
    exchange: str = Field(description="The one asked for; `source` is the one that answered")
    timeframe: str
    limit: int = Field(description="How many were asked for")
    rows: int = Field(description="How many there are")
    data: list[TimedBar]
    gaps: list[GapInBars] = Field(description="What is missing within `data`")
    endpoint: str | None = Field(
        description="Where the newest bars came from; null if from the store, or local"
    )
