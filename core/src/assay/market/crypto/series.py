"""Bars of one market at one exchange: as they are held, and as readers get them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np

from assay.market.bars import Bars
from assay.market.keys import SeriesKey
from assay.market.timeframes import Timeframe, timeframe

# A bar is missed when it has not come this long after its close.
LEAST_GRACE_SECONDS = 30.0
LONGEST_GRACE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Bars that the exchange did not give: from the first one's open to the last one's close."""

    start: datetime
    end: datetime
    bars: int


@dataclass(frozen=True)
class HeldSeries:
    """Closed bars in memory, never without a row; a successor has a greater `version`.

    `reach` is how many of the newest bars were once asked for: those of them that are not here the
    exchange does not have. `endpoint` answered last; None for bars that were read from the store.
    """

    key: SeriesKey
    bars: Bars
    source: str
    reach: int
    version: int
    endpoint: str | None = None

    @cached_property
    def timeframe(self) -> Timeframe:
        return timeframe(self.key.timeframe)

    @cached_property
    def as_of(self) -> datetime:
        """The newest bar's close."""
        return instant(self.timeframe.ends(self.bars.time[-1]))

    @cached_property
    def next_close(self) -> datetime:
        """When the bar after the newest one closes, or closed."""
        return instant(self.timeframe.ends(self.timeframe.ends(self.bars.time[-1])))

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """All that is missing between the first and the last bar."""
        return gaps_of(self.bars, self.timeframe)

    def is_stale(self, now: datetime) -> bool:
        """Whether a newer bar has closed, and is overdue."""
        return (now - self.next_close).total_seconds() > grace_seconds(self.timeframe)

    def reaches(self, limit: int) -> bool:
        """Whether the newest `limit` bars are here, or as many of them as there are."""
        return len(self.bars) >= limit or self.reach >= limit


@dataclass(frozen=True, slots=True)
class ExchangeSeries:
    """What a reader gets: the newest `limit` closed bars of `exchange`'s market, or of the exchange
    that stood in for it, which `source` names.
    """

    exchange: str
    limit: int
    held: HeldSeries
    stale: bool

    @property
    def bars(self) -> Bars:
        """At most `limit` rows, oldest first."""
        return self.held.bars.take(slice(-self.limit, None))

    def age_seconds(self, now: datetime) -> float:
        """Since the newest bar closed."""
        return (now - self.held.as_of).total_seconds()

    def gaps(self) -> tuple[Gap, ...]:
        """What is missing between the first and the last of `bars`."""
        first = instant(self.bars.time[0])
        return tuple(gap for gap in self.held.gaps if gap.start > first)


def gaps_of(bars: Bars, of: Timeframe) -> tuple[Gap, ...]:
    """The gaps between the first and the last bar."""
    missing = of.missing_after(bars.time)
    return tuple(
        Gap(
            start=instant(of.ends(bars.time[row])),
            end=instant(bars.time[row + 1]),
            bars=int(missing[row]),
        )
        for row in np.flatnonzero(missing)
    )


def grace_seconds(of: Timeframe) -> float:
    """How long after its close a bar may come without being missed."""
    return min(max(of.seconds / 2, LEAST_GRACE_SECONDS), LONGEST_GRACE_SECONDS)


def instant(stamp: np.datetime64) -> datetime:
    """A datetime64[ms] in UTC as an aware datetime."""
    moment: datetime = stamp.astype("datetime64[ms]").item()
    return moment.replace(tzinfo=UTC)


def stamp(moment: datetime) -> np.datetime64:
    """An aware datetime as datetime64[ms] in UTC."""
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "ms")
