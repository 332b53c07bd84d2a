"""How requests for one series are served."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from assay.errors import AssayError
from assay.market.keys import SeriesKey
from assay.market.pacing import CallBudget
from assay.market.schedule import RefreshSchedule
from assay.market.timeframes import Timeframe, timeframe

# A series nobody has asked for in this time is no longer kept fresh; long bars are kept longer.
WATCHED_SECONDS = 1800.0
LONGEST_WATCH_SECONDS = 86_400.0


@dataclass(slots=True, eq=False)
class Route:
    """How requests for one series are served; `due` is when it is to be refreshed, `asked` for how
    many bars the last refresh was begun, and before `deeper_from` older bars are left alone.
    """

    key: SeriesKey
    schedule: RefreshSchedule
    budget: CallBudget
    due: datetime
    touched: datetime
    limit: int
    pinned: bool = False
    flight: asyncio.Task[None] | None = None
    error: AssayError | None = None
    gaps_sought: datetime | None = None
    asked: int = 0
    deeper_from: datetime | None = None

    @property
    def timeframe(self) -> Timeframe:
        return timeframe(self.key.timeframe)

    def is_watched(self, now: datetime) -> bool:
        longest = min(max(WATCHED_SECONDS, 3 * self.timeframe.seconds), LONGEST_WATCH_SECONDS)
        return self.pinned or (now - self.touched).total_seconds() < longest
