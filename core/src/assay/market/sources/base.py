"""What every source of bars does: of daily ones by session, of exchanges' ones by timeframe."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np

from assay.errors import BlockedRegion, RateLimited, SourceUnavailable
from assay.market.bars import CheckedBars
from assay.market.markets import Market, MarketList
from assay.market.timeframes import Timeframe

# In less time an upstream that is well cannot answer either.
LEAST_USEFUL_SECONDS = 1.5
PAUSE_SECONDS = (0.2, 0.6)


class DailySource(Protocol):
    """Bars of sessions that have closed; raises nothing but errors of `assay.errors`."""

    @property
    def name(self) -> str:
        """How answers and stored rows name this source."""
        ...

    def fetch(self, symbol: str, *, start: date, deadline_seconds: float) -> CheckedBars:
        """Checked bars from session `start` to the last closed one, within the deadline."""
        ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """Bars of an exchange; not `complete` where time ran out before the oldest ones came."""

    checked: CheckedBars
    complete: bool = True


class ExchangeSource(Protocol):
    """Markets and bars of many exchanges; raises nothing but errors of `assay.errors`.

    An endpoint is a place where an exchange answers, such as `binance` or `binance_mirror`.
    """

    def source_of(self, exchange: str) -> str:
        """How answers and stored rows name bars of `exchange`: itself, `replay` or `simulated`."""
        ...

    def start(self) -> None:
        """Begins to get ready; returns at once. Needs a running event loop."""
        ...

    async def ready(self) -> None:
        """Waits until it can be asked; SourceUnavailable where that takes too long."""
        ...

    async def markets(self, endpoint: str, *, deadline_seconds: float) -> MarketList:
        """The active spot markets.

        Raises SourceUnavailable, its children RateLimited and BlockedRegion among them.
        """
        ...

    async def bars(
        self,
        endpoint: str,
        market: Market,
        timeframe: Timeframe,
        *,
        start: np.datetime64,
        end: np.datetime64 | None = None,
        deadline_seconds: float,
    ) -> Fetched:
        """Checked bars opened at or after `start` (datetime64[ms]) that have closed by now, or by
        `end` where that comes before.

        The newest come first where there is not time for all: those there are follow one another
        up to the newest. Raises as `markets` does, and UnknownSymbol where the exchange says so.
        """
        ...

    async def close(self) -> None:
        """Ends what the source keeps open."""
        ...


def since(checked: CheckedBars, start: date) -> CheckedBars:
    """`checked` without the bars before session `start`."""
    first = int(np.searchsorted(checked.bars.session, np.datetime64(start)))
    return CheckedBars(
        checked.bars.take(slice(first, None)),
        checked.set_aside,
        rows=checked.rows,
        disordered=checked.disordered,
    )


def fetch_with_retries(
    source: DailySource,
    symbol: str,
    *,
    start: date,
    deadline_seconds: float,
    attempts: int,
    guard: Callable[[], AbstractContextManager[None]] = nullcontext,
    sleep: Callable[[float], None] = time.sleep,
) -> CheckedBars:
    """`source.fetch`, tried again after a short random pause for what can pass.

    All attempts share the deadline, and each is made within a new `guard()`. A rate limit, a
    blocked region and an unknown symbol are final at once.
    """
    ends = time.monotonic() + deadline_seconds
    attempt = 1
    while True:
        try:
            remaining = max(ends - time.monotonic(), 0.0)
            with guard():
                return source.fetch(symbol, start=start, deadline_seconds=remaining)
        except (RateLimited, BlockedRegion):
            raise
        except SourceUnavailable:
            pause = random.SystemRandom().uniform(*PAUSE_SECONDS) * attempt
            too_late = ends - time.monotonic() - pause < LEAST_USEFUL_SECONDS
            if attempt >= attempts or too_late:
                raise
            sleep(pause)
            attempt += 1
