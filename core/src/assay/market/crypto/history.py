"""Bringing an exchange's bars from its past, a part after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from assay.clock import Clock
from assay.errors import SourceUnavailable
from assay.market.bars import CheckedBars
from assay.market.crypto.plan import Span, begins_off_grid
from assay.market.crypto.series import stamp
from assay.market.keys import SeriesKey
from assay.market.markets import Market
from assay.market.sources.base import ExchangeSource, Fetched
from assay.market.timeframes import Timeframe, timeframe

# Ten pages come in seconds; where an exchange is slower than that, they come in several answers.
DEADLINE_SECONDS = 30.0

Keep = Callable[[CheckedBars], Awaitable[None]]


class Asks(Protocol):
    """Who may be asked, and how often, is not for `History` to know."""

    async def __call__(self, question: Callable[[str], Awaitable[Fetched]], /) -> Fetched:
        """What one of the exchange's endpoints answers; raises as `ExchangeSource.bars` does."""
        ...


class History:
    """The bars of one market, each part kept before the next is asked for.

    `ask` puts a question to the exchange, `keep` takes the bars, and a part is `most` bars. Once
    `beginning` is set there are no older ones.
    """

    def __init__(
        self,
        source: ExchangeSource,
        clock: Clock,
        *,
        key: SeriesKey,
        market: Market,
        ask: Asks,
        keep: Keep,
        most: int,
    ) -> None:
        self._source = source
        self._clock = clock
        self._key = key
        self._market = market
        self._of: Timeframe = timeframe(key.timeframe)
        self._asks = ask
        self._keep = keep
        self._most = most
        self.beginning = False

    async def bring(self, span: Span, tell: Callable[[int], None]) -> None:
        """Keeps the bars of `span`; `tell` hears how many have been asked for.

        Backward it ends with the first part that has no bar: the market's history begins there.
        """
        for part in span.parts(self._of, most=self._most):
            found = await self._bring_part(part)
            tell(part.count(self._of))
            if span.direction == "backward" and not found:
                self.beginning = True
                return

    async def _bring_part(self, part: Span) -> int:
        """How many bars it has. Nothing of it is kept before all of it is here."""
        answers: list[CheckedBars] = []
        complete = False
        while not complete:
            fetched = await self._asks(partial(self._ask, part))
            answers.append(fetched.checked)
            complete = fetched.complete
            if not complete:
                part = Span(part.start, fetched.checked.bars.time[0], part.direction)
        for checked in reversed(answers):
            await self._keep(checked)
        return sum(len(checked.bars) for checked in answers)

    async def _ask(self, part: Span, endpoint: str) -> Fetched:
        """Bars of `part`, the newest of them at least where there are any."""
        now = stamp(self._clock.now())
        start = self._of.shifted(part.start, -1) if begins_off_grid(self._of) else part.start
        fetched = await self._source.bars(
            endpoint,
            self._market,
            self._of,
            start=start,
            end=part.end if part.end < self._of.last_open(now) else None,
            deadline_seconds=DEADLINE_SECONDS,
        )
        checked = fetched.checked
        if not len(checked.bars) and (checked.implausible or not fetched.complete):
            await self._keep(checked)
            raise SourceUnavailable(f"{endpoint} sent no bar of {self._key}: {checked.summary()}")
        return fetched
