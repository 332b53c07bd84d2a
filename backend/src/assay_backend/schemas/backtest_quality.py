"""How good the signals of a coin's past were."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from assay.volatility.assessment import Measure, Regime
from assay_backend.schemas.base import Schema


class ForecastRow(Schema):
    """A forecaster of variance. Ratios below 1 are better than the rival; p-values two-sided."""

    name: str = Field(description="`assay`, `har_ols`, or `yesterday`: the last horizon's variance")
    qlike: float = Field(description="Mean of rv/f - ln(rv/f) - 1")
    qlike_ratio_har: float | None
    qlike_ratio_yesterday: float | None
    mz_slope: float | None = Field(description="Mincer-Zarnowitz, on log variance")
    mz_r2: float | None
    log_r2: float | None
    dm_p_vs_har: float | None = Field(description="Diebold-Mariano, on QLIKE")
    dm_p_vs_yesterday: float | None


class ForecastQuality(Schema):
    """Of the variance forecasts, all on the same origins."""

    origins: int
    measure: Measure
    rows: list[ForecastRow] = Field(
        description="A rival with too little history to be fitted on is left out"
    )


class ReliabilityRow(Schema):
    """The risk scores of one tenth of the scale."""

    lower: float
    upper: float
    n: int
    mean_forecast: float
    observed_frequency: float


class RiskScoreQuality(Schema):
    """Of the risk score; null where undefined."""

    n: int
    base_rate: float | None
    brier: float | None
    brier_skill: float | None = Field(description="Against always saying `base_rate`")
    auc: float | None
    ece: float | None
    slope: float | None = Field(description="Of log-odds that happened on log-odds said")
    intercept: float | None
    reliability: list[ReliabilityRow]


class ValueAtRiskRow(Schema):
    """How often more was lost than the value at risk."""

    confidence: float
    level: float = Field(description="How often it should be")
    n: int
    hits: int
    hit_rate: float | None
    kupiec_p: float | None


class RegimeFigures(Schema):
    """A regime's share of the hours, and what came after it."""

    regime: Regime
    share: Annotated[float, Field(ge=0.0, le=1.0)] | None
    n: int
    next_realized_volatility: float | None = Field(
        description="Annualized, over the horizons after `n` origins"
    )


class RegimesFound(Schema):
    """Regimes over `hours` that have one."""

    hours: int
    switches_a_year: float | None
    rows: list[RegimeFigures]
