"""More bars than come in time: what came is served, and the next request goes on from there."""

import asyncio

import numpy as np
import pytest

from assay.market.bars import Bars, CheckedBars
from upstream.scripted import BTC, NOW, ask, settle

HOUR = np.timedelta64(1, "h")
NEWEST = np.datetime64("2026-11-18T11:00", "ms")


async def rows(feed, limit=5000):
    _, series = await feed.series(*BTC, limit)
    bars = series.bars
    assert (bars.time[-1], series.stale, series.gaps()) == (NEWEST, False, ())
    return len(bars)


def test_what_came_in_time_is_served_and_every_request_reaches_deeper(feed_of, source, store):
    source.most = 2000

    async def run():
        feed = feed_of()
        assert await rows(feed) == 2000
        oldest = NEWEST - 1999 * HOUR
        assert await rows(feed) == 4000
        assert source.ends == [None, oldest]  # nothing is asked for twice
        assert await rows(feed) == 5000
        assert await rows(feed) == 5000
        assert source.bar_calls == {"binance": 3}
        assert len(store.read_bars(BTC)) == 5000

    asyncio.run(run())


def test_silence_about_the_past_is_no_refusal_of_what_is_at_hand(feed_of, source, clock):
    source.silent_on_older = True

    async def run():
        feed = feed_of(deadline_seconds=0.2, failover=())
        assert await rows(feed, 200) == 200
        assert await rows(feed) == 1000
        calls = source.bar_calls.total()
        for _ in range(5):  # it was tried a moment ago
            assert await rows(feed) == 1000
        assert source.bar_calls.total() == calls
        clock.advance(minutes=6)
        source.silent_on_older = False
        assert await rows(feed) == 5000
        await feed.close()

    asyncio.run(run())


def test_new_bars_come_while_old_ones_cannot_be_had(feed_of, source, clock):
    source.most = 2000

    async def run():
        feed = feed_of(deadline_seconds=0.2, failover=())
        assert await rows(feed) == 2000
        source.silent_on_older = True
        for hour in range(1, 6):
            clock.advance(hours=1)
            feed.at_hand(BTC, 5000)
            await settle(feed)
            feed.at_hand(BTC, 5000)
            await settle(feed)
            series = feed.at_hand(BTC, 1000)
            assert (series.held.bars.time[-1], series.stale) == (NEWEST + hour * HOUR, False)
        await feed.close()

    asyncio.run(run())


@pytest.mark.parametrize(("first", "count"), [("2026-10-07T20:00", 1000), ("2026-10-01", 1164)])
def test_where_history_begins_nothing_more_is_asked_for(feed_of, source, first, count):
    source.first = first

    async def run():
        feed = feed_of(failover=())
        assert await rows(feed, 200) == 200
        assert await rows(feed) == count
        assert await rows(feed) == count
        assert source.bar_calls == {"binance": 2}
        assert feed.status().endpoints[0].failed == 0

    asyncio.run(run())


def test_a_few_stored_bars_are_not_taken_for_all_there_are(feed_of, store, clock):
    times = NEWEST - np.arange(9, -1, -1) * HOUR
    level = np.full(10, 100.0)
    stored = Bars(times, level, level, level, level, level)
    store.write(BTC, CheckedBars(stored), at=NOW)

    async def run():
        feed = feed_of()
        assert await rows(feed, 10) == 10
        clock.advance(minutes=1)
        await settle(feed)  # what is new of ten bars
        assert await rows(feed, 200) == 200

    asyncio.run(run())


def test_what_did_not_come_in_time_is_no_gap_of_the_exchange(feed_of, source, clock):
    async def run():
        feed = feed_of()
        await ask(feed)
        clock.advance(hours=3000)
        source.most = 2000
        feed.at_hand(BTC, 200)
        await settle(feed)
        series = feed.at_hand(BTC, 2000)
        assert (len(series.bars), series.stale, series.gaps()) == (2000, False, ())

    asyncio.run(run())
