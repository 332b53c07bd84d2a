"""The store, kept off the event loop. What it cannot take is told, and still served from memory."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from assay.clock import Clock
from assay.errors import StorageError
from assay.market.bars import Bars, CheckedBars
from assay.market.keys import SeriesKey
from assay.market.markets import MarketList
from assay.market.unseen import UnseenRows

if TYPE_CHECKING:  # SQLAlchemy, which replay and simulated feeds do without
    from assay.store import Store

T = TypeVar("T")

log = logging.getLogger(__name__)


class Keeper:
    """One thread in front of `store`, in the order of the calls; without a store it keeps nothing.

    `counts` has `bars_stored`, `bars_corrected`, and `set_aside:<reason>` of rows never seen
    before; where not `stores`, nothing else has these rows. `fault` is what the store said last,
    if it was not well.
    """

    def __init__(self, store: Store | None, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._unseen = UnseenRows()
        self.counts: Counter[str] = Counter()
        self.fault: str | None = None

    @property
    def stores(self) -> bool:
        """Whether there is a store."""
        return self._store is not None

    async def write(self, key: SeriesKey, checked: CheckedBars) -> None:
        """Bars, and the rows that are none; on disk when it returns without a fault."""
        written = None
        if self._store is not None:
            store, at = self._store, self._clock.now()
            written = await self._do(lambda: store.write(key, checked, at=at))
        if written is None:
            self.note(key, checked)
        else:
            self._count(written.reasons)
            self.counts["bars_stored"] += written.new
            self.counts["bars_corrected"] += written.corrected

    def note(self, key: SeriesKey, checked: CheckedBars) -> None:
        """Counts the rows of a source at hand that are no bars; nothing of it is stored."""
        self._count(self._unseen.reasons(key, checked))

    def _count(self, reasons: Iterable[str]) -> None:
        self.counts.update(f"set_aside:{reason}" for reason in reasons)

    async def read(self, key: SeriesKey, *, last: int) -> Bars:
        """The newest stored bars."""
        if self._store is None:
            return Bars.empty()
        store = self._store
        return await self._do(lambda: store.read_bars(key, last=last)) or Bars.empty()

    async def write_markets(self, markets: MarketList) -> None:
        if self._store is not None:
            store, at = self._store, self._clock.now()
            await self._do(lambda: store.write_markets(markets, at=at))

    async def read_markets(self, exchange: str) -> tuple[MarketList, datetime] | None:
        """The stored list, and when it was had."""
        if self._store is None:
            return None
        store = self._store
        return await self._do(lambda: store.read_markets(exchange))

    async def has_any(self, sources: Iterable[str]) -> bool:
        """Whether bars of any of `sources` are stored."""
        if self._store is None:
            return False
        store, wanted = self._store, set(sources)
        series = await self._do(store.series)
        return any(item.key.source in wanted for item in series or ())

    async def _do(self, work: Callable[[], T]) -> T | None:
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(self._thread, work)
        except StorageError as error:
            if error.message != self.fault:
                log.error("The store: %s", error.message)  # noqa: TRY400 - its sentence says it all
            self.fault = error.message
            return None
        self.fault = None
        return result

    def close(self) -> None:
        """Ends the thread once its work is done."""
        self._thread.shutdown(wait=True)
