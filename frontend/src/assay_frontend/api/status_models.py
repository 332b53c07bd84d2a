"""The API's answers about itself: what it asks, how fresh that is, and what it has kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from assay_frontend.api.fields import Fields


@dataclass(frozen=True, slots=True)
class Breaker:
    """One place that is asked for bars; `state` is closed, open, half_open or blocked."""

    feed: str
    endpoint: str
    state: str
    failures: int
    shut_until: datetime | None
    last_error: str | None
    calls: int
    failed: int

    @classmethod
    def parse(cls, fields: Fields) -> Breaker:
        return cls(
            feed=fields.text("feed"),
            endpoint=fields.text("endpoint"),
            state=fields.text("state"),
            failures=fields.count("failures"),
            shut_until=fields.instant_or_none("shut_until"),
            last_error=fields.text_or_none("last_error"),
            calls=fields.count("calls"),
            failed=fields.count("failed"),
        )


@dataclass(frozen=True, slots=True)
class SeriesFreshness:
    """One series as readers get it now; `exchange` is None for gold and the S&P 500."""

    exchange: str | None
    symbol: str
    timeframe: str
    source: str | None
    as_of: datetime | None
    age_seconds: float | None
    stale: bool
    rows: int
    next_refresh: datetime | None
    last_error: str | None

    @classmethod
    def parse(cls, fields: Fields) -> SeriesFreshness:
        return cls(
            exchange=fields.text_or_none("exchange"),
            symbol=fields.text("symbol"),
            timeframe=fields.text("timeframe"),
            source=fields.text_or_none("source"),
            as_of=fields.instant_or_none("as_of"),
            age_seconds=fields.number_or_none("age_seconds"),
            stale=fields.flag("stale"),
            rows=fields.count("rows"),
            next_refresh=fields.instant_or_none("next_refresh"),
            last_error=fields.text_or_none("last_error"),
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """Bars that a source did not give."""

    exchange: str | None
    symbol: str
    timeframe: str
    start: str
    end: str
    bars: int

    @classmethod
    def parse(cls, fields: Fields) -> Gap:
        return cls(
            exchange=fields.text_or_none("exchange"),
            symbol=fields.text("symbol"),
            timeframe=fields.text("timeframe"),
            start=fields.text("start"),
            end=fields.text("end"),
            bars=fields.count("bars"),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """How the service is doing: healthy, degraded or unhealthy; None for what has no database."""

    status: str
    market_source: str
    breakers: tuple[Breaker, ...]
    freshness: tuple[SeriesFreshness, ...]
    gaps: tuple[Gap, ...]
    gaps_total: int
    quarantine: dict[str, int] | None
    store_fault: str | None
    ledger_rows: int | None
    ledger_head: str | None
    version: str
    git_commit: str | None
    build_time: datetime | None
    model_version: str | None

    @classmethod
    def parse(cls, document: object) -> Status:
        fields = Fields.of(document, "status")
        versions = fields.child("versions")
        ledger = fields.child("ledger") if fields.has("ledger") else None
        gaps = tuple(Gap.parse(item) for item in fields.items("gaps"))
        return cls(
            status=fields.text("status"),
            market_source=fields.text("market_source"),
            breakers=tuple(Breaker.parse(item) for item in fields.items("breakers")),
            freshness=tuple(SeriesFreshness.parse(item) for item in fields.items("freshness")),
            gaps=gaps,
            gaps_total=fields.count_or_none("gaps_total") or len(gaps),
            quarantine=fields.child("quarantine").counts("by_reason")
            if fields.has("quarantine")
            else None,
            store_fault=fields.text_or_none("store_fault"),
            ledger_rows=ledger.count("rows") if ledger else None,
            ledger_head=ledger.text("head") if ledger else None,
            version=versions.text("version"),
            git_commit=versions.text_or_none("git_commit"),
            build_time=versions.instant_or_none("build_time"),
            model_version=versions.text_or_none("model_version"),
        )

    @property
    def simulated(self) -> bool:
        """Whether bars that are shown come from a simulation."""
        return any(series.source == "simulated" for series in self.freshness)


@dataclass(frozen=True, slots=True)
class Health:
    """What is wrong, a sentence each, if anything."""

    status: str
    problems: tuple[str, ...]

    @classmethod
    def parse(cls, document: object) -> Health:
        fields = Fields.of(document, "health")
        return cls(status=fields.text("status"), problems=fields.texts("problems"))


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """What recomputing every hash of the ledger has shown."""

    rows: int
    head: str
    intact: bool
    first_bad: int | None

    @classmethod
    def parse(cls, document: object) -> LedgerCheck:
        fields = Fields.of(document, "ledger")
        return cls(
            rows=fields.count("rows"),
            head=fields.text("head"),
            intact=fields.flag("intact"),
            first_bad=fields.count_or_none("first_bad"),
        )


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counts since `start_time`, but for requests and signals, which outlive a restart."""

    start_time: datetime
    requests: int
    signals: int
    last_signal_at: datetime | None
    upstream_calls: int
    upstream_failures: int
    forecasts_scored: int
    forecasts_pending: int
    signals_scored: int
    signals_pending: int

    @classmethod
    def parse(cls, document: object) -> Metrics:
        fields = Fields.of(document, "metrics")
        return cls(
            start_time=fields.instant("start_time"),
            requests=fields.count("requests_total"),
            signals=fields.count("signals_total"),
            last_signal_at=fields.instant_or_none("last_signal_at"),
            upstream_calls=fields.count("upstream_calls_total"),
            upstream_failures=fields.count("upstream_failures_total"),
            forecasts_scored=fields.count("gold_forecasts_scored_total"),
            forecasts_pending=fields.count("gold_forecasts_pending"),
            signals_scored=fields.count("signals_scored_total"),
            signals_pending=fields.count("signals_pending"),
        )
