"""Bars at hand never wait, one fetch serves all who do, and nobody is shown what is not so."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assay.errors import (
    BlockedRegion,
    MalformedSymbol,
    RateLimited,
    SourceUnavailable,
    UnknownExchange,
    UnknownSymbol,
    UnknownTimeframe,
)
from assay.market.crypto.feed import CryptoFeed
from upstream.scripted import BTC, NOW, ScriptedExchanges, ask, settle

DOWN = SourceUnavailable("down")
NOON = NOW.replace(minute=0)


def shown(series):
    return series.held.source, series.stale, len(series.bars)


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
