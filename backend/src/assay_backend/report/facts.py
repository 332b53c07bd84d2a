"""What the daily report tells, before any word of it: plain documents, gathered at one instant."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError, SourceUnavailable
from assay.market.crypto.series import instant
from assay.market.keys import SeriesKey
from assay.market.timeframes import timeframe
from assay.store.ledger_records import Head, LedgerRow, Outcome
from assay_backend.report.agenda import Agenda, agenda_at
from assay_backend.schemas.signals import SignalRequest
from assay_backend.services.figures import TrackFigures
from assay_backend.services.gold_track import gold_tracked
from assay_backend.services.signal_track import signals_tracked
from assay_backend.services.signals import Asked
from assay_backend.services.tracked import Tracked
from assay_backend.version import VERSION

if TYPE_CHECKING:  # it is one of them that makes the report
    from assay_backend.services.container import Services

HORIZONS_MIN = (60, 1440)
CLOSES_SHOWN = 40
HOURS_SHOWN = 168
FORECASTS_SHOWN = 10
MOST_COINS = 20
# Of more signals than this the newest are told of.
MOST_SIGNALS = 5000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CoinFacts:
    """A watched coin now: what is said of each horizon, in minutes, and its closes of a week by the
    instants of the closes; or why nothing is said.
    """

    key: SeriesKey
    signals: dict[int, Document] = field(default_factory=dict)
    closes: tuple[tuple[datetime, float], ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class SignalGroup:
    """Stored signals of one coin and horizon since `Facts.signals_since`."""

    subject: str
    horizon_min: int
    items: tuple[Tracked, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything, as it stood at `now`. `gold` is the forecast as answered, or `gold_problem` tells
    why there is none; `forecasts` are the newest of the ledger. `problems` are the champion's.
    """

    now: datetime
    version: str
    status: str
    mode: str
    model: str | None
    problems: tuple[str, ...]
    market: Document
    quarantine: Document | None
    metrics: Document
    figures: TrackFigures
    head: Head | None
    gold: Document | None
    gold_problem: str | None
    closes: tuple[tuple[str, float], ...]
    forecasts: tuple[Tracked, ...]
    coins: tuple[CoinFacts, ...]
    signals_since: datetime
    signals: tuple[SignalGroup, ...]
    signals_cut: bool
    bundle_created: datetime | None
    trained_to: date | None
    agenda: Agenda


async def gather(services: Services) -> Facts:
    """Reads all there is. What cannot be had is told as such, and stops nothing."""
    now = services.clock.now()
    since = datetime.combine(now.date() - timedelta(days=1), time(), tzinfo=now.tzinfo)
    await services.metrics.read()
    stored, quarantine, coins = await asyncio.gather(
        asyncio.to_thread(_read_ledger, services, since),
        services.status.quarantine(),
        asyncio.gather(*(_coin(services, key) for key in watched(services))),
    )
    head, forecasts, signals = stored
    gold, problem = _gold(services)
    bundle = services.champion.state.bundle
    return Facts(
        now=now,
        version=VERSION,
        status=services.health.report()["status"],
        mode=services.settings.market_source,
        model=bundle.metadata.version if bundle else None,
        problems=services.champion.state.problems,
        market=services.status.market(),
        quarantine=quarantine,
        metrics=services.metrics.document(),
        figures=services.scoring.figures,
        head=head,
        gold=gold,
        gold_problem=problem,
        closes=_closes(services),
        forecasts=forecasts,
        coins=tuple(coins),
        signals_since=since,
        signals=_grouped(signals),
        signals_cut=len(signals) == MOST_SIGNALS,
        bundle_created=datetime.fromisoformat(bundle.metadata.created_at) if bundle else None,
        trained_to=date.fromisoformat(bundle.metadata.trained_to) if bundle else None,
        agenda=agenda_at(now),
    )


def watched(services: Services) -> list[SeriesKey]:
    """The coins that are always kept fresh, each market once."""
    keys = [each.key for each in services.crypto.status().series if each.pinned]
    keys = keys or list(services.settings.crypto_watch)
    markets: dict[tuple[str, str], SeriesKey] = {}
    for key in keys:
        markets.setdefault((key.source, key.symbol), key)
    return list(markets.values())[:MOST_COINS]


def _read_ledger(
    services: Services, since: datetime
) -> tuple[Head | None, tuple[Tracked, ...], list[Tracked]]:
    """Its head, the newest forecasts, and the signals stored since; nothing without a database."""
    try:
        ledger = services.database.store().ledger
        head = ledger.head()
        forecasts = gold_tracked(ledger.track(kind="gold_forecast", last=FORECASTS_SHOWN))
        signals = signals_tracked(_since(ledger.track(kind="signal", last=MOST_SIGNALS), since))
    except AssayError:
        return None, (), []
    return head, tuple(forecasts), signals


def _since(
    pairs: tuple[tuple[LedgerRow, Outcome | None], ...], since: datetime
) -> list[tuple[LedgerRow, Outcome | None]]:
    return [pair for pair in pairs if pair[0].created >= since]


def _grouped(signals: list[Tracked]) -> tuple[SignalGroup, ...]:
    groups: dict[tuple[str, int], list[Tracked]] = {}
    for item in signals:
        market = item.row.entry.subject.rpartition(" ")[0]
        groups.setdefault((market, item.said["horizon_min"]), []).append(item)
    return tuple(SignalGroup(*name, tuple(items)) for name, items in sorted(groups.items()))


def _gold(services: Services) -> tuple[Document | None, str | None]:
    try:
        return json.loads(services.forecasts.answer().body), None
    except AssayError as error:
        return None, error.message
    except RuntimeError as error:  # a bug, which the log has
        return None, str(error)


def _closes(services: Services) -> tuple[tuple[str, float], ...]:
    try:
        bars = services.feed.snapshot().gold.bars.take(slice(-CLOSES_SHOWN, None))
    except SourceUnavailable:
        return ()
    sessions: list[date] = bars.session.tolist()
    return tuple(
        (day.isoformat(), close) for day, close in zip(sessions, bars.close.tolist(), strict=True)
    )


async def _coin(services: Services, key: SeriesKey) -> CoinFacts:
    """Its signals, recorded nowhere."""
    try:
        hourly = await services.crypto.bars(key._replace(timeframe="1h"), HOURS_SHOWN)
        signals = {}
        for minutes in HORIZONS_MIN:
            request = SignalRequest(
                symbol=key.symbol, exchange=key.source, timeframe="1h", horizon_min=minutes
            )
            prepared = await services.signals.prepare(Asked(request, None))
            signals[minutes] = json.loads(services.signals.look(prepared).body)
    except AssayError as error:
        return CoinFacts(key, problem=error.message)
    bars = hourly.bars
    ends = [instant(end) for end in timeframe("1h").ends(bars.time)]
    return CoinFacts(key, signals, tuple(zip(ends, bars.close.tolist(), strict=True)))
