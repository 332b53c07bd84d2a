"""Which bars of a series to ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

import numpy as np

from assay.market.crypto.series import Gap, stamp
from assay.market.timeframes import DAY_MS, Timeframe
from assay.market.venues import Venue

# Exchanges correct their newest bars.
BARS_READ_AGAIN = 3
# Where nothing is stored and nobody says since when.
USUAL_BARS = 5_000


@dataclass(frozen=True, slots=True)
class Span:
    """Bars opened at or after `start` and before `end` (datetime64[ms]).

    What a stop leaves of it is next to what is stored already: after it where the span is read
    onward, before it where it is read backward.
    """

    start: np.datetime64
    end: np.datetime64
    direction: Literal["onward", "backward"] = "onward"

    def count(self, of: Timeframe) -> int:
        """How many bars it has."""
        if of.unit == "M":
            months = (self.end.astype("datetime64[M]") - self.start.astype("datetime64[M]")).astype(
                int
            )
            return int(months) // of.amount
        return int((self.end - self.start).astype("int64")) // of.milliseconds

    def parts(self, of: Timeframe, *, most: int) -> Iterator[Span]:
        """Its parts of `most` bars, in its direction."""
        onward = self.direction == "onward"
        start, end = self.start, self.end
        while start < end:
            if onward:
                after = min(of.shifted(start, most), end)
                yield replace(self, start=start, end=after)
                start = after
            else:
                before = max(of.shifted(end, -most), start)
                yield replace(self, start=before, end=end)
                end = before


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a person asked for; `gaps` that every gap be asked for again."""

    since: datetime | None
    until: datetime | None
    gaps: bool


class Held(Protocol):
    """Bars that are here already: when the first and the last of them opened."""

    @property
    def first(self) -> datetime: ...

    @property
    def last(self) -> datetime: ...


def spans_to_fetch(
    stored: Held | None,
    gaps: Iterable[Gap],
    asked: Bounds,
    *,
    of: Timeframe,
    venue: Venue,
    now: datetime,
) -> list[Span]:
    """The spans that are not stored: what is new, what an interrupted fetch left open, older bars.

    Gaps of a page or more are taken for what was left open; smaller ones only count where they are
    `asked` for. Of a series that is not stored the newest USUAL_BARS are read, or those since.
    """
    newest = of.last_open(stamp(now))
    end = newest if asked.until is None else min(_from_open(of, stamp(asked.until)), newest)
    since = None if asked.since is None else _from_open(of, stamp(asked.since))
    if stored is None:
        wanted = [Span(since or of.shifted(end, -USUAL_BARS), end, "backward")]
    else:
        first, again = stamp(stored.first), of.shifted(stamp(stored.last), 1 - BARS_READ_AGAIN)
        wanted = [
            Span(again if since is None else max(again, since), end),
            *(
                Span(stamp(gap.start), stamp(gap.end))
                for gap in gaps
                if asked.gaps or gap.bars >= venue.page_bars
            ),
            Span(since or first, min(first, end), "backward"),
        ]
    reach = None if venue.most_bars is None else of.shifted(newest, -venue.most_bars)
    kept = [_within(span, since, reach, end) for span in wanted]
    return [span for span in kept if span.start < span.end]


def is_reach_short(since: datetime | None, *, of: Timeframe, venue: Venue, now: datetime) -> bool:
    """Whether the exchange has no bars as old as that to give."""
    if since is None or venue.most_bars is None:
        return False
    oldest: np.datetime64 = of.shifted(of.last_open(stamp(now)), -venue.most_bars)
    return bool(stamp(since) < oldest)


def begins_off_grid(of: Timeframe) -> bool:
    """Whether exchanges may begin such bars elsewhere than `Timeframe.last_open` says."""
    return of.milliseconds > DAY_MS


def _from_open(of: Timeframe, moment: np.datetime64) -> np.datetime64:
    """The first open at or after `moment`."""
    opened = of.last_open(moment)
    after: np.datetime64 = opened if opened == moment else of.ends(opened)
    return after


def _within(
    span: Span, since: np.datetime64 | None, reach: np.datetime64 | None, end: np.datetime64
) -> Span:
    start = max(at for at in (span.start, since, reach) if at is not None)
    return replace(span, start=start, end=min(span.end, end))
