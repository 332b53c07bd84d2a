"""The exchanges' lists of markets: from memory, from the store, or from upstream, in this order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from assay.clock import Clock
from assay.errors import SourceUnavailable, UnknownSymbol
from assay.market.crypto.keeping import Keeper
from assay.market.crypto.staggered import AllFailed, first_success
from assay.market.endpoints import Endpoints
from assay.market.markets import Market, MarketList
from assay.market.pacing import CallBudget
from assay.market.sources.base import ExchangeSource
from assay.market.venues import VENUES

OLD = timedelta(hours=24)
LEAST_WAIT_SECONDS = 5.0
# A market that is not on the list may have been listed since.
OLD_FOR_THE_UNKNOWN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Kept:
    markets: MarketList
    at: datetime


class MarketLists:
    """One list an exchange, asked for once however many wait, and again when it has grown old."""

    def __init__(
        self,
        source: ExchangeSource,
        endpoints: Endpoints,
        keeper: Keeper,
        clock: Clock,
        *,
        deadline_seconds: float,
        stagger_seconds: float,
    ) -> None:
        self._source = source
        self._endpoints = endpoints
        self._keeper = keeper
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._stagger_seconds = stagger_seconds
        self._kept: dict[str, _Kept] = {}
        self._budgets: dict[str, CallBudget] = {}
        self._flights: dict[str, asyncio.Task[None]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    def known(self, exchange: str) -> MarketList | None:
        """The list in memory; one that has grown old is renewed behind the caller's back."""
        kept = self._kept.get(exchange)
        if kept is None:
            return None
        if self._clock.now() - kept.at > OLD:
            self._renew_in_quiet(exchange)
        return kept.markets

    def resolve_known(self, exchange: str, spelling: str) -> str | None:
        """The normal form, where the list is in memory; UnknownSymbol where it is not on it."""
        markets = self.known(exchange)
        if markets is None:
            return None
        try:
            return markets.resolve(spelling).symbol
        except UnknownSymbol:
            if self._clock.now() - self._kept[exchange].at > OLD_FOR_THE_UNKNOWN:
                self._renew_in_quiet(exchange)
            raise

    def is_suspect(self, exchange: str) -> bool:
        """Whether nobody there has answered lately."""
        return all(self._endpoints.is_suspect(place) for place in VENUES[exchange].endpoints)

    async def of(self, exchange: str, *, on_behalf_of: str | None = None) -> MarketList:
        """The list. Raises SourceUnavailable where it was never had and cannot be had now.

        What is asked in vain is charged to `exchange`, or to the one it is to stand in for.
        """
        if found := self.known(exchange):
            return found
        payer = self.budget_of(on_behalf_of or exchange)
        await asyncio.shield(self._fly(exchange, lambda: self._bring(exchange, payer)))
        return self._kept[exchange].markets

    async def market(self, exchange: str, endpoint: str, symbol: str, budget: CallBudget) -> Market:
        """The market called `symbol` at `exchange`, whose list `endpoint` is asked for if it has
        to be, at the expense of what `budget` shares. UnknownSymbol where it has none.
        """
        if self.known(exchange) is None and not await self._load(exchange):
            await self._ask(exchange, endpoint, budget)
        return self._kept[exchange].markets.resolve(symbol)

    async def close(self) -> None:
        """Gives up what is under way."""
        flights = [*self._flights.values(), *self._asking.values()]
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def budget_of(self, exchange: str) -> CallBudget:
        """For calls that are for all series of `exchange`."""
        return self._budgets.setdefault(exchange, CallBudget(self._clock))

    def _fly(self, exchange: str, bring: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """What brings the list now, or else `bring`."""
        flight = self._flights.get(exchange)
        if flight is None:
            flight = asyncio.create_task(self._end_of(exchange, bring()))
            flight.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._flights[exchange] = flight
        return flight

    async def _end_of(self, exchange: str, bringing: Awaitable[None]) -> None:
        try:
            await bringing
        finally:
            del self._flights[exchange]

    def _renew_in_quiet(self, exchange: str) -> None:
        """Asks one endpoint, and none in times when calls are dear: while one of them fails, or is
        just being asked and may be about to.
        """
        endpoints = VENUES[exchange].endpoints
        if exchange in self._flights or not all(map(self._endpoints.is_quiet, endpoints)):
            return
        admitted = filter(self._endpoints.admits, endpoints)
        never = datetime.min.replace(tzinfo=UTC)
        endpoint = min(
            admitted, key=lambda place: self._endpoints.failed_at(place) or never, default=None
        )
        if endpoint is not None:
            budget = self.budget_of(exchange)
            self._fly(exchange, lambda: self._renew(exchange, endpoint, budget))

    async def _renew(self, exchange: str, endpoint: str, budget: CallBudget) -> None:
        await self._source.ready()
        await self._ask(exchange, endpoint, budget)

    async def _load(self, exchange: str) -> bool:
        """Takes the list from the store, if it has one."""
        stored = await self._keeper.read_markets(exchange)
        if stored is not None:
            self._kept.setdefault(exchange, _Kept(*stored))
        return stored is not None

    async def _bring(self, exchange: str, budget: CallBudget) -> None:
        if not await self._load(exchange):
            await self._ask_all(exchange, budget)

    async def _ask_all(self, exchange: str, budget: CallBudget) -> None:
        await self._source.ready()
        try:
            async with asyncio.timeout(self._deadline_seconds):
                await first_success(
                    [
                        (partial(self._ask, exchange, endpoint, budget), self._stagger_seconds)
                        for endpoint in VENUES[exchange].endpoints
                        if self._endpoints.admits(endpoint)
                    ]
                )
        except TimeoutError as error:
            raise SourceUnavailable(
                f"{exchange} sent no list of markets within {self._deadline_seconds:g} s",
                exchange=exchange,
            ) from error
        except AllFailed as error:
            raise SourceUnavailable(
                f"{exchange}'s list of markets cannot be had: {error}",
                exchange=exchange,
            ) from error

    async def _ask(self, exchange: str, endpoint: str, budget: CallBudget) -> None:
        """Asks `endpoint`, or waits with those who are asking it already."""
        if endpoint not in self._asking:
            asking = asyncio.create_task(self._ask_once(exchange, endpoint, budget))
            asking.add_done_callback(partial(self._asked, endpoint))
            self._asking[endpoint] = asking
        await asyncio.shield(self._asking[endpoint])

    def _asked(self, endpoint: str, asking: asyncio.Task[None]) -> None:
        del self._asking[endpoint]
        if not asking.cancelled():
            asking.exception()  # told to those who wait, if any still do

    async def _ask_once(self, exchange: str, endpoint: str, budget: CallBudget) -> None:
        async def ask() -> MarketList:
            return await self._source.markets(endpoint, deadline_seconds=self._deadline_seconds)

        found = await self._endpoints.call(endpoint, budget, ask, shared=True)
        markets = MarketList(exchange, found.markets)
        self._kept[exchange] = _Kept(markets, self._clock.now())
        await self._keeper.write_markets(markets)

    def wait_seconds(self, exchange: str) -> float:
        """How long nothing can be asked on behalf of `exchange`."""
        free = max(
            self.budget_of(exchange).free_from(),
            self._endpoints.admits_from(VENUES[exchange].endpoints),
        )
        return max((free - self._clock.now()).total_seconds(), LEAST_WAIT_SECONDS)
