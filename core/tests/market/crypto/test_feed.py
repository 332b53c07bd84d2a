"""Bars at hand never wait, and one fetch serves all who do."""

import asyncio
from datetime import timedelta

import numpy as np
import pytest

from assay.errors import (
    MalformedSymbol,
    SourceUnavailable,
    UnknownExchange,
    UnknownSymbol,
    UnknownTimeframe,
)
from upstream.scripted import BTC, DOWN, NOW, ask, settle, shown

NOON = NOW.replace(minute=0)


def test_a_first_request_brings_the_closed_bars_and_a_second_asks_nobody(feed_of, source):
    async def run():
        feed = feed_of()
        series = await ask(feed)
        assert shown(series) == ("binance", False, 200)
        assert (series.held.as_of, series.held.endpoint) == (NOON, "binance")
        assert series.age_seconds(NOW) == 20 * 60
        assert feed.at_hand(BTC, 200).held is series.held
        assert (await ask(feed)).held is series.held
        assert source.bar_calls == {"binance": 1}

    asyncio.run(run())


def test_five_hundred_first_requests_at_once_make_one_call(feed_of, source):
    async def run():
        feed = feed_of(stagger_seconds=60.0, deadline_seconds=60.0)  # on a busy machine, too
        found = await asyncio.gather(*(ask(feed) for _ in range(500)))
        assert len({id(series.held) for series in found}) == 1
        assert (source.market_calls, source.bar_calls) == ({"binance": 1}, {"binance": 1})

    asyncio.run(run())


def test_one_who_wants_more_gets_more(feed_of, source):
    async def run():
        feed = feed_of()
        few, many = await asyncio.gather(ask(feed, 10), ask(feed, 5000))
        assert (len(few.bars), len(many.bars)) == (10, 5000)
        assert source.bar_calls["binance"] <= 2

    asyncio.run(run())


def test_a_market_with_a_short_past_gives_what_it_has(feed_of, source):
    source.first = "2026-11-18T02:00"

    async def run():
        feed = feed_of()
        assert len((await ask(feed, 200)).bars) == 10
        assert len((await ask(feed, 200)).bars) == 10
        assert source.bar_calls["binance"] == 1

    asyncio.run(run())


def test_a_watched_series_is_refreshed_when_its_next_bar_is_due_and_only_by_what_is_new(
    feed_of, source, clock
):
    async def run():
        feed = feed_of()
        await ask(feed)
        clock.advance(minutes=39)
        await settle(feed)
        assert source.bar_calls["binance"] == 1
        clock.advance(minutes=1, seconds=10)
        await settle(feed)
        assert source.bar_calls["binance"] == 2
        assert source.starts[-1] == np.datetime64("2026-11-18T09:00", "ms")
        series = feed.at_hand(BTC, 200)
        assert (series.held.as_of, series.stale) == (NOON + timedelta(hours=1), False)
        assert len(series.bars) == 200

    asyncio.run(run())


def test_what_nobody_asks_for_is_refreshed_no_more_unless_it_is_pinned(feed_of, source, clock):
    async def run():
        feed = feed_of()
        await ask(feed)
        clock.advance(hours=30)
        await settle(feed)
        assert source.bar_calls["binance"] == 1
        pinned = feed_of(watch=(BTC,))
        task = asyncio.create_task(pinned.keep_current())
        while not source.bar_calls["binance"] > 1:
            await asyncio.sleep(0.01)
        await settle(pinned)
        clock.advance(hours=30)
        await settle(pinned)
        assert source.bar_calls["binance"] == 3
        task.cancel()

    asyncio.run(run())


def test_bars_at_hand_do_not_wait_for_a_silent_upstream_and_are_marked(feed_of, source, clock):
    async def run():
        feed = feed_of(failover=())
        await ask(feed)
        source.silent = {"binance", "binance_mirror"}
        clock.advance(hours=2)
        series = feed.at_hand(BTC, 200)
        assert shown(series) == ("binance", True, 200)
        assert series.age_seconds(clock.now()) == 2 * 3600 + 20 * 60
        await feed.close()

    asyncio.run(run())


