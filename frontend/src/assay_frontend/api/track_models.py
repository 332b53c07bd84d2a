"""The API's answers about what was said before, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from assay_frontend.api.fields import Fields
from assay_frontend.api.models import Interval


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened; `rate` is None where `n` is 0."""

    n: int
    hits: int

    @property
    def rate(self) -> float | None:
        return self.hits / self.n if self.n else None

    @classmethod
    def parse(cls, fields: Fields) -> Rate:
        return cls(n=fields.count("n"), hits=fields.count("hits"))


def _rates_by_level(fields: Fields, name: str) -> tuple[tuple[float, Rate], ...]:
    """Smallest level first."""
    pairs = [(float(key), Rate.parse(child)) for key, child in fields.children(name).items()]
    return tuple(sorted(pairs, key=lambda pair: pair[0]))


@dataclass(frozen=True, slots=True)
class TrackedRow:
    """A row of the ledger. `status` is pending, scored, unscorable, simulated or late; `counted`
    says whether sums have it: the first row of each target, once scored.
    """

    sequence: int
    recorded_at: datetime
    origin: datetime
    due: datetime
    source: str
    status: str
    counted: bool

    @classmethod
    def parse(cls, fields: Fields) -> TrackedRow:
        return cls(
            sequence=fields.count("sequence"),
            recorded_at=fields.instant("recorded_at"),
            origin=fields.instant("origin"),
            due=fields.instant("due"),
            source=fields.text("source"),
            status=fields.text("status"),
            counted=fields.flag("counted"),
        )


@dataclass(frozen=True, slots=True)
class GoldOutcome:
    """The close that came. Errors are actual minus forecast, in price; CRPS on log returns."""

    actual: float
    error: float
    random_walk_error: float
    inside: tuple[tuple[float, bool], ...]
    direction_hit: bool | None
    pit: float
    crps: float
    random_walk_crps: float | None

    @classmethod
    def parse(cls, fields: Fields) -> GoldOutcome:
        return cls(
            actual=fields.price("actual"),
            error=fields.number("error"),
            random_walk_error=fields.number("random_walk_error"),
            inside=fields.flags_by_level("inside"),
            direction_hit=fields.flag_or_none("direction_hit"),
            pit=fields.share("pit"),
            crps=fields.amount("crps"),
            random_walk_crps=fields.number_or_none("random_walk_crps"),
        )

    def held(self, level: float) -> bool | None:
        """Whether the range of that level held the close."""
        return next((held for key, held in self.inside if abs(key - level) < 1e-9), None)


@dataclass(frozen=True, slots=True)
class IssuedForecast:
    """A gold forecast as it was issued, with its outcome once that is known."""

    row: TrackedRow
    today: date
    target: date
    symbol: str
    currency: str
    model_type: str
    model_version: str
    last_close: float
    median: float
    probability_up: float | None
    intervals: tuple[Interval, ...]
    outcome: GoldOutcome | None

    @classmethod
    def parse(cls, fields: Fields) -> IssuedForecast:
        row = TrackedRow.parse(fields)
        scored = row.status == "scored" and fields.has("outcome")
        return cls(
            row=row,
            today=fields.session("today_date"),
            target=fields.session("predicted_date"),
            symbol=fields.text_or_none("symbol") or "GC=F",
            currency=fields.text_or_none("currency") or "USD",
            model_type=fields.text("model_type"),
            model_version=fields.text("model_version"),
            last_close=fields.price("last_close"),
            median=fields.price("prediction"),
            probability_up=fields.number_or_none("probability_up"),
            intervals=tuple(Interval.parse(item) for item in fields.items("intervals")),
            outcome=GoldOutcome.parse(fields.child("outcome")) if scored else None,
        )

    def interval(self, level: float) -> Interval | None:
        return next((i for i in self.intervals if abs(i.level - level) < 1e-9), None)


@dataclass(frozen=True, slots=True)
class GoldRecord:
    """Issued forecasts, oldest first, and sums over those that count."""

    items: tuple[IssuedForecast, ...]
    counted: int
    pending: int
    unscorable: int
    first_target: date | None
    last_target: date | None
    direction: Rate
    coverage: tuple[tuple[float, Rate], ...]
    crps_skill: float | None
    crps_p_value: float | None
    rmse_ratio: float | None
    pit: tuple[int, ...]

    @classmethod
    def parse(cls, document: object) -> GoldRecord:
        fields = Fields.of(document, "track_record")
        summary = fields.child("summary")
        skill = summary.child("skill")
        return cls(
            items=tuple(IssuedForecast.parse(item) for item in fields.items("items")),
            counted=summary.count("n"),
            pending=summary.count("pending"),
            unscorable=summary.count("unscorable"),
            first_target=summary.session_or_none("first_target"),
            last_target=summary.session_or_none("last_target"),
            direction=Rate.parse(summary.child("hits")),
            coverage=_rates_by_level(summary, "coverage"),
            crps_skill=skill.number_or_none("crps_skill"),
            crps_p_value=skill.number_or_none("crps_p_value"),
            rmse_ratio=skill.number_or_none("rmse_ratio_rw"),
            pit=summary.count_list("pit"),
        )

    @property
    def scored(self) -> tuple[tuple[IssuedForecast, GoldOutcome], ...]:
        """Those that count, oldest first, each with its outcome."""
        return tuple((i, i.outcome) for i in self.items if i.row.counted and i.outcome is not None)

    def rate_at(self, level: float) -> Rate | None:
        return next((rate for key, rate in self.coverage if abs(key - level) < 1e-9), None)


