"""Bringing an exchange's bars into the store, a part after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from assay.clock import Clock
from assay.errors import SourceUnavailable
from assay.market.bars import CheckedBars
from assay.market.crypto.series import stamp
from assay.market.keys import SeriesKey
from assay.market.markets import Market
from assay.market.sources.base import ExchangeSource, Fetched
from assay.market.timeframes import Timeframe, timeframe
from assay.market.venues import Venue
from assay.store import Store, Written
from assay_backend.commands.asking import Patient
from assay_backend.commands.plan import PAGES_AT_ONCE, Span, begins_off_grid

# Ten pages come in seconds; where an exchange is slower than that, they come in several answers.
DEADLINE_SECONDS = 30.0


@dataclass(slots=True)
class Brought:
    """What a fetch changed; `aside` counts implausible rows by reason."""

    written: Written = field(default_factory=Written)
    aside: Counter[str] = field(default_factory=Counter)
    beginning: bool = False


class History:
    """The bars of one market, each part on disk before the next is asked for."""

    def __init__(
        self,
        source: ExchangeSource,
        store: Store,
        clock: Clock,
        patient: Patient,
        *,
        key: SeriesKey,
        market: Market,
        venue: Venue,
    ) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._patient = patient
        self._key = key
        self._market = market
        self._of: Timeframe = timeframe(key.timeframe)
        self._most = PAGES_AT_ONCE * venue.page_bars
        self.brought = Brought()

    async def bring(self, span: Span, tell: Callable[[int], None]) -> None:
        """Stores the bars of `span`; `tell` hears how many have been asked for.

        Backward it ends with the first part that has no bar: the market's history begins there.
        """
        for part in span.parts(self._of, most=self._most):
            found = await self._store_part(part)
            tell(part.count(self._of))
            if span.direction == "backward" and not found:
                self.brought.beginning = True
                return

    async def _store_part(self, part: Span) -> int:
        """How many bars it has. Nothing of it is stored before all of it is here."""
        answers: list[CheckedBars] = []
        complete = False
        while not complete:
            fetched = await self._patient.ask(partial(self._ask, part))
            answers.append(fetched.checked)
            complete = fetched.complete
            if not complete:
                part = Span(part.start, fetched.checked.bars.time[0], part.direction)
        for checked in reversed(answers):
            self._write(checked)
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
            self._write(checked)
            raise SourceUnavailable(f"{endpoint} sent no bar of {self._key}: {checked.summary()}")
        return fetched

    def _write(self, checked: CheckedBars) -> None:
        self.brought.written += self._store.write(self._key, checked, at=self._clock.now())
        self.brought.aside.update(item.reason for item in checked.implausible)
