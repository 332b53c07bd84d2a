"""What was forecast, what came of it, and how that adds up."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from assay.volatility.assessment import Fallback, Measure, Regime
from assay_backend.callers import Role
from assay_backend.schemas.base import BundleVersion, CoinsVersion, Schema, Session
from assay_backend.schemas.forecast import Interval

RowStatus = Literal["pending", "scored", "unscorable", "simulated", "late"]


class Rate(Schema):
    """How often something happened; `rate` is null where `n` is 0."""

    n: int
    hits: int
    rate: float | None


class TrackedRow(Schema):
    """A row of the ledger."""

    sequence: int = Field(description="Its place in the ledger")
    recorded_at: AwareDatetime
    origin: AwareDatetime = Field(description="Nothing later was used")
    due: AwareDatetime = Field(description="When the outcome can be known")
    source: str = Field(description="Whose bars it was made of, and is scored by")
    status: RowStatus = Field(
        description="`unscorable`: its bars have not come within 7 days; `simulated`, and "
        "`late` (made when its outcome could be known): never scored"
    )
    counted: bool = Field(
        description="Whether the summary has it: the first row of each target, once scored; of "
        "models on trial the first of each"
    )


class GoldOutcomeAnswer(Schema):
    """The close that came. Errors are actual minus forecast, in price; scores on log returns."""

    status: Literal["scored"]
    actual: float
    log_return: float
    error: float
    random_walk_error: float
    inside: dict[str, bool] = Field(description="Whether each central interval held the close")
    direction_hit: bool | None = Field(
        description="Null where the median or the close did not leave the last close"
    )
    pit: float = Field(description="Where the close stood in the forecast distribution, 0 to 1")
    crps: float
    pinball: float
    random_walk_crps: float | None
    random_walk_pinball: float | None


class TrackedForecast(TrackedRow):
    """A gold forecast as it was issued."""

    today_date: Session
    predicted_date: Session
    symbol: str
    currency: str
    model_name: str
    model_type: str
    model_version: str
    last_close: float
    prediction: float
    expected_return: float
    probability_up: float
    intervals: list[Interval]
    outcome: GoldOutcomeAnswer | None


class SkillSoFar(Schema):
    """Beside the random walk on the same days; a skill above 0 is better than it."""

    crps_skill: float | None = Field(description="1 - CRPS / the random walk's")
    crps_p_value: float | None = Field(
        description="Two-sided, of Diebold and Mariano; null below ten days"
    )
    crps: float | None
    random_walk_crps: float | None
    pinball_skill: float | None
    rmse: float | None = Field(description="Of the median, in price")
    random_walk_rmse: float | None
    rmse_ratio_rw: float | None = Field(description="Below 1 is better than the random walk")


class GoldSummary(Schema):
    """Over the rows that count, one for each target session."""

    n: int
    first_target: Session | None
    last_target: Session | None
    pending: int
    unscorable: int
    hits: Rate = Field(description="Days on which the median was on the right side")
    coverage: dict[str, Rate] = Field(description="Of the central intervals, by nominal level")
    skill: SkillSoFar
    pit: list[int] = Field(description="Outcomes in each tenth of their forecast's distribution")


class BesideChampion(Schema):
    """On the sessions that both forecast, by bars of one source."""

    n: int
    crps_skill: float | None = Field(description="1 - CRPS / the champion's")
    crps_p_value: float | None = Field(
        description="Two-sided, of Diebold and Mariano; null below ten days"
    )


class ChallengerRecord(GoldSummary):
    """How the model on trial has fared, over its newest scored sessions."""

    beside_champion: BesideChampion


class GoldTrackRecordAnswer(Schema):
    """Gold forecasts with their outcomes, oldest first. Simulated ones are left out of scores."""

    role: Role = Field(description="Whose forecasts: `challenger` for those of models on trial")
    n: int = Field(description="How many are counted")
    asked: int
    rows: int
    summary: GoldSummary
    items: list[TrackedForecast]


class SignalVolatility(Schema):
    """Of log returns: over the horizon, and in a year."""

    horizon: float
    annualized: float
    percentile: float
    lower: float
    upper: float
    threshold_volatility: float
    benchmark: float | None = Field(default=None, description="HAR's; older rows lack it")


class SignalOutcomeAnswer(Schema):
    """What the coin did over the horizon."""

    status: Literal["scored"]
    realized_volatility: float
    above_threshold: bool = Field(description="The risk event")
    brier: float = Field(description="(risk score - event) squared")
    inside: bool = Field(description="Whether `lower` to `upper` held the realized volatility")
    log_return: float
    var_hit: dict[str, bool] = Field(
        description="Whether more was lost than the value at risk, by confidence"
    )
    tail_loss: bool
    tail_brier: float
    measure: Measure
    timeframe: str = Field(description="Of the bars that measured it")
    bars: int


class TrackedSignal(TrackedRow):
    """A signal as it was answered."""

    signal_id: str
    symbol: str
    exchange: str
    timeframe: str
    horizon_min: int
    target_time: AwareDatetime
    risk_score: float
    vol_regime: Regime
    volatility: SignalVolatility
    value_at_risk: dict[str, float]
    tail_loss_probability: float
    fallbacks: list[Fallback]
    model_version: BundleVersion
    volatility_version: CoinsVersion
    outcome: SignalOutcomeAnswer | None


class Reliability(Schema):
    """Signals of one tenth of the scale: what they said and what happened, in mean."""

    n: int
    said: float
    happened: float


class TailLoss(Rate):
    """Returns below the tail, and the mean probability that was given to them."""

    said: float | None


class SignalSummary(Schema):
    """Over the rows that count, one for each window."""

    n: int
    pending: int
    unscorable: int
    realized_volatility: float | None = Field(description="In mean")
    forecast_volatility: float | None = Field(description="In mean")
    risk_score: float | None = Field(description="In mean")
    hits: Rate = Field(description="Windows that ended above their threshold")
    brier: float | None
    brier_skill: float | None = Field(description="Against saying the share of events every time")
    calibration_error: float | None = Field(
        description="Mean distance of risk score and share of events, in its tenth"
    )
    qlike_skill: float | None = Field(
        description="1 - QLIKE / HAR's on the same windows; above 0 is better than HAR"
    )
    reliability: list[Reliability]
    coverage: dict[str, Rate] = Field(description="Of the interval of volatility")
    value_at_risk: dict[str, Rate] = Field(
        description="Losses beyond it, by confidence; 5 % and 1 % are right"
    )
    tail_loss: TailLoss


class HorizonSummary(SignalSummary):
    """The same for one horizon."""

    horizon_min: int


class SignalTrackRecordAnswer(Schema):
    """Signals with their outcomes, oldest first. Simulated ones are left out of scores."""

    symbol: str
    exchange: str
    n: int = Field(description="How many are counted")
    asked: int
    rows: int
    summary: SignalSummary
    by_horizon: list[HorizonSummary]
    items: list[TrackedSignal]
