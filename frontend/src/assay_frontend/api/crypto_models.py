"""The API's answers about coins. Fields that the contract does not fix may be missing (None)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from assay_frontend.api.errors import MalformedAnswer
from assay_frontend.api.fields import Fields
from assay_frontend.api.models import Provenance

REGIMES: Final = ("calm", "normal", "turbulent")


@dataclass(frozen=True, slots=True)
class TimedBar:
    """One closed bar, named by its open; prices in the quote currency."""

    opened: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float | None

    @classmethod
    def parse(cls, fields: Fields) -> TimedBar:
        return cls(
            opened=fields.instant("time"),
            open=fields.price("open"),
            high=fields.price("high"),
            low=fields.price("low"),
            close=fields.price("close"),
            volume=fields.number_or_none("volume"),
        )


@dataclass(frozen=True, slots=True)
class CoinBars:
    """Closed bars of one market, oldest first."""

    symbol: str
    exchange: str
    timeframe: str
    bars: tuple[TimedBar, ...]
    provenance: Provenance

    @classmethod
    def parse(cls, document: object) -> CoinBars:
        fields = Fields.of(document, "ohlcv")
        bars = [TimedBar.parse(item) for item in fields.items("data")]
        return cls(
            symbol=fields.text("symbol"),
            exchange=fields.text("exchange"),
            timeframe=fields.text("timeframe"),
            bars=tuple(sorted(bars, key=lambda bar: bar.opened)),
            provenance=Provenance.parse(fields),
        )


@dataclass(frozen=True, slots=True)
class Volatility:
    """Standard deviations of log returns: over the horizon, with its 80 % interval, and a year's.

    `percentile` is the forecast's rank among the past year's, 0 to 1; `threshold` the 80th
    percentile of the past year's realized volatility.
    """

    horizon: float
    annualized: float
    percentile: float | None
    lower: float | None
    upper: float | None
    threshold: float | None

    @classmethod
    def parse(cls, fields: Fields) -> Volatility:
        found = cls(
            horizon=fields.amount("horizon"),
            annualized=fields.amount("annualized"),
            percentile=fields.share("percentile") if fields.has("percentile") else None,
            lower=fields.amount("lower") if fields.has("lower") else None,
            upper=fields.amount("upper") if fields.has("upper") else None,
            threshold=fields.amount("threshold_volatility")
            if fields.has("threshold_volatility")
            else None,
        )
        if found.lower is not None and found.upper is not None and found.lower > found.upper:
            raise MalformedAnswer(f"{fields.where} is not an interval")
        return found


@dataclass(frozen=True, slots=True)
class Contribution:
    """One input's value, and its share, in log-odds, of the score's distance from its base."""

    name: str
    value: float | None
    effect: float

    @classmethod
    def parse(cls, fields: Fields) -> Contribution:
        return cls(fields.text("name"), fields.number_or_none("value"), fields.number("effect"))


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the score is what it is; `summary` comes in the language asked for."""

    summary: str | None
    contributions: tuple[Contribution, ...]
    benchmark: str | None
    benchmark_volatility: float | None

    @classmethod
    def parse(cls, fields: Fields) -> Explanation:
        rival = fields.child("benchmark") if fields.has("benchmark") else None
        return cls(
            summary=fields.text_or_none("summary"),
            contributions=tuple(Contribution.parse(i) for i in fields.items("contributions"))
            if fields.has("contributions")
            else (),
            benchmark=rival.text("name") if rival else None,
            benchmark_volatility=rival.number_or_none("volatility") if rival else None,
        )


