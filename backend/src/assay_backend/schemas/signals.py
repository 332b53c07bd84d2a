"""A coin's risk: what is asked, and what is answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
)

from assay.errors import UnknownTimeframe
from assay.market.crypto.feed import MOST_BARS
from assay.market.timeframes import timeframe
from assay.volatility.assessment import Fallback, Measure, Regime
from assay_backend.schemas.base import BundleVersion, CoinsVersion, Provenance, Schema
from assay_backend.schemas.documented import Problem

LONGEST_HORIZON_MIN = 30 * 24 * 60
USUAL_HORIZON_MIN = 60
LEAST_BARS = 2  # for a return
MOST_REQUESTS = 50
MINUTE_MS = 60_000

Text = Annotated[str, Field(max_length=64)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class SignalRequest(BaseModel):
    """Which coin, and how far ahead."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "example": {
                "symbol": "BTCUSDT",
                "horizon_min": 60,
                "explain": True,
                "exchange": "binance",
                "timeframe": "1h",
                "limit": 200,
            }
        },
    )

    symbol: Text = Field(
        default="BTCUSDT",
        description="A spot market in any common spelling: `BTCUSDT`, `BTC/USDT`, `btc-usdt`",
    )
    exchange: Text = Field(default="binance", description="One of `ASSAY_CRYPTO_EXCHANGES`")
    timeframe: Text = Field(default="1h", description="Of the bars that `nowcast_ret` is about")
    horizon_min: StrictInt = Field(
        default=USUAL_HORIZON_MIN,
        ge=1,
        le=LONGEST_HORIZON_MIN,
        description="Minutes ahead, a whole number of bars; left out, the larger of 60 and one bar",
    )
    explain: StrictBool = Field(default=False, description="Whether to say why")
    limit: StrictInt = Field(
        default=200,
        ge=LEAST_BARS,
        le=MOST_BARS,
        description="How many of the newest closed bars `features_tail` looks at; the forecast is "
        "made of all stored hours",
    )

    @field_validator("horizon_min")
    @classmethod
    def _is_whole_bars(cls, horizon_min: int, info: ValidationInfo) -> int:
        bar_ms = _bar_ms(info.data.get("timeframe", ""))
        if bar_ms and horizon_min * MINUTE_MS % bar_ms:
            name = info.data["timeframe"]
            raise ValueError(f"{horizon_min} minutes are no whole number of {name} bars")
        return horizon_min

    @property
    def horizon_minutes(self) -> int:
        """As given, or the least whole number of bars that lasts an hour."""
        if "horizon_min" in self.model_fields_set:
            return self.horizon_min
        bar_ms = _bar_ms(self.timeframe) or MINUTE_MS
        return max(-(-USUAL_HORIZON_MIN * MINUTE_MS // bar_ms) * bar_ms // MINUTE_MS, 1)


class BatchRequest(BaseModel):
    """Several questions at once, each as for one signal."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"requests": [{"symbol": "BTCUSDT"}, {"symbol": "ETHUSDT", "limit": 50}]}
        },
    )

    requests: Annotated[list[Any], Field(min_length=1, max_length=MOST_REQUESTS)]


def batch_body_schema() -> dict[str, Any]:
    """What the body of a batch is; an item that is not so has a problem of its own."""
    schema = BatchRequest.model_json_schema()
    schema["properties"]["requests"]["items"] = SignalRequest.model_json_schema()
    return schema


def _bar_ms(name: str) -> int | None:
    try:
        return timeframe(name).milliseconds
    except UnknownTimeframe:  # which the exchange's list is going to say
        return None


class VolatilityForecast(Schema):
    """Standard deviations of log returns, but for `percentile`."""

    horizon: float = Field(ge=0.0, description="Over the horizon")
    annualized: float = Field(
        ge=0.0, description="`horizon` times the root of horizons in 365 days"
    )
    percentile: Fraction = Field(description="Its rank among the past year's forecasts")
    lower: float = Field(ge=0.0, description="Of the 80 % prediction interval of `horizon`")
    upper: float = Field(ge=0.0, description="Of the same")
    threshold_volatility: float = Field(
        ge=0.0, description="The past year's 80th percentile, which `risk_score` is about"
    )
    benchmark: float = Field(
        ge=0.0, description="Over the horizon, as `explain.benchmark` forecasts it"
    )


class FeatureRow(Schema):
    """One of the bars asked for; null where too few come before it."""

    time: AwareDatetime = Field(description="When it opened")
    close: float
    ret: float | None = Field(description="Simple return on the close before")
    vol24: float | None = Field(description="Standard deviation of the past 24 `ret`")
    sma12: float | None = Field(description="Mean of the past 12 closes")
    sma48: float | None = Field(description="Mean of the past 48 closes")


class ContributionItem(Schema):
    """What one input does to the score."""

    name: str
    value: float
    effect: float = Field(description="In log-odds: ln(p / (1 - p)) of the risk score p")


class RiskBenchmark(Schema):
    """A plain model's volatility over the horizon."""

    name: str = Field(
        description="`har_ols`, which back-tests judge by, or the mean of the past month, "
        "`month_mean`, where there are too few bars to fit that on"
    )
    volatility: float


class SignalExplanation(Schema):
    """Why."""

    nowcast_ret: float
    vol: float = Field(description="`volatility.horizon`")
    vol_regime: Regime
    risk_score: Fraction
    summary: str = Field(description="One sentence, in the language of Content-Language")
    base_log_odds: float = Field(description="The score where every contribution is nothing")
    contributions: list[ContributionItem] = Field(
        description="Largest effect first. Their effects add up to the score's distance from its "
        "base rate in log-odds: ln(p / (1 - p)) - `base_log_odds`, p the risk score"
    )
    benchmark: RiskBenchmark
    features_tail: list[FeatureRow] = Field(description="Of the newest bars, oldest first")


class SignalAnswer(Provenance):
    """How risky the coin is from `origin` to `target_time`."""

    signal_id: str | None = Field(description="Null where it was not recorded: by GET")
    created_at: AwareDatetime
    symbol: str = Field(description="The normal form, BASE/QUOTE")
    exchange: str = Field(description="The one asked for; `source` is the one that answered")
    timeframe: str
    horizon_min: int
    limit: int
    origin: AwareDatetime = Field(description="The end of the newest bar the forecast is made of")
    target_time: AwareDatetime = Field(description="`origin` plus the horizon")
    last_close: float = Field(description="The price at `origin`")
    nowcast_ret: float = Field(description="Simple return of the last closed bar")
    risk_score: Fraction = Field(
        description="Probability that realized volatility over the horizon ends above its 80th "
        "percentile of the past year"
    )
    vol_regime: Regime = Field(
        description="Where the forecast of the coming week stands in the past year; the same for "
        "every timeframe and horizon. Under 30 days of forecasts it is `normal`, and `fallbacks` "
        "says `no_regime`"
    )
    measure: Measure = Field(
        description="What realized volatility is the root of: the sum of hours' Garman-Klass "
        "variances, or that of squared hourly returns. Hours are counted from `origin`, the last "
        "one is shorter where the horizon ends off the hour; less than an hour is one bar, from "
        "its first open, highest high, lowest low and last close"
    )
    volatility: VolatilityForecast
    value_at_risk: dict[str, Fraction] = Field(
        description="Fraction of the price lost that is exceeded with 1 - confidence"
    )
    expected_shortfall: dict[str, Fraction] = Field(
        description="Mean fraction lost where the value at risk is exceeded"
    )
    tail_loss_probability: Fraction = Field(
        description="That of a log return below `tail_loss_return`"
    )
    tail_loss_return: float = Field(
        description="The 5 % quantile of the past year's log returns over the horizon"
    )
    fallbacks: list[Fallback] = Field(
        description="What was done without. Each widens the interval of volatility, but for "
        "`no_threshold` and `no_regime`; none widens `value_at_risk` or `expected_shortfall`, "
        "which follow the volatility. With `no_regime` the regime and the percentile say nothing; "
        "`stale` is a forecast that rests on hours whose successors are overdue, or whose time is "
        "over, and then it is not scored"
    )
    model_version: BundleVersion
    volatility_version: CoinsVersion = None  # which rows that are older than it do not have
    explain: SignalExplanation | None = Field(default=None, description="Where it was asked for")


class RecordedSignal(Schema):
    """An item of a batch that went well."""

    ok: Literal[True]
    signal: SignalAnswer


class RefusedSignal(Schema):
    """An item of a batch that did not."""

    ok: Literal[False]
    problem: Problem


class BatchAnswer(Schema):
    """One result a request, in their order."""

    results: list[RecordedSignal | RefusedSignal]
