"""Figures for monitoring."""

from __future__ import annotations

from pydantic import AwareDatetime, ConfigDict, Field

from assay_backend.schemas.base import Schema


class MetricsAnswer(Schema):
    """Counts since `start_time`, but for requests and signals, which outlive a restart; more, such
    as rows set aside by reason, under their own names. What the database holds of these is in them
    once it could be read.
    """

    model_config = Schema.model_config | ConfigDict(extra="allow")

    start_time: AwareDatetime
    requests_total: int
    signals_total: int
    last_signal_at: AwareDatetime | None
    ledger_rows: int | None = Field(description="Null where the ledger was never read")
    ledger_head: str | None = Field(description="SHA-256 of the newest row, in hex")
    upstream_calls_total: int
    upstream_failures_total: int
    series_stale: int = Field(description="Series of which a bar is overdue")
    gold_forecasts_scored_total: int = Field(description="Rows with an outcome")
    gold_forecasts_pending: int = Field(description="Rows that wait for it")
    gold_challengers_scored_total: int = Field(description="Forecasts of models on trial")
    gold_challengers_pending: int
    gold_forecasts_counted: int = Field(
        description="Outcomes that skill and coverage speak of, one for each target"
    )
    gold_challengers_counted: int
    signals_scored_total: int
    signals_pending: int
    signals_counted: int
    gold_crps_skill: float | None = Field(
        description="1 - CRPS / the random walk's, over the newest 250 scored forecasts"
    )
    gold_rmse_ratio_rw: float | None
    gold_coverage: dict[str, float | None] = Field(description="Of intervals, by nominal level")
    gold_challenger_crps_skill: float | None = Field(description="The same of models on trial")
    gold_challenger_coverage: dict[str, float | None]
    signal_brier_skill: float | None = Field(description="Over the newest 1,000 scored signals")
    signal_qlike_skill: float | None = Field(
        description="1 - QLIKE / HAR's, of forecast variance on the same windows"
    )
    signal_calibration_error: float | None = Field(
        description="Mean distance of risk score and share of events, in its tenth"
    )
    signal_coverage: dict[str, float | None]
    signal_var_hit_rate: dict[str, float | None] = Field(
        description="Losses beyond the value at risk, by confidence"
    )