@dataclass(frozen=True, slots=True)
class Signal:
    """A coin's next `horizon_minutes` from `origin` on, when the hour ended whose close is
    `last_close`; `last_return` is that of the last bar of `timeframe`, which may end elsewhere.
    `exchange` was asked for, `provenance.source` answered. Of the versions that of the bundle is
    gold's, that of `volatility` the coins' own.
    """

    symbol: str
    exchange: str
    timeframe: str
    horizon_minutes: int
    risk_score: float
    vol_regime: str
    last_return: float
    volatility: Volatility
    value_at_risk: tuple[tuple[float, float], ...]
    expected_shortfall: tuple[tuple[float, float], ...]
    tail_loss_probability: float | None
    tail_loss_return: float | None
    measure: str | None
    last_close: float | None
    fallbacks: tuple[str, ...]
    model_version: str | None
    volatility_version: str | None
    created_at: datetime | None
    origin: datetime | None
    target_time: datetime | None
    explanation: Explanation | None
    provenance: Provenance

    @classmethod
    def parse(cls, document: object) -> Signal:
        return cls.read(Fields.of(document, "signal"))

    @classmethod
    def read(cls, fields: Fields) -> Signal:
        return cls(
            symbol=fields.text("symbol"),
            exchange=fields.text("exchange"),
            timeframe=fields.text("timeframe"),
            horizon_minutes=int(fields.amount("horizon_min")),
            risk_score=fields.share("risk_score"),
            vol_regime=fields.text("vol_regime"),
            last_return=fields.number("nowcast_ret"),
            volatility=Volatility.parse(fields.child("volatility")),
            value_at_risk=fields.numbers_by_level("value_at_risk"),
            expected_shortfall=fields.numbers_by_level("expected_shortfall"),
            tail_loss_probability=fields.share("tail_loss_probability")
            if fields.has("tail_loss_probability")
            else None,
            tail_loss_return=fields.number_or_none("tail_loss_return"),
            measure=fields.text_or_none("measure"),
            last_close=fields.number_or_none("last_close"),
            fallbacks=fields.texts("fallbacks"),
            model_version=fields.text_or_none("model_version"),
            volatility_version=fields.text_or_none("volatility_version"),
            created_at=fields.instant_or_none("created_at"),
            origin=fields.instant_or_none("origin"),
            target_time=fields.instant_or_none("target_time"),
            explanation=Explanation.parse(fields.child("explain"))
            if fields.has("explain")
            else None,
            provenance=Provenance.parse(fields),
        )

    @property
    def quote(self) -> str:
        """The currency of its prices: USDT of BTC/USDT."""
        return self.symbol.partition("/")[2].partition(":")[0]


@dataclass(frozen=True, slots=True)
class PastHour:
    """What the model says at the close of a past hour, from bars until then; None if unknown.

    `volatility` is the forecast over the horizon, `realized` what it came to.
    """

    time: datetime
    close: float
    regime: str | None
    risk_score: float | None
    volatility: float | None
    realized: float | None

    @classmethod
    def parse(cls, fields: Fields) -> PastHour:
        return cls(
            time=fields.instant("time"),
            close=fields.price("close"),
            regime=fields.text_or_none("vol_regime"),
            risk_score=fields.share("risk_score") if fields.has("risk_score") else None,
            volatility=fields.number_or_none("volatility"),
            realized=fields.number_or_none("realized_volatility"),
        )


@dataclass(frozen=True, slots=True)
class CoinHours:
    """A coin's newest hours, oldest first."""

    symbol: str
    exchange: str
    horizon_minutes: int
    hours: tuple[PastHour, ...]
    provenance: Provenance

    @classmethod
    def parse(cls, document: object) -> CoinHours:
        fields = Fields.of(document, "regimes")
        hours = [PastHour.parse(item) for item in fields.items("data")]
        return cls(
            symbol=fields.text("symbol"),
            exchange=fields.text("exchange"),
            horizon_minutes=int(fields.amount("horizon_min")),
            hours=tuple(sorted(hours, key=lambda hour: hour.time)),
            provenance=Provenance.parse(fields),
        )

    def before(self, hours: int) -> PastHour | None:
        """The hour that closed so many hours before the newest one."""
        if not self.hours:
            return None
        wanted = self.hours[-1].time - timedelta(hours=hours)
        return next((hour for hour in reversed(self.hours) if hour.time == wanted), None)


def read_signals(document: object) -> tuple[Signal, ...]:
    """Stored signals, newest first."""
    if not isinstance(document, list):
        raise MalformedAnswer("signals is not a list")
    items: list[Mapping[str, object]] = document
    read = [Signal.read(Fields.of(item, f"signals[{i}]")) for i, item in enumerate(items)]
    return tuple(read[::-1])
