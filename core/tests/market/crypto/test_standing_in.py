"""Who stands in where an exchange cannot be had: told by name, never mixed, and not for long."""

import asyncio

import pytest

from assay.errors import SourceUnavailable
from upstream.scripted import BTC, DOWN, ScriptedExchanges, ask, settle, shown


@pytest.mark.parametrize(
    ("faults", "endpoint", "answered_by"),
    [
        ({}, "binance", "binance"),
        ({"binance"}, "binance_mirror", "binance"),
        ({"binance", "binance_mirror"}, "kraken", "kraken"),
    ],
)
def test_the_mirror_stands_in_first_and_then_other_exchanges(
    feed_of, source, faults, endpoint, answered_by
):
    source.faults = dict.fromkeys(faults, DOWN)

    async def run():
        series = await ask(feed_of())
        assert (series.exchange, series.held.source) == ("binance", answered_by)
        assert series.held.endpoint == endpoint
        assert series.bars.open.min() >= {"binance": 100, "kraken": 200}[answered_by]

    asyncio.run(run())


def test_an_exchange_that_was_stood_in_for_is_tried_again_long_before_a_day_is_over(
    feed_of, source, clock
):
    key = BTC._replace(timeframe="1d")
    source.faults = dict.fromkeys(("binance", "binance_mirror"), DOWN)

    async def run():
        feed = feed_of()
        assert (await ask(feed, key=key)).held.source == "kraken"
        source.faults = {}
        clock.advance(minutes=3)
        feed.at_hand(key, 200)
        await settle(feed)
        assert feed.at_hand(key, 200).held.source == "binance"

    asyncio.run(run())


def test_an_exchange_without_the_market_does_not_stand_in(feed_of, source):
    source.faults = dict.fromkeys(("binance", "binance_mirror"), DOWN)
    source.lacking = {"kraken": {"BTC/USDT"}}

    async def run():
        feed = feed_of()
        await feed.resolve(*BTC)  # by kraken's or coinbase's list
        source.clock.advance(minutes=2)
        assert (await ask(feed)).held.source == "coinbase"

    asyncio.run(run())


def test_bars_of_different_exchanges_are_never_one_series(feed_of, source, clock, store):
    async def run():
        feed = feed_of()
        own = await ask(feed)
        source.faults = dict.fromkeys(("binance", "binance_mirror"), DOWN)
        clock.advance(hours=1, minutes=10)
        await settle(feed)
        clock.advance(minutes=3)
        await settle(feed)
        stand_in = feed.at_hand(BTC, 200)
        assert shown(stand_in) == ("kraken", False, 200)
        assert stand_in.bars.open.min() >= 200
        source.faults = {}
        for _ in range(4):
            clock.advance(hours=1)
            feed.at_hand(BTC, 200)
            await settle(feed)
        back = feed.at_hand(BTC, 200)
        assert shown(back) == ("binance", False, 200)
        assert back.bars.open.max() < 200
        assert len(own.bars) == 200
        for name, level in (("binance", 100), ("kraken", 200)):
            stored = store.read_bars(BTC._replace(source=name))
            assert level <= stored.open.min() <= stored.open.max() < level + 100

    asyncio.run(run())


def test_simulated_bars_stand_in_only_until_live_ones_were_had(feed_of, source, clock):
    endpoints = ("binance", "binance_mirror", "kraken", "coinbase")
    source.faults = dict.fromkeys(endpoints, DOWN)

    async def run():
        feed = feed_of(fallback=ScriptedExchanges(clock, label="simulated"))
        assert shown(await ask(feed)) == ("simulated", False, 200)
        clock.advance(hours=1)
        feed.at_hand(BTC, 200)
        await settle(feed)
        assert shown(feed.at_hand(BTC, 200)) == ("simulated", False, 200)
        source.faults = {}
        for _ in range(12):
            clock.advance(minutes=10)
            feed.at_hand(BTC, 200)
            await settle(feed)
        assert shown(feed.at_hand(BTC, 200)) == ("binance", False, 200)
        source.faults = dict.fromkeys(endpoints, DOWN)
        clock.advance(hours=3)
        feed.at_hand(BTC, 200)
        await settle(feed)
        assert shown(feed.at_hand(BTC, 200)) == ("binance", True, 200)
        with pytest.raises(SourceUnavailable):
            await ask(feed, key=BTC._replace(symbol="ETH/USDT"))
        restarted = feed_of(fallback=ScriptedExchanges(clock, label="simulated"))
        assert shown(await ask(restarted)) == ("binance", True, 200)

    asyncio.run(run())


def test_simulated_bars_come_in_time_where_live_ones_are_slow_to_come(feed_of, source, clock):
    source.silent = {"binance", "binance_mirror", "kraken", "coinbase"}

    async def run():
        fallback = ScriptedExchanges(clock, label="simulated")
        feed = feed_of(fallback=fallback, deadline_seconds=0.2)
        _, series = await feed.series("binance", "BTCUSDT", "1h", 200)
        assert shown(series) == ("simulated", False, 200)
        await feed.close()

    asyncio.run(run())


def test_simulated_bars_are_never_stored(feed_of, source, clock, store):
    source.faults = dict.fromkeys(("binance", "binance_mirror", "kraken", "coinbase"), DOWN)

    async def run():
        await ask(feed_of(fallback=ScriptedExchanges(clock, label="simulated")))
        assert store.series() == ()

    asyncio.run(run())