def test_without_bars_a_silent_upstream_ends_at_the_deadline(feed_of, source):
    source.silent = {"binance", "binance_mirror", "kraken", "coinbase"}

    async def run():
        feed = feed_of(deadline_seconds=0.2)
        with pytest.raises(SourceUnavailable) as caught:
            await ask(feed)
        assert caught.value.retry_after_seconds >= 1.0

    asyncio.run(run())


def test_bars_and_markets_outlive_the_process_and_are_marked(feed_of, source, clock):
    async def run():
        before = feed_of()
        await ask(before)
        await before.close()
        clock.advance(hours=5)
        source.faults = dict.fromkeys(("binance", "binance_mirror", "kraken", "coinbase"), DOWN)
        series = await ask(feed_of(), key=BTC._replace(symbol="btc-usdt"))
        assert shown(series) == ("binance", True, 200)
        assert series.held.as_of == NOON

    asyncio.run(run())


@pytest.mark.parametrize("spelling", ["BTCUSDT", "BTC/USDT", "btc-usdt", "btc_usdt"])
def test_every_common_spelling_means_the_same(feed_of, spelling):
    async def run():
        feed = feed_of()
        assert await feed.resolve("binance", spelling, "1h") == BTC
        assert feed.known("binance", spelling, "1h") == BTC

    asyncio.run(run())


def test_a_market_that_is_not_there_offers_near_ones_and_makes_no_call(feed_of, source):
    async def run():
        feed = feed_of()
        for _ in range(10):
            with pytest.raises(UnknownSymbol) as caught:
                await feed.resolve("binance", "BTCUSD", "1h")
        assert caught.value.fields["near"][0] == "BTC/USDT"
        assert source.market_calls == {"binance": 1}
        assert not source.bar_calls

    asyncio.run(run())


@pytest.mark.parametrize(
    ("exchange", "symbol", "timeframe", "error"),
    [
        ("mtgox", "BTCUSDT", "1h", UnknownExchange),
        ("../", "BTCUSDT", "1h", UnknownExchange),
        ("kraken", "BTCUSDT", "3m", UnknownTimeframe),
        ("binance", "BTCUSDT", "1 h", UnknownTimeframe),
        ("binance", "BTCUSDT", "", UnknownTimeframe),
        ("binance", "../BTC", "1h", MalformedSymbol),
        ("binance", "BTC\0USDT", "1h", MalformedSymbol),
        ("binance", "BTC USDT", "1h", MalformedSymbol),
        ("binance", "B" * 99, "1h", MalformedSymbol),
        ("binance", "", "1h", MalformedSymbol),
    ],
)
def test_bad_input_is_refused_before_any_call(feed_of, source, exchange, symbol, timeframe, error):
    async def run():
        with pytest.raises(error):
            await feed_of().resolve(exchange, symbol, timeframe)
        assert not source.market_calls

    asyncio.run(run())


def test_the_status_tells_what_operators_need(feed_of, source, clock):
    source.faults = {"binance": DOWN}

    async def run():
        feed = feed_of()
        await ask(feed)
        status = feed.status()
        first = status.endpoints[0]
        assert (first.endpoint, first.calls, first.failed) == ("binance", 1, 1)
        (series,) = status.series
        assert (series.key, series.source, series.stale, series.rows) == (
            BTC, "binance", False, 1000,
        )  # fmt: skip
        assert series.next_due > clock.now()
        assert status.counts["bars_stored"] == 1000

    asyncio.run(run())


def test_closing_ends_what_is_under_way_and_closes_the_source(feed_of, source):
    source.silent = {"binance", "binance_mirror", "kraken", "coinbase"}

    async def run():
        feed = feed_of(deadline_seconds=60.0)
        asking = asyncio.create_task(feed.bars(BTC, 200))
        await asyncio.sleep(0.05)
        await feed.close()
        assert source.closed
        asking.cancel()

    asyncio.run(run())