@dataclass(frozen=True, slots=True)
class SignalOutcome:
    """What the coin did over the horizon; `var_hit` says whether more than the value at risk was
    lost, by confidence.
    """

    realized_volatility: float
    above_threshold: bool
    inside: bool
    log_return: float
    var_hit: tuple[tuple[float, bool], ...]

    @classmethod
    def parse(cls, fields: Fields) -> SignalOutcome:
        return cls(
            realized_volatility=fields.amount("realized_volatility"),
            above_threshold=fields.flag("above_threshold"),
            inside=fields.flag("inside"),
            log_return=fields.number("log_return"),
            var_hit=fields.flags_by_level("var_hit"),
        )

    def lost_beyond(self, confidence: float) -> bool | None:
        return next((hit for key, hit in self.var_hit if abs(key - confidence) < 1e-9), None)


@dataclass(frozen=True, slots=True)
class IssuedSignal:
    """A signal as it was answered, with what came of it once that is known."""

    row: TrackedRow
    symbol: str
    timeframe: str
    horizon_minutes: int
    risk_score: float
    vol_regime: str
    volatility: float
    lower: float | None
    upper: float | None
    value_at_risk: tuple[tuple[float, float], ...]
    outcome: SignalOutcome | None

    @classmethod
    def parse(cls, fields: Fields) -> IssuedSignal:
        row = TrackedRow.parse(fields)
        scored = row.status == "scored" and fields.has("outcome")
        volatility = fields.child("volatility")
        return cls(
            row=row,
            symbol=fields.text("symbol"),
            timeframe=fields.text("timeframe"),
            horizon_minutes=fields.count("horizon_min"),
            risk_score=fields.share("risk_score"),
            vol_regime=fields.text("vol_regime"),
            volatility=volatility.amount("horizon"),
            lower=volatility.number_or_none("lower"),
            upper=volatility.number_or_none("upper"),
            value_at_risk=fields.numbers_by_level("value_at_risk"),
            outcome=SignalOutcome.parse(fields.child("outcome")) if scored else None,
        )


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """Signals of one tenth of the scale: the mean of what they said, and how often it happened."""

    n: int
    said: float
    happened: float

    @classmethod
    def parse(cls, fields: Fields) -> ReliabilityPoint:
        return cls(fields.count("n"), fields.share("said"), fields.share("happened"))


@dataclass(frozen=True, slots=True)
class SignalRecord:
    """Signals of one market, oldest first, and sums over those that count."""

    symbol: str
    exchange: str
    items: tuple[IssuedSignal, ...]
    counted: int
    pending: int
    unscorable: int
    risk_score: float | None
    events: Rate
    brier_skill: float | None
    reliability: tuple[ReliabilityPoint, ...]
    coverage: tuple[tuple[float, Rate], ...]
    value_at_risk: tuple[tuple[float, Rate], ...]

    @classmethod
    def parse(cls, document: object) -> SignalRecord:
        fields = Fields.of(document, "track_record")
        summary = fields.child("summary")
        return cls(
            symbol=fields.text("symbol"),
            exchange=fields.text("exchange"),
            items=tuple(IssuedSignal.parse(item) for item in fields.items("items")),
            counted=summary.count("n"),
            pending=summary.count("pending"),
            unscorable=summary.count("unscorable"),
            risk_score=summary.number_or_none("risk_score"),
            events=Rate.parse(summary.child("hits")),
            brier_skill=summary.number_or_none("brier_skill"),
            reliability=tuple(
                ReliabilityPoint.parse(item) for item in summary.items("reliability")
            ),
            coverage=_rates_by_level(summary, "coverage"),
            value_at_risk=_rates_by_level(summary, "value_at_risk"),
        )

    @property
    def scored(self) -> tuple[tuple[IssuedSignal, SignalOutcome], ...]:
        """Those that count, oldest first, each with its outcome."""
        return tuple((i, i.outcome) for i in self.items if i.row.counted and i.outcome is not None)
