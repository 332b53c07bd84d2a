"""The one door to exchanges' bars: from memory or store, refreshed behind the readers' backs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from assay.clock import Clock
from assay.errors import AssayError, SourceUnavailable
from assay.market.crypto.deep import DeepHistory, Local
from assay.market.crypto.keeping import Keeper
from assay.market.crypto.market_lists import MarketLists
from assay.market.crypto.naming import Naming
from assay.market.crypto.refresher import FINAL, PUTTING_AWAY_SECONDS, Refresher
from assay.market.crypto.routes import Route
from assay.market.crypto.series import ExchangeSeries, Gap
from assay.market.crypto.shelf import MOST_BARS, Shelf
from assay.market.crypto.stand_in import StandIn
from assay.market.endpoints import Endpoints, EndpointStatus
from assay.market.keys import SeriesKey
from assay.market.pacing import CallBudget
from assay.market.schedule import RefreshSchedule
from assay.market.sources.base import ExchangeSource
from assay.market.timeframes import timeframe
from assay.market.venues import VENUES, venue

if TYPE_CHECKING:  # SQLAlchemy, which replay and simulated feeds do without
    from assay.store import Store

__all__ = ["MOST_BARS", "CryptoFeed", "CryptoStatus", "ExchangeSeries", "SeriesStatus"]

MOST_ROUTES = 300
MOST_IN_BACKGROUND = 8
TICK_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 600.0
PATIENCE_SECONDS = 0.6
RETRY_SOON_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeriesStatus:
    """One series as readers get it now; nothing but the error where there were never bars."""

    key: SeriesKey
    source: str | None
    as_of: datetime | None
    stale: bool
    rows: int
    gaps: tuple[Gap, ...]
    next_due: datetime
    last_error: str | None
    watched: bool
    pinned: bool


@dataclass(frozen=True, slots=True)
class CryptoStatus:
    """For operators. `counts` as in `Keeper`, and so whether what it counts is `stored`."""

    endpoints: tuple[EndpointStatus, ...]
    series: tuple[SeriesStatus, ...]
    counts: Counter[str]
    stored: bool
    store_fault: str | None


class CryptoFeed:
    """Exchanges' bars with provenance, on one event loop.

    `at_hand` answers from memory and never waits. `bars` waits only where there are none at hand,
    for one fetch however many wait for it, at most `deadline_seconds`. What was asked for lately,
    and all of `watch`, is kept fresh while `keep_current` runs.

    An exchange that cannot be had is stood in for by the next of `failover`, once its own bars are
    missing or stale, with the same market and never with another quote currency. Bars of different
    exchanges are different series. Live bars are kept in `store`. With a `fallback` (mode `auto`)
    its bars stand in until live ones have once been had.

    `deep` has the past of what was asked for there: begun to be fetched `deepen_after_seconds`
    later, a page every `deepen_pace_seconds`.
    """

    def __init__(
        self,
        source: ExchangeSource,
        store: Store | None,
        clock: Clock,
        *,
        exchanges: Sequence[str] = tuple(VENUES),
        failover: Sequence[str] = (),
        watch: Sequence[SeriesKey] = (),
        fallback: ExchangeSource | None = None,
        deadline_seconds: float = 4.0,
        stagger_seconds: float = 1.0,
        deepen_after_seconds: float = 5.0,
        deepen_pace_seconds: float = 0.25,
    ) -> None:
        self._source = source
        self._clock = clock
        self._exchanges = {name: venue(name) for name in exchanges}
        self._watch = tuple(watch)
        self._deadline_seconds = deadline_seconds
        failover = [name for name in failover if name in self._exchanges]
        self._keeper = Keeper(store, clock)
        label = source.source_of(exchanges[0])
        self._endpoints = Endpoints(clock, local=None if label in self._exchanges else label)
        self._shelf = Shelf(
            self._keeper, failover, source_of=source.source_of, had_live=fallback is None
        )
        self._lists = MarketLists(
            source,
            self._endpoints,
            self._keeper,
            clock,
            deadline_seconds=deadline_seconds,
            stagger_seconds=stagger_seconds,
        )
        self._refresher = Refresher(
            source,
            self._lists,
            self._endpoints,
            self._keeper,
            self._shelf,
            clock,
            exchanges=self._exchanges,
            deadline_seconds=deadline_seconds,
            stagger_seconds=stagger_seconds,
        )
        self._stand_in = StandIn(fallback, self._shelf, clock) if fallback else None
        self._naming = Naming(
            self._exchanges,
            failover,
            self._lists,
            self._stand_in.lists if self._stand_in else None,
            self._shelf,
            stagger_seconds=stagger_seconds,
        )
        local = {label: Local(source, self._lists)} if label not in self._exchanges else {}
        if fallback is not None and self._stand_in is not None:
            stood_in = fallback.source_of(exchanges[0])
            local[stood_in] = Local(fallback, self._stand_in.lists)
        self.deep = DeepHistory(
            source,
            self._lists,
            self._endpoints,
            self._keeper,
            clock,
            exchanges=self._exchanges,
            local=local,
            at_hand=self.at_hand,
            bars=self.bars,
            after_seconds=deepen_after_seconds,
            pace_seconds=deepen_pace_seconds,
        )
        self._routes: dict[SeriesKey, Route] = {}
        self._opening: dict[SeriesKey, asyncio.Task[None]] = {}

    def known(self, exchange: str, symbol: str, timeframe: str) -> SeriesKey | None:
        """The series, where its name needs no I/O; errors as for `resolve`."""
        return self._naming.known(exchange, symbol, timeframe)

    async def resolve(self, exchange: str, symbol: str, timeframe: str) -> SeriesKey:
        """The series that is meant, however `symbol` is spelt; see `Naming.resolve`."""
        return await self._naming.resolve(exchange, symbol, timeframe)

    async def series(
        self, exchange: str, symbol: str, timeframe: str, limit: int
    ) -> tuple[SeriesKey, ExchangeSeries]:
        """`resolve` and `bars` within one deadline. Once that has passed, what there is of them;
        SourceUnavailable where that is nothing.
        """
        key: SeriesKey | None = None
        try:
            async with asyncio.timeout(self._deadline_seconds + PATIENCE_SECONDS):
                key = await self.resolve(exchange, symbol, timeframe)
                return key, await self.bars(key, limit)
        except TimeoutError as error:
            found = self._shelf.choose(key, limit, self._clock.now(), shallow=True) if key else None
            if key is not None and found is not None:
                return key, found
            raise SourceUnavailable(
                f"No bars of {symbol} from {exchange} within {self._deadline_seconds:g} s",
                retry_after_seconds=RETRY_SOON_SECONDS,
                exchange=exchange,
            ) from error

    def at_hand(self, key: SeriesKey, limit: int) -> ExchangeSeries | None:
        """The newest bars in memory, marked where they are stale; None where there are too few.

        Where a refresh is due it begins, and nobody waits for it.
        """
        route = self._routes.get(key)
        if route is None:
            return None
        now = self._clock.now()
        route.touched, route.limit = now, max(route.limit, limit)
        if route.due <= now:
            self._start(route)
        return self._shelf.choose(key, limit, now)

    async def bars(self, key: SeriesKey, limit: int) -> ExchangeSeries:
        """As `at_hand`, and where there are too few bars they are fetched: those that come before
        the deadline are the answer, and the next request goes on from there.

        Raises SourceUnavailable where none can be had, or UnknownSymbol.
        """
        route = await self._route(key, limit)
        asked = 0
        while asked < limit:  # a flight that others began may have been for fewer bars
            found = self.at_hand(key, limit)
            if found is not None:
                return found
            if route.flight is None and self._is_in_vain(route):
                break
            flight = self._start(route)
            asked = route.asked
            await self._wait(flight)
        found = self._shelf.choose(key, limit, self._clock.now(), shallow=True)
        if found is None and self._stand_in is not None:  # before a slow start brings live ones
            await self._stand_in.fill(route)
            found = self._shelf.choose(key, limit, self._clock.now(), shallow=True)
        if found is None:
            raise self._why_none(route)
        return found

    async def keep_current(self) -> None:
        """Refreshes what is watched when it is due, until cancelled."""
        self._source.start()
        for key in self._watch:
            (await self._route(key, 1)).pinned = True
        while True:
            self.refresh_due()
            await asyncio.sleep(TICK_SECONDS)

    def refresh_due(self) -> None:
        """Begins the refreshes that are due now, not too many at once."""
        now, routes = self._clock.now(), list(self._routes.values())
        flying = sum(route.flight is not None for route in routes)
        due = [route for route in routes if route.flight is None and route.due <= now]
        due = [route for route in due if route.is_watched(now)]
        for route in due[: max(MOST_IN_BACKGROUND - flying, 0)]:
            self._start(route)
        self._drop_unused()

    def status(self) -> CryptoStatus:
        """How sources and series are doing."""
        now = self._clock.now()
        return CryptoStatus(
            endpoints=self._endpoints.status(),
            series=tuple(self._status_of(route, now) for route in self._routes.values()),
            counts=self._keeper.counts,
            stored=self._keeper.stores,
            store_fault=self._keeper.fault,
        )

    async def close(self) -> None:
        """Gives up what is under way."""
        flights = [route.flight for route in self._routes.values() if route.flight]
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        await self.deep.close()
        await self._lists.close()
        await self._source.close()
        await asyncio.to_thread(self._keeper.close)

    # Routes

    async def _route(self, key: SeriesKey, limit: int) -> Route:
        """The series' route; a new one begins with what the store has, read once for all."""
        if key not in self._routes:
            if key not in self._opening:
                self._opening[key] = asyncio.create_task(self._open(key, limit))
            await asyncio.shield(self._opening[key])
        return self._routes[key]

    async def _open(self, key: SeriesKey, limit: int) -> None:
        try:
            if not self._shelf.had_live and await self._keeper.has_any(self._exchanges):
                self._shelf.live_came()
            await self._shelf.load(key)
            now = self._clock.now()
            schedule = RefreshSchedule(
                self._clock,
                settle_seconds=min(max(timeframe(key.timeframe).seconds / 1000, 2.0), 20.0),
                longest_wait_seconds=LONGEST_WAIT_SECONDS,
            )
            budget = CallBudget(self._clock, shared=self._lists.budget_of(key.source))
            route = Route(key, schedule, budget, now, now, limit)
            self._note_due(route)
            if self._shelf.get(key) is not None:  # it may have been read before it had settled
                route.due = now
            self._routes[key] = route
        finally:
            del self._opening[key]

    def _note_due(self, route: Route) -> None:
        held = self._shelf.newest(route.key)
        due = route.schedule.next_due(
            held.next_close if held else None,
            newest_close=held.as_of if held else None,
            not_before=self._refresher.admits_from(route),
        )
        if held is not None and not self._shelf.had_live:  # a long wait must not age simulated bars
            due = min(due, route.schedule.due_after(held.next_close))
        if self._shelf.had_live and held is not None and held.key.source != route.key.source:
            due = min(due, self._refresher.own_again(route))
        route.due = due

    def _drop_unused(self) -> None:
        """Keeps memory bounded: what was not asked for longest goes first."""
        if len(self._routes) <= MOST_ROUTES:
            return
        idle = [route for route in self._routes.values() if not route.pinned and not route.flight]
        for route in sorted(idle, key=lambda route: route.touched)[: MOST_ROUTES // 4]:
            del self._routes[route.key]
        self._shelf.keep_only(self._routes)

    def _why_none(self, route: Route) -> AssayError:
        if isinstance(route.error, FINAL):
            return route.error
        wait_seconds = (route.due - self._clock.now()).total_seconds()
        reason = f": {route.error.message}" if route.error else " in time"
        return SourceUnavailable(
            f"No bars of {route.key.symbol} {route.key.timeframe} can be had{reason}",
            retry_after_seconds=max(wait_seconds, 1.0),
            exchange=route.key.source,
            symbol=route.key.symbol,
        )

    def _status_of(self, route: Route, now: datetime) -> SeriesStatus:
        shown = self._shelf.choose(route.key, 1, now, shallow=True)
        held = shown.held if shown else None
        return SeriesStatus(
            key=route.key,
            source=held.source if held else None,
            as_of=held.as_of if held else None,
            stale=shown.stale if shown else True,
            rows=len(held.bars) if held else 0,
            gaps=held.gaps if held else (),
            next_due=route.due,
            last_error=route.error.message if route.error else None,
            watched=route.is_watched(now),
            pinned=route.pinned,
        )

    # Refreshing

    def _is_in_vain(self, route: Route) -> bool:
        """Whether asking for older bars, or for any, has to wait."""
        now = self._clock.now()
        if route.due <= now:
            return False
        resting = route.deeper_from is not None and now < route.deeper_from
        return route.error is not None or (resting and self._shelf.get(route.key) is not None)

    def _start(self, route: Route) -> asyncio.Task[None]:
        """The refresh under way, or a new one."""
        if route.flight is None:
            route.asked = route.limit
            route.flight = asyncio.create_task(self._fly(route))
            route.flight.add_done_callback(_log_bug)
        return route.flight

    async def _wait(self, flight: asyncio.Task[None]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadline_seconds + PUTTING_AWAY_SECONDS):
                await asyncio.shield(flight)

    async def _fly(self, route: Route) -> None:
        error: AssayError | None = None
        try:
            await self._refresher.refresh(route)
        except AssayError as raised:
            error = raised.with_traceback(None)
            if route.error is None:
                log.warning("%s: %s", route.key, error.message)
            if self._stand_in is not None:
                await self._stand_in.fill(route)
        finally:
            route.flight, route.error = None, error
            held = self._shelf.newest(route.key)
            route.schedule.note(held.next_close if held else None, error=error)
            self._note_due(route)


def _log_bug(flight: asyncio.Task[None]) -> None:
    if not flight.cancelled() and flight.exception() is not None:
        log.error("A refresh failed for a bug", exc_info=flight.exception())
