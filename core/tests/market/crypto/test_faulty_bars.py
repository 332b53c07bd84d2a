"""Bars that are missing, not settled yet, or no bars at all: told, read again, or set aside."""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assay.errors import SourceUnavailable
from assay.market.crypto.feed import CryptoFeed
from upstream.scripted import BTC, ask, settle


def test_holes_are_listed_and_filled_only_by_the_exchange(feed_of, source, clock):
    missing = {np.datetime64(f"2026-11-18T0{hour}:00", "ms") for hour in (3, 4)}
    source.holes = missing

    async def run():
        feed = feed_of()
        series = await ask(feed, 24)
        gap = series.gaps()[0]
        assert (gap.start, gap.end, gap.bars) == (
            datetime(2026, 11, 18, 3, tzinfo=UTC),
            datetime(2026, 11, 18, 5, tzinfo=UTC),
            2,
        )
        source.holes = set()
        clock.advance(hours=7)
        feed.at_hand(BTC, 24)
        await settle(feed)
        assert feed.at_hand(BTC, 24).gaps() == ()

    asyncio.run(run())


@pytest.mark.parametrize("timeframe", ["1m", "1h", "1d"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_bar_that_was_read_before_it_had_settled_is_read_again_soon(
    feed_of, source, clock, store, timeframe, restarted
):
    key = BTC._replace(timeframe=timeframe)
    clock.instant = datetime(2026, 11, 18, 0, 0, 0, 300_000, tzinfo=UTC)
    source.settles_after = timedelta(seconds=2)

    async def run():
        feed = feed_of(failover=())
        half = await ask(feed, key=key)
        assert half.held.as_of == datetime(2026, 11, 18, tzinfo=UTC)
        if restarted:
            await feed.close()
            feed = feed_of(failover=())
        clock.advance(seconds=32)
        await feed.bars(key, 200)
        await settle(feed)
        whole = feed.at_hand(key, 200)
        assert whole.held.as_of >= half.held.as_of
        at = whole.bars.time.tolist().index(half.bars.time[-1].item())
        assert whole.bars.close[at] == half.bars.close[-1] + 1
        assert store.corrections(key)[0].after[3] == whole.bars.close[at]
        calls = source.bar_calls.total()
        clock.advance(seconds=20)
        feed.at_hand(key, 200)
        await settle(feed)
        assert source.bar_calls.total() == calls

    asyncio.run(run())


def test_a_gap_longer_than_the_longest_answer_begins_a_new_series(feed_of, source, clock):
    async def run():
        feed = feed_of()
        await ask(feed)
        clock.advance(hours=6000)
        feed.at_hand(BTC, 200)
        await settle(feed)
        series = feed.at_hand(BTC, 5000)
        assert (series.stale, series.gaps()) == (False, ())

    asyncio.run(run())


def test_an_answer_without_a_bar_is_a_failure_and_its_rows_are_set_aside(
    feed_of, source, store, clock
):
    async def run():
        feed = feed_of(failover=())
        source.spoilt = True
        with pytest.raises(SourceUnavailable, match="not a number"):
            await ask(feed)
        assert store.quarantine_counts()["not a number"] > 0
        assert len(store.read_bars(BTC)) == 0

    asyncio.run(run())


@pytest.mark.parametrize("stored", [True, False])
def test_a_row_that_is_no_bar_is_counted_once_however_often_it_comes(
    feed_of, source, clock, store, stored
):
    source.bad_rows = {np.datetime64("2026-11-18T11:00", "ms")}

    async def run():
        feed = feed_of(failover=()) if stored else CryptoFeed(source, None, clock)
        await ask(feed)
        for _ in range(3):
            assert feed.status().counts["set_aside:not a number"] == 1
            clock.advance(hours=1)
            feed.at_hand(BTC, 200)
            await settle(feed)
        if stored:
            (row,) = store.quarantine(BTC)
            assert row.times_seen > 1
        source.bad_rows |= {np.datetime64("2026-11-18T14:00", "ms")}
        clock.advance(hours=1)
        feed.at_hand(BTC, 200)
        await settle(feed)
        assert feed.status().counts["set_aside:not a number"] == 2

    asyncio.run(run())
