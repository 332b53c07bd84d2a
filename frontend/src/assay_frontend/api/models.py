"""The API's answers about gold. Fields that the contract does not fix may be missing (None)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from assay_frontend.api.errors import MalformedAnswer
from assay_frontend.api.fields import Fields

NETWORKS = frozenset({"MLP", "CNN", "LSTM"})


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where bars came from, and how old the newest one was when the answer was made."""

    source: str
    as_of: datetime | None
    age_seconds: float | None
    stale: bool

    @classmethod
    def parse(cls, fields: Fields) -> Provenance:
        return cls(
            source=fields.text("source"),
            as_of=fields.instant_or_none("as_of"),
            age_seconds=fields.number_or_none("age_seconds"),
            stale=fields.flag("stale"),
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """A prediction interval in price units; `level` is nominal, 0 to 1."""

    level: float
    lower: float
    upper: float

    @classmethod
    def parse(cls, fields: Fields) -> Interval:
        interval = cls(fields.number("level"), fields.price("lower"), fields.price("upper"))
        if interval.lower > interval.upper or not 0 < interval.level < 1:
            raise MalformedAnswer(f"{fields.where} is not an interval")
        return interval


@dataclass(frozen=True, slots=True)
class Skill:
    """What walk-forward evaluation says; ratios below 1 are better than the random walk."""

    verdict: str
    rmse_vs_random_walk: float | None
    crps_vs_random_walk: float | None
    p_value: float | None
    crps_p_value: float | None
    origins: int | None
    evaluated_from: date | None
    evaluated_to: date | None
    coverage: tuple[tuple[float, float], ...]

    @classmethod
    def parse(cls, fields: Fields) -> Skill:
        origins = fields.number_or_none("origins")
        return cls(
            verdict=fields.text("verdict"),
            rmse_vs_random_walk=fields.number_or_none("rmse_vs_random_walk"),
            crps_vs_random_walk=fields.number_or_none("crps_vs_random_walk"),
            p_value=fields.number_or_none("p_value"),
            crps_p_value=fields.number_or_none("crps_p_value"),
            origins=None if origins is None else int(origins),
            evaluated_from=fields.session_or_none("evaluated_from"),
            evaluated_to=fields.session_or_none("evaluated_to"),
            coverage=fields.numbers_by_level("coverage"),
        )


@dataclass(frozen=True, slots=True)
class FeatureEffect:
    """One input: its value, and its effect on the log of the forecast's spread."""

    feature: str
    value: float | None
    effect: float

    @classmethod
    def parse(cls, fields: Fields) -> FeatureEffect:
        return cls(fields.text("feature"), fields.number_or_none("value"), fields.number("effect"))


@dataclass(frozen=True, slots=True)
class Forecast:
    """The distribution of the next session's close; prices in `currency` per troy ounce. It is that
    of a challenger where it is `on_trial`.
    """

    symbol: str
    currency: str
    today: date
    target: date
    median: float
    last_close: float
    random_walk: float
    expected_return: float | None
    probability_up: float | None
    intervals: tuple[Interval, ...]
    quantiles: tuple[tuple[float, float], ...]
    model_name: str | None
    model_type: str
    model_version: str | None
    on_trial: bool
    skill: Skill | None
    explanation: tuple[FeatureEffect, ...]
    origin: datetime | None
    next_origin: datetime | None
    provenance: Provenance

    @classmethod
    def parse(cls, document: object) -> Forecast:
        fields = Fields.of(document, "forecast")
        last_close = fields.price("last_close")
        has_benchmark = fields.has("benchmark")
        return cls(
            symbol=fields.text_or_none("symbol") or "GC=F",
            currency=fields.text_or_none("currency") or "USD",
            today=fields.session("today_date"),
            target=fields.session("predicted_date"),
            median=fields.price("prediction"),
            last_close=last_close,
            random_walk=fields.child("benchmark").price("prediction")
            if has_benchmark
            else last_close,
            expected_return=fields.number_or_none("expected_return"),
            probability_up=fields.number_or_none("probability_up"),
            intervals=_intervals(fields),
            quantiles=fields.numbers_by_level("quantiles"),
            model_name=fields.text_or_none("model_name"),
            model_type=fields.text("model_type"),
            model_version=fields.text_or_none("model_version"),
            on_trial=fields.text_or_none("served_as") == "challenger",
            skill=Skill.parse(fields.child("skill")) if fields.has("skill") else None,
            explanation=tuple(FeatureEffect.parse(item) for item in fields.items("explanation"))
            if fields.has("explanation")
            else (),
            origin=fields.instant_or_none("origin"),
            next_origin=fields.instant_or_none("next_origin"),
            provenance=Provenance.parse(fields),
        )

    @property
    def is_network(self) -> bool:
        return self.model_type.upper() in NETWORKS

    def interval(self, level: float) -> Interval | None:
        return next((i for i in self.intervals if abs(i.level - level) < 1e-9), None)


def _intervals(fields: Fields) -> tuple[Interval, ...]:
    """Narrowest first."""
    intervals = [Interval.parse(item) for item in fields.items("intervals")]
    return tuple(sorted(intervals, key=lambda interval: interval.level))


@dataclass(frozen=True, slots=True)
class Bar:
    """One closed session."""

    session: date
    open: float
    high: float
    low: float
    close: float
    volume: float | None

    @classmethod
    def parse(cls, fields: Fields) -> Bar:
        return cls(
            session=fields.session("session"),
            open=fields.price("open"),
            high=fields.price("high"),
            low=fields.price("low"),
            close=fields.price("close"),
            volume=fields.number_or_none("volume"),
        )


@dataclass(frozen=True, slots=True)
class History:
    """Closed bars, oldest first."""

    symbol: str
    bars: tuple[Bar, ...]
    provenance: Provenance

    @classmethod
    def parse(cls, document: object) -> History:
        fields = Fields.of(document, "history")
        bars = [Bar.parse(item) for item in fields.items("data")]
        return cls(
            symbol=fields.text_or_none("symbol") or "GC=F",
            bars=tuple(sorted(bars, key=lambda bar: bar.session)),
            provenance=Provenance.parse(fields),
        )


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One model or benchmark on the evaluation's origins; undefined is None.

    The `dm_p_vs_*` test the CRPS, so the ranges; `dm_p_rmse_vs_random_walk` the price error;
    `pit_ks_p` whether outcomes fell evenly over the forecast distributions.
    """

    name: str
    rmse_ratio_rw: float | None
    dm_p_rmse_vs_random_walk: float | None
    crps: float | None
    coverage: tuple[tuple[float, float], ...]
    dm_p_vs_random_walk: float | None
    dm_p_vs_garch_t: float | None
    mape: float | None = None
    direction_accuracy: float | None = None
    pit_ks_p: float | None = None

    @classmethod
    def parse(cls, fields: Fields) -> ScoreRow:
        return cls(
            name=fields.text("name"),
            rmse_ratio_rw=fields.number_or_none("rmse_ratio_rw"),
            dm_p_rmse_vs_random_walk=fields.number_or_none("dm_p_rmse_vs_random_walk"),
            crps=fields.number_or_none("crps"),
            coverage=fields.numbers_by_level("coverage"),
            dm_p_vs_random_walk=fields.number_or_none("dm_p_vs_random_walk"),
            dm_p_vs_garch_t=fields.number_or_none("dm_p_vs_garch_t"),
            mape=fields.number_or_none("mape"),
            direction_accuracy=fields.number_or_none("direction_accuracy"),
            pit_ks_p=fields.number_or_none("pit_ks_p"),
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The leaderboard: every rival on the same origins."""

    n: int
    start: date | None
    end: date | None
    rows: tuple[ScoreRow, ...]
    champion: str | None

    @classmethod
    def parse(cls, document: object) -> Evaluation:
        fields = Fields.of(document, "evaluation")
        return cls(
            n=int(fields.number("n")),
            start=fields.session_or_none("start"),
            end=fields.session_or_none("end"),
            rows=tuple(ScoreRow.parse(item) for item in fields.items("rows")),
            champion=fields.text_or_none("champion"),
        )

    @property
    def networks(self) -> tuple[str, ...]:
        """The neural networks among the rivals, in the order of the rows."""
        return tuple(row.name.upper() for row in self.rows if row.name.upper() in NETWORKS)

    def row(self, name: str | None) -> ScoreRow | None:
        return next((row for row in self.rows if row.name == name), None)

    def crps_ratio(self, row: ScoreRow, rival: str = "random_walk") -> float | None:
        """The row's CRPS over the rival's; below 1 is better."""
        other = self.row(rival)
        if row.crps is None or other is None or not other.crps:
            return None
        return row.crps / other.crps


def at_level(pairs: tuple[tuple[float, float], ...], level: float) -> float | None:
    """The number kept at `level`, or None."""
    return next((value for key, value in pairs if abs(key - level) < 1e-9), None)
