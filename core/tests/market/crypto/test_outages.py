"""An exchange that refuses, or does not answer, is asked seldom, and again once it may help."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from assay.errors import BlockedRegion, RateLimited, SourceUnavailable, UnknownSymbol
from upstream.scripted import BTC, DOWN, NOW, ask, settle, shown


def test_a_region_that_is_blocked_is_never_asked_again(feed_of, source, clock):
    source.faults = dict.fromkeys(("binance", "binance_mirror"), BlockedRegion("451"))

    async def run():
        feed = feed_of()
        assert (await ask(feed)).held.source == "kraken"
        asked = source.market_calls + source.bar_calls
        for _ in range(48):
            clock.advance(hours=1)
            feed.at_hand(BTC, 200)
            await settle(feed)
        assert (source.market_calls + source.bar_calls)["binance"] == asked["binance"] == 1
        assert feed.at_hand(BTC, 200).held.source == "kraken"

    asyncio.run(run())


def test_a_rate_limit_is_waited_out(feed_of, source, clock):
    source.faults = {"kraken": RateLimited("429", retry_after_seconds=300.0)}
    key = BTC._replace(source="kraken")

    async def run():
        feed = feed_of(failover=())
        with pytest.raises(SourceUnavailable):
            await ask(feed, key=key)
        asked = source.market_calls["kraken"]
        source.faults = {}
        for _ in range(9):
            clock.advance(seconds=30)
            with pytest.raises(SourceUnavailable):
                await ask(feed, key=key)
        assert source.market_calls["kraken"] == asked == 1
        clock.advance(seconds=31)
        assert (await ask(feed, key=key)).held.source == "kraken"

    asyncio.run(run())


async def calls_in_an_outage(feed, source, clock, *, minutes=60):
    """How many calls each five seconds cost while everyone keeps asking and every upstream fails,
    lists of markets among them.
    """
    source.faults = dict.fromkeys(("binance", "binance_mirror", "kraken", "coinbase"), DOWN)
    made = []
    for _ in range(12 * minutes):
        before = source.market_calls.total() + source.bar_calls.total()
        with contextlib.suppress(SourceUnavailable):
            _, series = await feed.series("binance", "btc-usdt", "1h", 200)
            assert series.stale
        with contextlib.suppress(UnknownSymbol, SourceUnavailable):  # a typo is looked up anew
            await feed.series("binance", "BTCUSDX", "1h", 200)
        await settle(feed)
        while feed._lists._flights:
            await asyncio.sleep(0)
        made.append(source.market_calls.total() + source.bar_calls.total() - before)
        clock.advance(seconds=5)
    return made


def most_a_minute(made):
    return max(sum(made[at : at + 12]) for at in range(len(made)))


@pytest.mark.parametrize("watched", [(), (BTC,)], ids=["asked for", "pinned"])
@pytest.mark.parametrize("silence_hours", [2, 25], ids=["young list", "old list"])
def test_an_outage_costs_at_most_three_calls_a_minute_for_a_series(
    feed_of, source, clock, watched, silence_hours
):
    async def run():
        feed = feed_of(watch=watched)
        keeping = asyncio.create_task(feed.keep_current())
        await ask(feed)
        clock.advance(hours=silence_hours)
        made = await calls_in_an_outage(feed, source, clock)
        assert most_a_minute(made) <= 3
        assert sum(made) > 3
        source.faults = {}
        for _ in range(20):
            clock.advance(minutes=5)
            feed.known(*BTC)
            feed.at_hand(BTC, 200)
            await settle(feed)
        assert not feed.at_hand(BTC, 200).stale
        assert clock.now() - feed._lists._kept["binance"].at < timedelta(hours=24)
        keeping.cancel()
        await feed.close()

    asyncio.run(run())


@pytest.mark.parametrize("watched", [(), (BTC,)], ids=["asked for", "pinned"])
def test_a_cold_series_in_an_outage_is_as_cheap(feed_of, source, clock, watched):
    async def run():
        feed = feed_of(watch=watched)
        keeping = asyncio.create_task(feed.keep_current())
        made = await calls_in_an_outage(feed, source, clock, minutes=20)
        assert most_a_minute(made) <= 3
        assert sum(made) > 3
        keeping.cancel()
        await feed.close()

    asyncio.run(run())


def test_a_feed_that_has_stopped_is_stale_and_not_asked_in_a_frenzy(feed_of, source, clock):
    async def run():
        source.until = NOW
        feed = feed_of(failover=())
        await ask(feed)
        clock.advance(hours=4)
        for _ in range(60):
            feed.at_hand(BTC, 200)
            await settle(feed)
            clock.advance(seconds=1)
        assert shown(feed.at_hand(BTC, 200)) == ("binance", True, 200)
        assert source.bar_calls["binance"] <= 4

    asyncio.run(run())
