"""Gold forecasts, written down before their outcome is known."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from assay.clock import Clock
from assay.errors import StorageError
from assay.store.ledger_records import Entry, LedgerRow
from assay_backend.services.forecasts import ForecastService

TRY_AGAIN = timedelta(seconds=30)

log = logging.getLogger(__name__)


class ForecastRecorder:
    """Brings the forecast that is answered into the ledger, once for each origin and bundle.

    What is made of bars so old that the target session has closed is no forecast, and is not
    recorded. `append` is the ledger's.
    """

    def __init__(
        self,
        forecasts: ForecastService,
        append: Callable[[Sequence[Entry]], Awaitable[list[LedgerRow]]],
        clock: Clock,
    ) -> None:
        self._forecasts = forecasts
        self._append = append
        self._clock = clock
        self._done: object = None
        self._not_before: datetime | None = None

    async def record(self) -> None:
        """Appends the forecast unless that was done; what the ledger cannot take is tried again."""
        now, make = self._clock.now(), self._forecasts.entry
        if make is None or make is self._done:
            return
        if self._not_before is not None and now < self._not_before:
            return
        try:
            await self._append_unless_late(await asyncio.to_thread(make), now)
        except StorageError as error:
            self._not_before = now + TRY_AGAIN
            log.warning("The forecast is not recorded yet: %s", error.message)
        else:
            self._done, self._not_before = make, None

    async def _append_unless_late(self, entry: Entry, now: datetime) -> None:
        if entry.due <= now:
            log.info("Not recorded, since its outcome is known: the forecast %s", entry.key)
            return
        [row] = await self._append([entry])
        log.info("Row %d of the ledger: the forecast %s", row.sequence, entry.key)
