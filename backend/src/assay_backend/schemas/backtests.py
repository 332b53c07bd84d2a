"""The signals of a coin's past: what is asked, and what is answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictInt, field_validator
from pydantic import ValidationInfo as Info

from assay.errors import UnknownTimeframe
from assay.evaluation.backtest import LEAST_JUDGED_HOURS
from assay.evaluation.exposure import Terms
from assay.market.crypto.deep import MOST_HOURS
from assay.market.timeframes import DAY_MS, timeframe
from assay.volatility.model import LONGEST_HOURS
from assay_backend.schemas.backtest_quality import (
    ForecastQuality,
    RegimesFound,
    RiskScoreQuality,
    ValueAtRiskRow,
)
from assay_backend.schemas.base import BundleVersion, CoinsVersion, Provenance, Schema
from assay_backend.schemas.crypto import GapInBars

HOUR_MS = 3_600_000
HOUR_MIN = 60
USUAL_HORIZON_HOURS = 24
USUAL_TERMS = Terms()

Text = Annotated[str, Field(max_length=64)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class BacktestRequest(BaseModel):
    """Which coin, which signals, over which of its hours, and on what terms to trade."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "example": {
                "symbol": "BTCUSDT",
                "exchange": "binance",
                "timeframe": "1h",
                "horizon_min": 1440,
                "limit": 8760,
                "fee_bps": 10,
                "slippage_bps": 2,
                "target_volatility": 0.4,
                "max_exposure": 1,
            }
        },
    )

    symbol: Text = Field(
        default="BTCUSDT",
        description="A spot market in any common spelling: `BTCUSDT`, `BTC/USDT`, `btc-usdt`",
    )
    exchange: Text = Field(default="binance", description="One of `ASSAY_CRYPTO_EXCHANGES`")
    timeframe: Text = Field(
        default="1h",
        description="What `limit` and the horizon are counted in, `1h` to `1d` in whole hours. "
        "Signals and trades are of hourly bars whatever it is, so nothing shorter can be asked for",
    )
    horizon_min: StrictInt = Field(
        default=USUAL_HORIZON_HOURS * HOUR_MIN,
        ge=HOUR_MIN,
        le=LONGEST_HOURS * HOUR_MIN,
        description="How far ahead the signals look, in minutes, a whole number of bars; left out, "
        "the least of these that lasts a day",
    )
    limit: StrictInt | None = Field(
        default=None,
        ge=1,
        le=MOST_HOURS,
        description="Over how many of the newest bars up to `end`, a week at least; all there are "
        "where neither this nor `start` is given. Bars before only warm the model up",
    )
    start: AwareDatetime | None = Field(
        default=None, description="In place of `limit`: no signal before this instant is used"
    )
    end: AwareDatetime | None = Field(
        default=None, description="No bar that closes after this instant is used"
    )
    fee_bps: Number = Field(
        default=USUAL_TERMS.fee_bps, ge=0.0, le=1000.0, description="Of the value traded"
    )
    slippage_bps: Number = Field(
        default=USUAL_TERMS.slippage_bps,
        ge=0.0,
        le=1000.0,
        description="Of the value traded, on top",
    )
    target_volatility: Number = Field(
        default=USUAL_TERMS.target_volatility,
        ge=0.001,
        le=10.0,
        description="Annualized: 0.4 is 40 %",
    )
    max_exposure: Number = Field(
        default=USUAL_TERMS.max_exposure,
        ge=0.01,
        le=3.0,
        description="The most to be bought, as a share of the equity. Above 1 it is with borrowed "
        "money, on which no interest is charged",
    )
    rebalance_hours: StrictInt | None = Field(
        default=None,
        ge=1,
        le=LONGEST_HOURS,
        description="How often the exposure is decided anew; left out, once a horizon",
    )
    no_trade_band: Number = Field(
        default=USUAL_TERMS.no_trade_band,
        ge=0.0,
        le=1.0,
        description="No trade where the exposure held is no further than this from the one wanted",
    )

    @field_validator("timeframe")
    @classmethod
    def _is_whole_hours(cls, name: str) -> str:
        try:
            of = timeframe(name)
        except UnknownTimeframe as error:
            raise ValueError(error.message) from error
        if of.milliseconds % HOUR_MS or of.milliseconds > DAY_MS:
            raise ValueError(f"signals are hourly: 1h to 1d in whole hours can be had, not {name}")
        return name

    @field_validator("horizon_min")
    @classmethod
    def _is_whole_bars(cls, horizon_min: int, info: Info) -> int:
        hours = _bar_hours(info)
        if horizon_min % (hours * HOUR_MIN):
            name = info.data["timeframe"]
            raise ValueError(f"{horizon_min} minutes are no whole number of {name} bars")
        return horizon_min

    @field_validator("limit")
    @classmethod
    def _is_a_week(cls, limit: int | None, info: Info) -> int | None:
        hours = _bar_hours(info)
        if limit is not None and limit * hours < LEAST_JUDGED_HOURS:
            raise ValueError(
                f"{limit * hours} hours are too few to judge: {LEAST_JUDGED_HOURS} are needed, "
                f"{-(-LEAST_JUDGED_HOURS // hours)} bars of {info.data.get('timeframe', '1h')}"
            )
        return limit

    @field_validator("start", "end")
    @classmethod
    def _is_consistent(cls, instant: AwareDatetime | None, info: Info) -> AwareDatetime | None:
        if instant is None:
            return None
        if info.field_name == "start" and info.data.get("limit") is not None:
            raise ValueError("limit says where to begin as well; give one of the two")
        start = info.data.get("start")
        if info.field_name == "end" and start is not None and instant <= start:
            raise ValueError("it should be later than start")
        return instant

    @property
    def bar_hours(self) -> int:
        """Hours in a bar of `timeframe`."""
        return timeframe(self.timeframe).milliseconds // HOUR_MS

    @property
    def horizon_hours(self) -> int:
        """As given, or the least whole number of bars that lasts a day."""
        if "horizon_min" in self.model_fields_set:
            return self.horizon_min // HOUR_MIN
        return -(-USUAL_HORIZON_HOURS // self.bar_hours) * self.bar_hours

    @property
    def terms(self) -> Terms:
        """How to trade."""
        return Terms(
            target_volatility=self.target_volatility,
            max_exposure=self.max_exposure,
            fee_bps=self.fee_bps,
            slippage_bps=self.slippage_bps,
            rebalance_hours=self.rebalance_hours or self.horizon_hours,
            no_trade_band=self.no_trade_band,
        )


def _bar_hours(info: Info) -> int:
    """1 where the timeframe was refused already."""
    name = info.data.get("timeframe")
    return timeframe(name).milliseconds // HOUR_MS if name else 1


class BacktestTerms(Schema):
    """The terms as they were used."""

    target_volatility: float
    max_exposure: float
    fee_bps: float
    slippage_bps: float
    rebalance_hours: int
    no_trade_band: float


class PortfolioFigures(Schema):
    """A portfolio that began with 1 in cash; null where undefined, `annual` below 30 days."""

    total_return: float
    annualized_return: float | None
    annualized_volatility: float | None = Field(description="Of hourly returns, over 365 days")
    sharpe: float | None = Field(description="At a rate of zero, annualized")
    max_drawdown: float = Field(description="The largest fall from a peak, as a share of it")
    calmar: float | None = Field(description="`annualized_return` over `max_drawdown`")
    turnover: float = Field(description="Value traded over the equity before, added up")
    annual_turnover: float | None
    costs_paid: float = Field(description="Fees and slippage, in the starting equity")
    fees_paid: float
    slippage_paid: float
    average_exposure: float = Field(description="Mean share of the equity held, at closes")
    trades: int


class EquityCurves(Schema):
    """At most 500 closes, evenly spread; equities begin with 1."""

    time: list[AwareDatetime]
    volatility_target: list[float]
    buy_and_hold: list[float]
    exposure: list[float] = Field(description="The share of its equity that the strategy held")


class BacktestAnswer(Provenance):
    """What came of the signals, and of trading by them."""

    symbol: str = Field(description="The normal form, BASE/QUOTE")
    exchange: str = Field(description="The one asked for; `source` is the one that answered")
    timeframe: str
    horizon_min: int
    limit: int | None
    terms: BacktestTerms
    execution: Literal["next_open"] = Field(
        description="A decision at a bar's close is traded at the next bar's open"
    )
    sampling: Literal["non_overlapping"] = Field(
        description="Signals are judged at origins whose horizons do not overlap: closes at whole "
        "multiples of the horizon since the epoch"
    )
    first_origin: AwareDatetime = Field(description="The close that the first decision is made at")
    last_origin: AwareDatetime = Field(description="The newest close")
    bars: int = Field(description="Hourly bars traded")
    warm_up_bars: int = Field(description="Hourly bars before, which forecasts are made of")
    years: float
    model_version: BundleVersion
    volatility_version: CoinsVersion
    trained_to: str | None = Field(
        description="Coefficients are the model's, fitted on BTC bars up to this day; null where "
        "it does not say. On those bars its forecasts have the benefit of hindsight"
    )
    volatility_target: PortfolioFigures
    buy_and_hold: PortfolioFigures
    constant_exposure: PortfolioFigures = Field(
        description="Always what the strategy held on average, which is known afterwards only: "
        "what timing alone was worth"
    )
    equity: EquityCurves
    origins: int = Field(description="Origins that do not overlap, with or without an outcome yet")
    forecast: ForecastQuality
    risk: RiskScoreQuality
    value_at_risk: list[ValueAtRiskRow]
    regimes: RegimesFound
    gaps: list[GapInBars] = Field(description="Hours that the exchange did not give")


def backtest_body_schema() -> dict[str, Any]:
    """The body, for the description of the API."""
    return BacktestRequest.model_json_schema()
