"""Figures for monitoring."""

from __future__ import annotations

from pydantic import AwareDatetime, ConfigDict, Field

from assay_backend.schemas.base import Schema


class MetricsAnswer(Schema):
    """Counts since `start_time`, but for requests and signals, which outlive a restart; more, such
    as rows set aside by reason, under their own names.
    """

    model_config = Schema.model_config | ConfigDict(extra="allow")

    start_time: AwareDatetime
    requests_total: int
    signals_total: int
    last_signal_at: AwareDatetime | None
    ledger_rows: int
    ledger_head: str = Field(description="SHA-256 of the newest row, in hex")
    upstream_calls_total: int
    upstream_failures_total: int
    series_stale: int = Field(description="Series of which a bar is overdue")
