"""Two years of a coin's hourly bars: as far as they go at once, deepened behind readers' backs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple, TypeVar

from assay.clock import Clock
from assay.errors import MarketDataError, RateLimited, SourceUnavailable
from assay.market.bars import Bars, CheckedBars
from assay.market.crypto.history import History
from assay.market.crypto.keeping import Keeper
from assay.market.crypto.market_lists import MarketLists
from assay.market.crypto.plan import BARS_READ_AGAIN, Bounds, Span, spans_to_fetch
from assay.market.crypto.series import ExchangeSeries, HeldSeries, gaps_of, instant
from assay.market.endpoints import Endpoints
from assay.market.keys import SeriesKey
from assay.market.pacing import CallBudget
from assay.market.series import merged
from assay.market.sources.base import ExchangeSource, Fetched
from assay.market.timeframes import timeframe
from assay.market.venues import Venue

T = TypeVar("T")

HOURLY: Final = "1h"
DAILY: Final = "1d"
MOST_HOURS: Final = 17_520
YEAR_HOURS: Final = 8_760
YEAR_DAYS: Final = 365
MOST_COINS: Final = 256  # .8 MB each
LOCAL_SECONDS: Final = 10.0
# An exchange that fails is asked last for a while: what lies far back may not cause that often.
LEAST_PAUSE_SECONDS: Final = 120.0
LONGEST_PAUSE_SECONDS: Final = 3600.0
VAIN_CALLS: Final = 2
VAIN_SECONDS: Final = 60.0
WORTH_A_CALL: Final = 3  # bars

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Past:
    """Closed bars of one market at one exchange, oldest first.

    `hourly` are the newest MOST_HOURS, or as many as there are yet. `daily` reach further back
    where hourly ones cannot, else they are None. `depth` grows whenever older bars have come.
    """

    hourly: Bars
    daily: Bars | None
    depth: int


class Local(NamedTuple):
    """A source at hand, which has bars of any age at once, and its markets."""

    source: ExchangeSource
    lists: MarketLists


class _NotNow(SourceUnavailable):
    """Nobody was asked."""


@dataclass(slots=True)
class _Rest:
    """A pause after what was in vain, twice as long each time until something comes."""

    until: datetime | None = None
    vain: int = 0

    def begin(self, now: datetime, least_seconds: float, *, in_vain: bool) -> None:
        pause = min(LEAST_PAUSE_SECONDS * 2.0**self.vain, LONGEST_PAUSE_SECONDS)
        self.until = now + timedelta(seconds=max(pause, least_seconds))
        self.vain += in_vain

    def is_over(self, now: datetime) -> bool:
        return self.until is None or now >= self.until

    def end(self) -> None:
        self.until, self.vain = None, 0


@dataclass(slots=True, eq=False)
class _Coin:
    """`told` is how many bars there were when `depth` last grew; `filled` once there are no older
    ones to be had.
    """

    bars: Bars
    told: int = 0
    depth: int = 0
    filled: bool = False
    rest: _Rest = field(default_factory=_Rest)


_Name = tuple[SeriesKey, str]


class DeepHistory:
    """Bars of the past beside a feed, for one event loop.

    `past` never waits for an exchange: it has what is stored and what the feed holds. What is
    missing is asked for in the background, a page after the other, one exchange's coins in turn,
    within the feed's breakers and a budget of its own. Bars of sources at hand (`local`, by their
    label) are asked of these. The MOST_COINS asked for last stay in memory.
    """

    def __init__(
        self,
        source: ExchangeSource,
        lists: MarketLists,
        endpoints: Endpoints,
        keeper: Keeper,
        clock: Clock,
        *,
        exchanges: Mapping[str, Venue],
        local: Mapping[str, Local],
        at_hand: Callable[[SeriesKey, int], ExchangeSeries | None],
        bars: Callable[[SeriesKey, int], Awaitable[ExchangeSeries]],
        after_seconds: float,
        pace_seconds: float,
    ) -> None:
        self._source = source
        self._lists = lists
        self._endpoints = endpoints
        self._keeper = keeper
        self._clock = clock
        self._exchanges = exchanges
        self._local = local
        self._at_hand = at_hand
        self._bars = bars
        self._after_seconds = after_seconds
        self._pace_seconds = pace_seconds
        self._coins: OrderedDict[_Name, _Coin] = OrderedDict()
        self._waiting: dict[str, deque[SeriesKey]] = {}
        self._fillers: dict[str, asyncio.Task[None]] = {}
        self._daily: dict[SeriesKey, asyncio.Task[None]] = {}
        self._budgets: dict[str, CallBudget] = {}
        self._rests: defaultdict[str, _Rest] = defaultdict(_Rest)

    def depth(self, held: HeldSeries) -> int:
        """The depth that `past` would give at least; cheap. What is missing is asked for."""
        coin = self._coins.get((held.key, held.source))
        if coin is None:
            return 0
        if not coin.filled:
            self._want(held.key, coin)
        return coin.depth

    async def past(self, held: HeldSeries) -> Past:
        """All bars before and in `held`, which are hourly; daily where the source has no others.

        Raises MarketDataError where a local source has none.
        """
        name, of = (held.key, held.source), held.timeframe
        coin = self._coins.get(name)
        if coin is None or (
            len(coin.bars) and held.bars.time[0] > of.ends(coin.bars.time[-1])
        ):  # what lies between is stored, or at hand
            coin = await self._open(held)
        self._coins.move_to_end(name)
        depth = coin.depth
        coin.bars = _newest(merged(coin.bars, held.bars))
        coin.told = coin.told or len(coin.bars)
        if held.key.timeframe == DAILY:
            return Past(Bars.empty(), coin.bars, depth)
        if not coin.filled:
            self._want(held.key, coin)
        return Past(coin.bars, await self._daily_of(held, coin), depth)

    async def settled(self) -> None:
        """Waits until nothing more is being asked for."""
        while tasks := [*self._fillers.values(), *self._daily.values()]:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Gives up what is under way."""
        tasks = [*self._fillers.values(), *self._daily.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What is there

    async def _open(self, held: HeldSeries) -> _Coin:
        """The coin with what is stored of it, or with all that a local source has."""
        name = (held.key, held.source)
        if held.source in self._local:
            bars = await self._ask_local(held, held.key.timeframe, MOST_HOURS)
            coin = _Coin(bars, filled=True)
        else:
            coin = _Coin(
                await self._keeper.read(held.key, last=MOST_HOURS),
                filled=held.key.timeframe != HOURLY,
            )
        self._coins[name] = coin
        while len(self._coins) > MOST_COINS:
            self._coins.popitem(last=False)
        return coin

    async def _ask_local(self, held: HeldSeries, name: str, most: int) -> Bars:
        source, lists = self._local[held.source]
        exchange, symbol, _ = held.key
        of = timeframe(name)
        newest = of.last_open(held.bars.time[-1])
        fetched = await source.bars(
            self._exchanges[exchange].endpoints[0],
            (await lists.of(exchange)).resolve(symbol),
            of,
            start=of.shifted(newest, -most),
            deadline_seconds=LOCAL_SECONDS,
        )
        self._keeper.note(held.key._replace(timeframe=name), fetched.checked)
        return fetched.checked.bars

    async def _daily_of(self, held: HeldSeries, coin: _Coin) -> Bars | None:
        """Daily bars, where there cannot be a year of hourly ones."""
        if held.source in self._local:
            if len(coin.bars) >= YEAR_HOURS:
                return None
            with contextlib.suppress(MarketDataError):
                return await self._ask_local(held, DAILY, 2 * YEAR_DAYS)
            return None
        most = self._exchanges[held.key.source].most_bars
        if most is None or most >= YEAR_HOURS:
            return None
        key = held.key._replace(timeframe=DAILY)
        series = self._at_hand(key, 1)
        if series is not None and series.held.key == key:
            return series.held.bars
        if key not in self._daily:
            task = asyncio.create_task(self._bring_daily(key, coin))
            task.add_done_callback(partial(_ended, self._daily, key))
            self._daily[key] = task
        return None

    async def _bring_daily(self, key: SeriesKey, coin: _Coin) -> None:
        await asyncio.sleep(self._after_seconds)
        try:
            series = await self._bars(key, YEAR_DAYS)
        except MarketDataError as error:
            log.info("No daily bars of %s: %s", key, error.message)
        else:
            coin.depth += series.held.key == key

    # What is missing

    def _want(self, key: SeriesKey, coin: _Coin) -> None:
        """Sees to it that older bars come, unless that was in vain a short while ago."""
        now = self._clock.now()
        if not (coin.rest.is_over(now) and self._rests[key.source].is_over(now)):
            return
        waiting = self._waiting.setdefault(key.source, deque())
        if key not in waiting:
            waiting.append(key)
        if key.source not in self._fillers:
            task = asyncio.create_task(self._fill(key.source))
            task.add_done_callback(partial(_ended, self._fillers, key.source))
            self._fillers[key.source] = task

    async def _fill(self, exchange: str) -> None:
        """Deepens the exchange's coins that wait, one after the other, until one is in vain."""
        await asyncio.sleep(self._after_seconds)
        waiting = self._waiting[exchange]
        while waiting:
            coin = self._coins.get((waiting[0], exchange))
            try:
                if coin is not None:
                    await self._deepen(waiting[0], coin)
            except MarketDataError as error:
                self._rest(exchange, coin, error)
                waiting.clear()  # they come again when they are asked for
            else:
                waiting.popleft()

    def _rest(self, exchange: str, coin: _Coin | None, error: MarketDataError) -> None:
        log.info("The past is asked for later: %s", error.message)
        asked = error.retry_after_seconds if isinstance(error, RateLimited) else 0.0
        for rest in (self._rests[exchange], coin.rest if coin else _Rest()):
            rest.begin(self._clock.now(), asked, in_vain=not isinstance(error, _NotNow))

    async def _deepen(self, key: SeriesKey, coin: _Coin) -> None:
        """Brings what is missing of MOST_HOURS, the newest first.

        Raises SourceUnavailable where the exchange cannot be asked any more; what came stays.
        """
        venue = self._exchanges[key.source]
        history = History(
            self._source,
            self._clock,
            key=key,
            market=(await self._lists.of(key.source)).resolve(key.symbol),
            ask=partial(self._ask, venue),
            keep=partial(self._keep, key, coin),
            most=venue.page_bars,
        )
        try:
            for span in _missing(coin.bars, key, venue, self._clock.now()):
                await history.bring(span, lambda _: None)
            coin.filled = True
        finally:
            if len(coin.bars) > coin.told:
                self._tell(coin)
        log.info("%s: %d bars", key, len(coin.bars))

    async def _keep(self, key: SeriesKey, coin: _Coin, checked: CheckedBars) -> None:
        await self._keeper.write(key, checked)
        coin.rest.end()
        self._rests[key.source].end()
        coin.bars = _newest(merged(checked.bars, coin.bars))
        if len(coin.bars) >= 2 * coin.told:
            self._tell(coin)

    @staticmethod
    def _tell(coin: _Coin) -> None:
        coin.told = len(coin.bars)
        coin.depth += 1

    async def _ask(self, venue: Venue, question: Callable[[str], Awaitable[Fetched]], /) -> Fetched:
        """What the first endpoint answers that has not failed since it last answered anybody: so
        no breaker opens for what lies far back.
        """
        await asyncio.sleep(self._pace_seconds)
        budget = self._budgets.setdefault(
            venue.name, CallBudget(self._clock, calls=VAIN_CALLS, window_seconds=VAIN_SECONDS)
        )
        failure: SourceUnavailable | None = None
        for endpoint in sorted(venue.endpoints, key=self._endpoints.is_suspect):
            if not self._endpoints.admits(endpoint) or self._endpoints.failed_at(endpoint):
                continue
            try:
                return await self._endpoints.call(endpoint, budget, partial(question, endpoint))
            except SourceUnavailable as error:
                failure = failure or error
        raise failure or _NotNow(f"{venue.title} has failed, and has not answered anybody since")


def _missing(bars: Bars, key: SeriesKey, venue: Venue, now: datetime) -> list[Span]:
    """What to ask for: older bars, and gaps of a page or more. The newest are the feed's to get."""
    of = timeframe(key.timeframe)
    extent = _Extent(instant(bars.time[0]), instant(bars.time[-1]))
    bounds = Bounds(
        since=instant(of.shifted(bars.time[-1], 1 - MOST_HOURS)),
        until=instant(of.shifted(bars.time[-1], 1 - BARS_READ_AGAIN)),
        gaps=False,
    )
    spans = spans_to_fetch(extent, gaps_of(bars, of), bounds, of=of, venue=venue, now=now)
    return [span for span in spans if span.count(of) >= WORTH_A_CALL]


class _Extent(NamedTuple):
    first: datetime
    last: datetime


def _ended(tasks: dict[T, asyncio.Task[None]], name: T, task: asyncio.Task[None]) -> None:
    del tasks[name]
    if not task.cancelled() and task.exception() is not None:
        log.error("Asking for the past failed for a bug", exc_info=task.exception())


def _newest(bars: Bars) -> Bars:
    return bars.take(slice(-MOST_HOURS, None)) if len(bars) > MOST_HOURS else bars
