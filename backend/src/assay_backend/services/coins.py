"""Coins as the volatility model sees them: worked out once an hour, off the event loop."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import numpy as np

from assay.bundle.files import Bundle
from assay.clock import Clock
from assay.errors import AssayError
from assay.market.bars import Bars
from assay.market.crypto.deep import Past
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

# What was said of a coin takes little, the state that it was said of some 2 MB.
MOST_COINS: Final = 512
MOST_STATE_BYTES: Final = 64 * 1024 * 1024
MOST_ASSESSED: Final = 1000
# Who asked in this time finds the coin ready after the hour's end, over as many horizons.
ASKED_LATELY: Final = timedelta(hours=2)
MOST_READY: Final = 8

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Coin:
    """One market at one exchange after its newest hour, by one bundle; a later one has a greater
    `version`. `close` is the price at the state's origin, `depth` that of the bars it is made of,
    `assessed` has what was said of it by horizon in minutes.
    """

    hourly: HeldSeries
    close: float
    bundle: Bundle
    model: VolatilityModel
    depth: int
    version: int
    assessed: dict[int, Assessment] = field(default_factory=dict, repr=False)

    @property
    def as_of(self) -> datetime:
        """The newest hour's end."""
        return self.hourly.as_of


_Name = tuple[SeriesKey, str]


class CoinService:
    """Keeps the coins asked for last; however many wait for one, it is made once. For one loop.

    What was said of a coin is kept longer than its state, which is made again where another horizon
    is asked for.
    """

    def __init__(
        self,
        feed: CryptoFeed,
        champion: ChampionService,
        clock: Clock,
    ) -> None:
        self._feed = feed
        self._champion = champion
        self._clock = clock
        self._coins: OrderedDict[_Name, Coin] = OrderedDict()
        self._asked: dict[_Name, datetime] = {}
        self._wanted: dict[_Name, set[int]] = {}
        self._states: OrderedDict[int, CoinState] = OrderedDict()  # by the coin's version
        self._making: dict[_Name, asyncio.Task[Coin]] = {}
        self._assessing: dict[tuple[int, int], asyncio.Task[Assessment]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="coins")
        self._versions = itertools.count(1)

    def at_hand(self, hourly: HeldSeries) -> Coin | None:
        """The coin after the newest of `hourly`, if it was made; never waits.

        Where older bars have come since, it is made anew behind the caller's back. Raises
        BundleError where the champion has no volatility model.
        """
        name = _name(hourly)
        coin = self._current(hourly)
        if coin is None:
            return None
        self._coins.move_to_end(name)
        self._asked[name] = self._clock.now()
        if self._feed.deep.depth(hourly) > coin.depth:
            self._make(hourly)
        return coin

    async def of(self, hourly: HeldSeries, horizon_minutes: int) -> Coin:
        """As `at_hand`, and made where it is not there yet, then assessed over the horizon too.

        Raises BundleError, or TooLittleHistory where nothing can be said of so few bars.
        """
        name = _name(hourly)
        coin = self.at_hand(hourly)
        while coin is None:
            self._wanted.setdefault(name, set()).add(horizon_minutes)
            await asyncio.shield(self._make(hourly))
            self._asked[name] = self._clock.now()
            made = self._coins.get(name)
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

    async def keep_ready(self) -> None:
        """Makes the coins asked for lately whose next hour has come, one after the other, so that
        whoever asks for them next need not wait.
        """
        since = self._clock.now() - ASKED_LATELY
        for name, asked in list(self._asked.items()):
            if asked < since:
                del self._asked[name]
                continue
            series = self._feed.at_hand(name[0], 1)
            if series is None or _name(series.held) != name:
                continue
            try:
                if self._current(series.held) is None:
                    await asyncio.shield(self._make(series.held))
            except AssayError as error:
                del self._asked[name]
                log.info("%s is not ready: %s", name[0], error.message)

    @property
    def state_bytes(self) -> int:
        """What the states take that are kept."""
        return sum(state.nbytes for state in self._states.values())

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

    def _current(self, hourly: HeldSeries) -> Coin | None:
        """The coin after the newest of `hourly`, by the champion."""
        bundle, _ = self._require()
        coin = self._coins.get(_name(hourly))
        if coin is None or coin.as_of != hourly.as_of or coin.bundle.digest != bundle.digest:
            return None
        return coin

    def _make(self, hourly: HeldSeries) -> asyncio.Task[Coin]:
        """The making under way, or a new one."""
        name = _name(hourly)
        task = self._making.get(name)
        if task is None:
            task = asyncio.create_task(self._made(hourly))
            task.add_done_callback(partial(_ended, self._making, name))
            self._making[name] = task
        return task

    async def _made(self, hourly: HeldSeries) -> Coin:
        name = _name(hourly)
        bundle, model = self._require()
        past = await self._feed.deep.past(hourly)
        before = self._coins.get(name)
        if before is not None:  # what was asked for in the hour before will be again
            self._wanted.setdefault(name, set()).update(list(before.assessed)[-MOST_READY:])

        def work() -> tuple[CoinState, dict[int, Assessment]]:
            state = CoinState.of(model, past.hourly, past.daily)
            return state, _assessments(state, self._wanted.pop(name, set()))

        try:
            state, assessed = await self._off_loop(work)
        finally:
            self._wanted.pop(name, None)
        newest = past.hourly if past.daily is None or len(past.hourly) else past.daily
        coin = Coin(
            hourly=hourly,
            close=float(newest.close[-1]),
            bundle=bundle,
            model=model,
            depth=past.depth,
            version=next(self._versions),
            assessed=assessed,
        )
        if before is not None:
            self._states.pop(before.version, None)
        self._keep_state(coin, state)
        self._coins[name] = coin
        self._coins.move_to_end(name)
        while len(self._coins) > MOST_COINS:
            gone, dropped = self._coins.popitem(last=False)
            self._states.pop(dropped.version, None)
            self._asked.pop(gone, None)
        return coin

    def _keep_state(self, coin: Coin, state: CoinState) -> None:
        self._states[coin.version] = state
        self._states.move_to_end(coin.version)
        while len(self._states) > 1 and self.state_bytes > MOST_STATE_BYTES:
            self._states.popitem(last=False)

    async def _assessed(self, coin: Coin, horizon_minutes: int) -> Assessment:
        state = self._states.get(coin.version)
        if state is None:
            past = _up_to(await self._feed.deep.past(coin.hourly), coin.hourly)
            state = await self._off_loop(lambda: CoinState.of(coin.model, past.hourly, past.daily))
        self._keep_state(coin, state)
        found = await self._off_loop(lambda: state.assess(horizon_minutes))
        if len(coin.assessed) >= MOST_ASSESSED:
            coin.assessed.clear()
        coin.assessed[horizon_minutes] = found
        return found


def _name(hourly: HeldSeries) -> _Name:
    return hourly.key, hourly.source


def _assessments(state: CoinState, horizons: Collection[int]) -> dict[int, Assessment]:
    return {minutes: state.assess(minutes) for minutes in sorted(horizons)}


def _up_to(past: Past, hourly: HeldSeries) -> Past:
    """`past` without what has come after `hourly`."""

    def cut(bars: Bars) -> Bars:
        return bars.take(slice(int(np.searchsorted(bars.time, hourly.bars.time[-1], "right"))))

    return Past(cut(past.hourly), None if past.daily is None else cut(past.daily), past.depth)


def _ended(tasks: dict[K, asyncio.Task[T]], name: K, task: asyncio.Task[T]) -> None:
    del tasks[name]
    if not task.cancelled():
        task.exception()  # told to those who wait, if any still do
