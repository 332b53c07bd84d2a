"""The composition root: everything the endpoints need, built from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from fastapi import Request

from assay.clock import Clock
from assay.market.crypto.feed import CryptoFeed
from assay_backend.answers import Answer
from assay_backend.services.admin_gate import AdminGate
from assay_backend.services.backtests import BacktestService
from assay_backend.services.canary import Canary
from assay_backend.services.champion import ChampionService
from assay_backend.services.coin_risk import CoinRiskMetrics
from assay_backend.services.coins import CoinService
from assay_backend.services.counters import Counters
from assay_backend.services.database import Database
from assay_backend.services.ending import Ending
from assay_backend.services.evaluations import EvaluationService
from assay_backend.services.forecasts import ForecastService, prove_on_bars
from assay_backend.services.health import HealthService
from assay_backend.services.history import HistoryService
from assay_backend.services.ledger import LedgerService
from assay_backend.services.market import (
    MarketFeed,
    market_clock,
    open_crypto_feed,
    open_feed,
)
from assay_backend.services.market_metrics import MarketMetrics
from assay_backend.services.metrics import MetricsService
from assay_backend.services.models import ModelService
from assay_backend.services.ohlcv import OhlcvService
from assay_backend.services.once import OnceService
from assay_backend.services.recording import ForecastRecorder
from assay_backend.services.regimes import RegimeService
from assay_backend.services.registry import RegistryFollower, open_follower, who_chooses
from assay_backend.services.report import ReportService
from assay_backend.services.scoring import ScoringService
from assay_backend.services.service_metrics import ServiceMetrics
from assay_backend.services.signals import SignalService
from assay_backend.services.status import StatusService
from assay_backend.services.storage import StorageService
from assay_backend.services.streams import StreamService
from assay_backend.services.track_record import TrackRecordService
from assay_backend.services.verification import VerificationService
from assay_backend.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """One of each a process."""

    settings: Settings
    clock: Clock
    ending: Ending
    admin: AdminGate
    database: Database
    ledger: LedgerService
    storage: StorageService
    verification: VerificationService
    counters: Counters
    feed: MarketFeed
    crypto: CryptoFeed
    champion: ChampionService
    follower: RegistryFollower | None
    models: ModelService
    forecasts: ForecastService
    canary: Canary | None
    recorder: ForecastRecorder
    scoring: ScoringService
    track_record: TrackRecordService
    report: ReportService
    history: HistoryService
    ohlcv: OhlcvService
    coins: CoinService
    signals: SignalService
    streams: StreamService
    backtests: BacktestService
    regimes: RegimeService
    once: OnceService
    evaluations: EvaluationService
    health: HealthService
    status: StatusService
    metrics: MetricsService

    def forecast_for(self, request: Request) -> Answer:
        """The challenger's forecast for the callers who get it, for all others the champion's.

        Raises what ForecastService.answer raises.
        """
        if self.canary is not None and (answer := self.canary.answer(request)) is not None:
            return answer
        return self.forecasts.answer()


def build_services(
    settings: Settings,
    *,
    clock: Clock | None = None,
    feed: MarketFeed | None = None,
    crypto: CryptoFeed | None = None,
) -> Services:
    """Builds everything, with the champion and the bars that are at hand already loaded.

    `clock`, `feed` and `crypto` stand in for those that the settings name. Raises InvalidBars or
    StorageError where the settings name something that cannot be used.
    """
    clock, ending = clock or market_clock(settings), Ending()
    database = Database(settings.sqlalchemy_url, named_by=settings.database_setting)
    crypto = crypto or open_crypto_feed(settings, clock, database)
    feed = feed or open_feed(settings, clock, database)
    champion = ChampionService(settings.bundle_folder, prove=partial(prove_on_bars, feed, clock))
    champion.check()
    forecasts = ForecastService(champion, feed, clock)
    forecasts.refresh()
    ledger = LedgerService(
        database, clock, settings.signals_file, file_named_by=settings.signals_file_setting
    )
    storage = StorageService(database, ledger)
    counters = Counters(database)
    status = StatusService(feed, crypto, database, clock)
    scoring = ScoringService(database, feed, crypto, clock)
    canary = _canary(settings, champion, feed, ledger, counters, clock)
    coins = CoinService(crypto, champion, clock)
    signals = SignalService(crypto, coins, clock)
    verification, report = VerificationService(database, clock), ReportService()
    health = HealthService(
        champion,
        feed,
        crypto,
        forecasts,
        ledger,
        storage,
        canary,
        clock,
        mode=settings.market_source,
    )
    return Services(
        settings=settings,
        clock=clock,
        ending=ending,
        admin=AdminGate(settings.admin_key),
        database=database,
        ledger=ledger,
        storage=storage,
        verification=verification,
        counters=counters,
        feed=feed,
        crypto=crypto,
        champion=champion,
        follower=open_follower(settings, champion, clock),
        models=ModelService(
            champion,
            forecasts,
            settings.bundle_folder,
            clock,
            trial=lambda: canary.document(scoring.figures) if canary else None,
            elsewhere=who_chooses(settings),
        ),
        forecasts=forecasts,
        canary=canary,
        recorder=ForecastRecorder(forecasts, ledger.append, clock),
        scoring=scoring,
        track_record=TrackRecordService(
            database, crypto, scoring, clock, failover=settings.crypto_failover
        ),
        report=report,
        history=HistoryService(feed, clock),
        ohlcv=OhlcvService(crypto, clock),
        coins=coins,
        signals=signals,
        streams=StreamService(signals, ending),
        backtests=BacktestService(crypto, champion, clock),
        regimes=RegimeService(crypto, champion, clock),
        once=OnceService(ledger),
        evaluations=EvaluationService(champion, clock),
        health=health,
        status=status,
        metrics=MetricsService(
            status,
            ledger,
            counters,
            scoring,
            clock,
            more=(
                MarketMetrics(status),
                ServiceMetrics(
                    champion,
                    health,
                    verification,
                    scoring,
                    report,
                    clock,
                    commit=settings.git_commit,
                ),
                storage,
                CoinRiskMetrics(crypto, coins),
                *([canary] if canary else []),
            ),
        ),
    )


def _canary(
    settings: Settings,
    champion: ChampionService,
    feed: MarketFeed,
    ledger: LedgerService,
    counters: Counters,
    clock: Clock,
) -> Canary | None:
    """None where no caller is to get a challenger: it then costs nothing."""
    if not settings.canary_share:
        return None
    folder, share = settings.canary_uri, settings.canary_share
    canary = Canary(folder, champion, feed, ledger.append, counters, clock, share=share)
    canary.check()
    canary.refresh()
    return canary


def services_of(request: Request) -> Services:
    """The services of the app that `request` came to."""
    services: Services = request.scope["state"]["services"]
    return services
