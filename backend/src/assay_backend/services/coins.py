"""Coins as the volatility model sees them: worked out once an hour, off the event loop."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from assay.bundle.files import Bundle
from assay.market.crypto.feed import CryptoFeed
from assay.market.crypto.series import HeldSeries
from assay.market.keys import SeriesKey
from assay.volatility.assessment import Assessment
from assay.volatility.model import VolatilityModel
from assay.volatility.state import CoinState
from assay_backend.services.champion import ChampionService
from assay_backend.services.hourly_past import champion_for_coins

K = TypeVar("K")
T = TypeVar("T")

MOST_COINS = 64
MOST_ASSESSED = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Coin:
    """One market at one exchange after its newest hour, by one bundle; a later one has a greater
    `version`. `close` is the price at the state's origin, `depth` that of the bars it is made of,
    `assessed` has what was said of it by horizon in minutes.
    """

    state: CoinState
    close: float
    as_of: datetime
    bundle: Bundle
    depth: int
    version: int
    assessed: dict[int, Assessment] = field(default_factory=dict, repr=False)


_Name = tuple[SeriesKey, str]


class CoinService:
    """Keeps the coins asked for last; however many wait for one, it is made once. For one loop."""

    def __init__(self, feed: CryptoFeed, champion: ChampionService) -> None:
        self._feed = feed
        self._champion = champion
        self._coins: OrderedDict[_Name, Coin] = OrderedDict()
        self._making: dict[_Name, asyncio.Task[Coin]] = {}
        self._assessing: dict[tuple[int, int], asyncio.Task[Assessment]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="coins")
        self._versions = itertools.count(1)

    def at_hand(self, hourly: HeldSeries) -> Coin | None:
        """The coin after the newest of `hourly`, if it was made; never waits.

        Where older bars have come since, it is made anew behind the caller's back. Raises
        BundleError where the champion has no volatility model.
        """
        bundle, _ = self._require()
        name = (hourly.key, hourly.source)
        coin = self._coins.get(name)
        if coin is None or coin.as_of != hourly.as_of or coin.bundle.digest != bundle.digest:
            return None
        if self._feed.deep.depth(hourly) > coin.depth:
            self._make(hourly)
        return coin

    async def of(self, hourly: HeldSeries) -> Coin:
        """As `at_hand`, and made where it is not there yet.

        Raises BundleError, or TooLittleHistory where nothing can be said of so few bars.
        """
        coin = self.at_hand(hourly)
        while coin is None:
            await asyncio.shield(self._make(hourly))
            made = self._coins.get((hourly.key, hourly.source))
            if made is not None and made.as_of >= hourly.as_of:
                coin = made
        return coin

    async def assess(self, coin: Coin, horizon_minutes: int) -> Assessment:
        """The coin's next minutes; the first time over a horizon takes some milliseconds."""
        found = coin.assessed.get(horizon_minutes)
        if found is not None:
            return found
        name = (coin.version, horizon_minutes)
        task = self._assessing.get(name)
        if task is None:
            task = asyncio.create_task(self._assessed(coin, horizon_minutes))
            task.add_done_callback(partial(_ended, self._assessing, name))
            self._assessing[name] = task
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Gives up what is under way."""
        tasks = [*self._making.values(), *self._assessing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _off_loop(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _require(self) -> tuple[Bundle, VolatilityModel]:
        return champion_for_coins(self._champion, lacking="signals")

    def _make(self, hourly: HeldSeries) -> asyncio.Task[Coin]:
        """The making under way, or a new one."""
        name = (hourly.key, hourly.source)
        task = self._making.get(name)
        if task is None:
            task = asyncio.create_task(self._made(hourly))
            task.add_done_callback(partial(_ended, self._making, name))
            self._making[name] = task
        return task

    async def _made(self, hourly: HeldSeries) -> Coin:
        bundle, model = self._require()
        past = await self._feed.deep.past(hourly)
        state = await self._off_loop(lambda: CoinState.of(model, past.hourly, past.daily))
        newest = past.hourly if past.daily is None or len(past.hourly) else past.daily
        coin = Coin(
            state=state,
            close=float(newest.close[-1]),
            as_of=hourly.as_of,
            bundle=bundle,
            depth=past.depth,
            version=next(self._versions),
        )
        name = (hourly.key, hourly.source)
        self._coins[name] = coin
        self._coins.move_to_end(name)
        while len(self._coins) > MOST_COINS:
            self._coins.popitem(last=False)
        return coin

    async def _assessed(self, coin: Coin, horizon_minutes: int) -> Assessment:
        found = await self._off_loop(lambda: coin.state.assess(horizon_minutes))
        if len(coin.assessed) >= MOST_ASSESSED:
            coin.assessed.clear()
        coin.assessed[horizon_minutes] = found
        return found


def _ended(tasks: dict[K, asyncio.Task[T]], name: K, task: asyncio.Task[T]) -> None:
    del tasks[name]
    if not task.cancelled():
        task.exception()  # told to those who wait, if any still do
