"""Daily bars with their provenance: where from, until when, how old, and whether too old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from assay.market.bars import Bars
from assay.market.symbols import Symbol


@dataclass(frozen=True, slots=True)
class Series:
    """Closed bars of one market, as they stand at the instant they were asked for.

    `as_of` is the close of the newest bar, `age_seconds` the time since. `stale` says that a newer
    session closed longer ago than its bar takes to arrive. `gaps` are sessions without a bar.
    """

    symbol: str
    bars: Bars
    source: str
    as_of: datetime
    age_seconds: float
    stale: bool
    gaps: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Both markets, always of one source; `version` grows whenever bars or source change."""

    gold: Series
    sp500: Series
    version: int


@dataclass(frozen=True, slots=True)
class HeldBars:
    """Bars of one market in memory; never without a row."""

    market: Symbol
    bars: Bars
    source: str
    gaps: tuple[date, ...]

    @classmethod
    def of(cls, market: Symbol, bars: Bars, source: str) -> HeldBars:
        """`bars` with their gaps found."""
        days = market.calendar.days
        first, last = np.searchsorted(days, bars.session[[0, -1]])
        missing = np.setdiff1d(days[first : last + 1], bars.session, assume_unique=True)
        return cls(market, bars, source, tuple(missing.tolist()))

    def series(self, now: datetime, *, grace: timedelta) -> Series:
        """What a reader gets at `now`."""
        as_of = self.newest_close()
        return Series(
            symbol=self.market.name,
            bars=self.bars,
            source=self.source,
            as_of=as_of,
            age_seconds=(now - as_of).total_seconds(),
            stale=self.lacks_session_closed_by(now - grace),
            gaps=self.gaps,
        )

    def is_same(self, bars: Bars, source: str) -> bool:
        """Whether these are the very bars that are held."""
        return self.source == source and self.bars.fingerprint() == bars.fingerprint()

    def lacks_session_closed_by(self, instant: datetime) -> bool:
        """Whether a session that had closed at `instant` is newer than every bar."""
        return self.market.calendar.last_closed(instant) > self.bars.last_session

    def newest_close(self) -> datetime:
        """When the newest bar's session closed."""
        return self.market.calendar.close(self.bars.last_session)

    def next_close(self) -> datetime:
        """When the first session without a bar closes, or closed."""
        calendar = self.market.calendar
        return calendar.close(calendar.next_session(self.bars.last_session))


def merged(old: Bars, new: Bars) -> Bars:
    """Both in time order; where both have a bar, the new one is the correction that counts."""
    if not len(new):
        return old
    # Of what is long only what `new` reaches is looked at.
    begin = int(np.searchsorted(old.time, new.time[0]))
    end = int(np.searchsorted(old.time, new.time[-1], side="right"))
    reached = old.take(slice(begin, end))
    kept = reached.take(~np.isin(reached.time, new.time))
    order = np.argsort(np.concatenate([kept.time, new.time]), kind="stable")
    between = _chained(kept, new).take(order)
    return _chained(old.take(slice(begin)), between, old.take(slice(end, None)))


def _chained(*parts: Bars) -> Bars:
    return Bars(
        time=np.concatenate([part.time for part in parts]),
        open=np.concatenate([part.open for part in parts]),
        high=np.concatenate([part.high for part in parts]),
        low=np.concatenate([part.low for part in parts]),
        close=np.concatenate([part.close for part in parts]),
        volume=np.concatenate([part.volume for part in parts]),
    )
