"""Long series from the store, a part at a time, and what is missing in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from assay.market.bars import Bars
from assay.market.crypto.series import Gap, gaps_of, instant, stamp
from assay.market.keys import SeriesKey
from assay.market.series import HeldBars, merged
from assay.market.timeframes import timeframe
from assay.store import Store, StoredSeries
from assay_backend.commands.arguments import daily_market

PART_BARS = 50_000


def stored_series(store: Store, key: SeriesKey) -> StoredSeries | None:
    """How many bars `key` has, and from when to when; None where it has none."""
    found = store.series(source=key.source, symbol=key.symbol, timeframe=key.timeframe)
    return found[0] if found else None


def in_parts(
    store: Store, of: StoredSeries, *, start: datetime | None = None, end: datetime | None = None
) -> Iterator[Bars]:
    """The bars opened at or after `start` and before `end` in time order, none of them empty."""
    length = timeframe(of.key.timeframe)
    begin = stamp(max(start or of.first, of.first))
    until = of.last + timedelta(milliseconds=1)
    stop = stamp(min(end or until, until))
    while begin < stop:
        after = min(length.shifted(begin, PART_BARS), stop)
        bars = store.read_bars(of.key, start=instant(begin), end=instant(after))
        if len(bars):
            yield bars
        begin = after


def missing_in(store: Store, of: StoredSeries, *, start: datetime | None = None) -> list[Gap]:
    """What is missing between the first bar from `start` on and the last: of a daily market the
    sessions without a bar, of an exchange's the bars that it did not give.
    """
    market = daily_market(of.key.symbol)
    if market is not None:
        bars = store.read_bars(of.key, start=start)
        days = HeldBars.of(market, bars, of.key.source).gaps if len(bars) else ()
        midnights = [datetime.combine(day, time(), tzinfo=UTC) for day in days]
        return [Gap(start=at, end=at + timedelta(days=1), bars=1) for at in midnights]
    gaps: list[Gap] = []
    length, last = timeframe(of.key.timeframe), Bars.empty()
    for bars in in_parts(store, of, start=start):
        gaps += gaps_of(merged(last, bars), length)
        last = bars.take(slice(-1, None))
    return gaps
