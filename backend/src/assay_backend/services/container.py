"""The composition root: everything the endpoints need, built from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from fastapi import Request

from assay.clock import Clock
from assay_backend.services.champion import ChampionService
from assay_backend.services.database import Database
from assay_backend.services.evaluations import EvaluationService
from assay_backend.services.forecasts import ForecastService, prove_on_bars
from assay_backend.services.health import HealthService
from assay_backend.services.history import HistoryService
from assay_backend.services.market import MarketFeed, market_clock, open_feed
from assay_backend.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """One of each a process."""

    settings: Settings
    clock: Clock
    database: Database
    feed: MarketFeed
    champion: ChampionService
    forecasts: ForecastService
    history: HistoryService
    evaluations: EvaluationService
    health: HealthService


def build_services(
    settings: Settings, *, clock: Clock | None = None, feed: MarketFeed | None = None
) -> Services:
    """Builds everything, with the champion and the bars that are at hand already loaded.

    `clock` and `feed` stand in for those that the settings name. Raises InvalidBars or StorageError
    where the settings name something that cannot be used.
    """
    clock = clock or market_clock(settings)
    database = Database(settings.sqlalchemy_url)
    feed = feed or open_feed(settings, clock, database)
    champion = ChampionService(settings.bundle_folder, prove=partial(prove_on_bars, feed, clock))
    champion.check()
    forecasts = ForecastService(champion, feed, clock)
    forecasts.refresh()
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        feed=feed,
        champion=champion,
        forecasts=forecasts,
        history=HistoryService(feed, clock),
        evaluations=EvaluationService(champion, clock),
        health=HealthService(champion, feed, forecasts, mode=settings.market_source),
    )


def services_of(request: Request) -> Services:
    """The services of the app that `request` came to."""
    services: Services = request.scope["state"]["services"]
    return services
