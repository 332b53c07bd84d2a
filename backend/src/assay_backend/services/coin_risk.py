"""How risky the coins are that are always kept fresh, for monitoring."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Final, NamedTuple

from prometheus_client.metrics_core import Metric

from assay.errors import AssayError
from assay.market.crypto.deep import HOURLY
from assay.market.crypto.feed import CryptoFeed
from assay.market.keys import SeriesKey
from assay.volatility.assessment import REGIMES, Assessment
from assay_backend.services.coins import CoinService
from assay_backend.services.families import gauges

HORIZON_MINUTES: Final = 24 * 60
_COIN = ("exchange", "symbol")

log = logging.getLogger(__name__)


class _Judged(NamedTuple):
    names: list[str]
    assessment: Assessment


class CoinRiskMetrics:
    """The coming day of each coin in the settings' watch list. For one event loop.

    A scrape tells what is at hand, and has made what is not: where nobody scrapes nothing is done.
    Coins whose hours are overdue are left out, since nothing is known of their present.
    """

    def __init__(self, feed: CryptoFeed, coins: CoinService) -> None:
        self._feed = feed
        self._coins = coins
        self._making: asyncio.Task[None] | None = None

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes."""
        judged = self._judged()
        yield gauges(
            "coin_risk_score",
            "Probability that volatility over 24 hours ends in the past year's top fifth",
            _COIN,
            ((names, found.risk_score) for names, found in judged),
        )
        yield gauges(
            "coin_volatility_annualized",
            "Forecast over 24 hours",
            _COIN,
            ((names, found.annualized) for names, found in judged),
        )
        yield gauges(
            "coin_regime",
            "1 for the regime it is in",
            [*_COIN, "regime"],
            (
                ([*names, regime], float(found.vol_regime == regime))
                for names, found in judged
                if "no_regime" not in found.fallbacks
                for regime in REGIMES
            ),
        )

    def _judged(self) -> list[_Judged]:
        found, missing = [], []
        for key in self._watched():
            try:
                assessment = self._at_hand(key)
            except AssayError:  # no champion, or one that says nothing of coins
                return []
            if assessment is None:
                missing.append(key)
            else:
                found.append(_Judged([key.source, key.symbol], assessment))
        if missing and (self._making is None or self._making.done()):
            self._making = asyncio.create_task(self._make(missing))
        return found

    def _watched(self) -> list[SeriesKey]:
        pinned = [each.key for each in self._feed.status().series if each.pinned]
        return list(dict.fromkeys(key._replace(timeframe=HOURLY) for key in pinned))

    def _at_hand(self, key: SeriesKey) -> Assessment | None:
        series = self._feed.at_hand(key, 1)
        if series is None or series.stale:
            return None
        coin = self._coins.at_hand(series.held)
        return coin.assessed.get(HORIZON_MINUTES) if coin else None

    async def _make(self, keys: list[SeriesKey]) -> None:
        for key in keys:
            try:
                series = await self._feed.bars(key, 1)
                if not series.stale:
                    coin = await self._coins.of(series.held, HORIZON_MINUTES)
                    await self._coins.assess(coin, HORIZON_MINUTES)
            except AssayError as error:
                log.info("The risk of %s is not known: %s", key, error.message)
