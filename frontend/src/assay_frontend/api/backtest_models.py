"""The API's answer about the signals of a coin's past hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from assay_frontend.api.errors import MalformedAnswer
from assay_frontend.api.fields import Fields
from assay_frontend.api.models import Provenance
from assay_frontend.api.track_models import ReliabilityPoint


@dataclass(frozen=True, slots=True)
class PortfolioFigures:
    """Of a portfolio that began with 1; undefined is None. Shares, 0.1 for 10 %."""

    total_return: float
    annualized_return: float | None
    annualized_volatility: float | None
    sharpe: float | None
    max_drawdown: float
    costs_paid: float
    average_exposure: float

    @classmethod
    def parse(cls, fields: Fields) -> PortfolioFigures:
        return cls(
            total_return=fields.number("total_return"),
            annualized_return=fields.number_or_none("annualized_return"),
            annualized_volatility=fields.number_or_none("annualized_volatility"),
            sharpe=fields.number_or_none("sharpe"),
            max_drawdown=fields.amount("max_drawdown"),
            costs_paid=fields.amount("costs_paid"),
            average_exposure=fields.number("average_exposure"),
        )


@dataclass(frozen=True, slots=True)
class EquityCurves:
    """Equities along `times`, both begin with 1; `exposure` is the share of it that was held."""

    times: tuple[datetime, ...]
    strategy: tuple[float, ...]
    hold: tuple[float, ...]
    exposure: tuple[float, ...]

    @classmethod
    def parse(cls, fields: Fields) -> EquityCurves:
        found = cls(
            times=fields.instants("time"),
            strategy=fields.numbers("volatility_target"),
            hold=fields.numbers("buy_and_hold"),
            exposure=fields.numbers("exposure"),
        )
        lengths = {len(found.times), len(found.strategy), len(found.hold), len(found.exposure)}
        if len(lengths) != 1:
            raise MalformedAnswer(f"{fields.where} has columns of unequal length")
        return found


@dataclass(frozen=True, slots=True)
class LossRow:
    """How often more was lost than the value at risk at this confidence."""

    confidence: float
    level: float
    n: int
    hits: int
    hit_rate: float | None

    @classmethod
    def parse(cls, fields: Fields) -> LossRow:
        return cls(
            confidence=fields.share("confidence"),
            level=fields.share("level"),
            n=int(fields.amount("n")),
            hits=int(fields.amount("hits")),
            hit_rate=fields.number_or_none("hit_rate"),
        )


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of the signals, and of an exposure led by them, on past hours."""

    symbol: str
    exchange: str
    horizon_minutes: int
    first_origin: datetime
    last_origin: datetime
    bars: int
    trained_to: date | None
    fee_bps: float
    slippage_bps: float
    target_volatility: float
    strategy: PortfolioFigures
    hold: PortfolioFigures
    curves: EquityCurves
    judged: int
    base_rate: float | None
    brier_skill: float | None
    reliability: tuple[ReliabilityPoint, ...]
    losses: tuple[LossRow, ...]
    provenance: Provenance

    @classmethod
    def parse(cls, document: object) -> Backtest:
        fields = Fields.of(document, "backtest")
        terms, risk = fields.child("terms"), fields.child("risk")
        return cls(
            symbol=fields.text("symbol"),
            exchange=fields.text("exchange"),
            horizon_minutes=int(fields.amount("horizon_min")),
            first_origin=fields.instant("first_origin"),
            last_origin=fields.instant("last_origin"),
            bars=int(fields.amount("bars")),
            trained_to=fields.session_or_none("trained_to"),
            fee_bps=terms.amount("fee_bps"),
            slippage_bps=terms.amount("slippage_bps"),
            target_volatility=terms.amount("target_volatility"),
            strategy=PortfolioFigures.parse(fields.child("volatility_target")),
            hold=PortfolioFigures.parse(fields.child("buy_and_hold")),
            curves=EquityCurves.parse(fields.child("equity")),
            judged=int(risk.amount("n")),
            base_rate=risk.number_or_none("base_rate"),
            brier_skill=risk.number_or_none("brier_skill"),
            reliability=tuple(_point(item) for item in risk.items("reliability")),
            losses=tuple(LossRow.parse(item) for item in fields.items("value_at_risk")),
            provenance=Provenance.parse(fields),
        )

    @property
    def fitted_to(self) -> date | None:
        """The last day that the model was fitted to, where the back-test has such days."""
        day = self.trained_to
        return day if day is not None and self.first_origin.date() <= day else None


def _point(fields: Fields) -> ReliabilityPoint:
    return ReliabilityPoint(
        n=int(fields.amount("n")),
        said=fields.share("mean_forecast"),
        happened=fields.share("observed_frequency"),
    )
