"""Which bars the backend serves, by setting."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Protocol

from assay.clock import Clock, SystemClock
from assay.errors import SourceUnavailable
from assay.market.crypto.feed import CryptoFeed
from assay.market.feed import FeedStatus, GoldFeed
from assay.market.keys import SIMULATED
from assay.market.series import MarketSnapshot
from assay.market.sources.exchange import ExchangesSource
from assay.market.sources.replay import ReplaySource, replay_clock
from assay.market.sources.replay_crypto import ReplayedExchanges, replay_files
from assay.market.sources.simulated import SimulatedSource
from assay.market.sources.simulated_crypto import SimulatedExchanges
from assay.market.sources.yahoo import YahooSource
from assay_backend.services.database import Database
from assay_backend.settings import Settings


class MarketFeed(Protocol):
    """What the services need of a feed."""

    def snapshot(self) -> MarketSnapshot:
        """The newest bars at hand, without waiting; SourceUnavailable where there are none."""
        ...

    def refresh(self) -> bool:
        """Asks the source for news; blocks."""
        ...

    def next_due(self) -> datetime:
        """When to refresh next."""
        ...

    def status(self) -> FeedStatus:
        """For operators."""
        ...


def market_clock(settings: Settings) -> Clock:
    """The machine's clock, or in replay one that stands where the file ends (InvalidBars)."""
    if settings.market_source == "replay":
        return replay_clock(_replay_file(settings.replay_gold_csv))
    return SystemClock()


def open_feed(settings: Settings, clock: Clock, database: Database) -> GoldFeed:
    """The feed with whatever bars can be had without asking an upstream.

    Raises InvalidBars for a replay file that cannot be used, StorageError for the database.
    """
    mode, deadline_seconds = settings.market_source, settings.upstream_deadline_seconds
    simulated = SimulatedSource(clock)
    if mode == "simulated":
        return GoldFeed(simulated, None, clock, mode=mode)
    if mode == "replay":
        source = ReplaySource(
            gold_csv=_replay_file(settings.replay_gold_csv),
            sp500_csv=_replay_file(settings.replay_sp500_csv),
            clock=clock,
        )
        return GoldFeed(source, None, clock, mode=mode)
    return GoldFeed(
        YahooSource(clock),
        database.store(),
        clock,
        mode=mode,
        fallback=simulated if mode == "auto" else None,
        deadline_seconds=deadline_seconds,
    )


def open_crypto_feed(settings: Settings, clock: Clock, database: Database) -> CryptoFeed:
    """The feed of exchanges' bars; it asks nobody yet.

    Raises InvalidBars for a replay file that cannot be used, StorageError for the database.
    """
    simulated = SimulatedExchanges(clock)
    pace = settings.upstream_deadline_seconds
    if settings.market_source == "simulated":
        return CryptoFeed(
            simulated,
            None,
            clock,
            exchanges=settings.crypto_exchanges,
            watch=settings.crypto_watch,
            deadline_seconds=pace,
        )
    if settings.market_source == "replay":
        files = replay_files(settings.replay_crypto_csv)
        return CryptoFeed(
            ReplayedExchanges(files, clock),
            None,
            clock,
            exchanges=settings.crypto_exchanges,
            watch=tuple(files),
            deadline_seconds=pace,
        )
    return CryptoFeed(
        ExchangesSource(clock),
        database.store(),
        clock,
        exchanges=settings.crypto_exchanges,
        failover=settings.crypto_failover,
        watch=settings.crypto_watch,
        fallback=simulated if settings.market_source == "auto" else None,
        deadline_seconds=pace,
    )


def lacks_live_bars(settings: Settings, feed: MarketFeed) -> bool:
    """Whether live bars are wanted and none were ever had."""
    if settings.market_source not in ("live", "auto"):
        return False
    try:
        return feed.snapshot().gold.source == SIMULATED
    except SourceUnavailable:
        return True


def _replay_file(path: Path | None) -> Path:
    if path is None:
        raise AssertionError("the settings demand the replay files")
    return path
