"""Two years of hours: never waited for, fetched page by page, bounded, and kept."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest

from assay.errors import RateLimited, SourceUnavailable
from assay.market.crypto import deep
from assay.market.crypto.deep import MOST_HOURS
from assay.market.crypto.feed import CryptoFeed
from assay.market.keys import SeriesKey
from assay.market.sources.base import Fetched
from assay.market.sources.simulated_crypto import SimulatedExchanges
from assay.market.venues import VENUES
from upstream.scripted import BTC, ScriptedExchanges, ask, settle

DOWN = SourceUnavailable("down")
HOUR = np.timedelta64(1, "h")


@dataclass
class PagedExchanges(ScriptedExchanges):
    """As many bars a call as an exchange really gives, and its refusals of older pages."""

    pages: list = field(default_factory=list)
    page_faults: dict[int, Exception] = field(default_factory=dict)

    async def bars(self, endpoint, market, timeframe, *, start, end=None, deadline_seconds):
        if end is not None:
            self.pages.append((start, end))
            if len(self.pages) in self.page_faults:
                raise self.page_faults[len(self.pages)]
        fetched = await super().bars(
            endpoint, market, timeframe, start=start, end=end, deadline_seconds=deadline_seconds
        )
        most = VENUES.get(endpoint, VENUES["binance"]).most_bars
        bars = fetched.checked.bars
        assert len(bars) <= 5000
        return Fetched(type(fetched.checked)(bars.take(slice(-most, None)) if most else bars))


@pytest.fixture
def source(clock):
    return PagedExchanges(clock)


@pytest.fixture
def at_once(feed_of):
    return lambda **options: feed_of(
        **{"deepen_after_seconds": 0.0, "deepen_pace_seconds": 0.0} | options
    )


async def past_of(feed, key=BTC):
    return await feed.deep.past((await ask(feed, key=key)).held)


def is_whole(bars, count=MOST_HOURS):
    return len(bars) == count and set(np.diff(bars.time)) == {HOUR}


def test_the_first_past_is_what_the_feed_holds_and_costs_no_call_of_its_own(feed_of, source):
    async def run():
        feed = feed_of()  # with the usual pause before the past is asked for
        found = await past_of(feed)
        assert (len(found.hourly), found.daily, found.depth) == (1000, None, 0)
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert source.bar_calls == {"binance": 1}
        await feed.close()

    asyncio.run(run())


def test_two_years_come_in_the_background_a_page_a_call_newest_first(at_once, source, store):
    async def run():
        feed = at_once()
        await past_of(feed)
        await feed.deep.settled()
        found = await past_of(feed)
        assert is_whole(found.hourly)
        assert (found.daily, found.depth > 0) == (None, True)
        ends = [end for _, end in source.pages]
        assert ends == sorted(ends, reverse=True)
        assert all((end - start) <= 1000 * HOUR for start, end in source.pages)
        assert len(source.pages) == 17
        calls = source.bar_calls.copy()
        await past_of(feed)
        await feed.deep.settled()
        assert source.bar_calls == calls
        assert len(store.read_bars(BTC)) == MOST_HOURS
        await feed.close()

    asyncio.run(run())


def test_depth_grows_as_the_past_doubles_and_when_it_is_whole(at_once):
    async def run():
        feed = at_once()
        held = (await ask(feed)).held
        assert (await feed.deep.past(held)).depth == feed.deep.depth(held) == 0
        await feed.deep.settled()
        assert feed.deep.depth(held) == 5  # 2,000, 4,000, 8,000, 16,000 and all
        assert (await feed.deep.past(held)).depth == 5
        await feed.close()

    asyncio.run(run())


def test_after_a_restart_the_past_is_there_at_once(at_once, source, clock):
    async def run():
        feed = at_once()
        await past_of(feed)
        await feed.deep.settled()
        await feed.close()
        clock.advance(hours=30)
        source.pages.clear()
        again = at_once()
        assert is_whole((await past_of(again)).hourly)
        await settle(again)
        found = await past_of(again)
        assert is_whole(found.hourly)
        assert found.hourly.time[-1] == np.datetime64("2026-11-19T17:00")
        await again.deep.settled()
        assert not source.pages
        await again.close()

    asyncio.run(run())


def test_a_fetch_that_was_cut_off_goes_on_where_it_stopped(at_once, source, clock):
    source.page_faults = dict.fromkeys((6, 7), DOWN)  # at both of binance's endpoints

    async def run():
        feed = at_once()
        await past_of(feed)
        await feed.deep.settled()
        cut = await past_of(feed)
        assert (len(cut.hourly), cut.depth > 0) == (6000, True)
        await feed.deep.settled()
        assert len(source.pages) == 7, "not asked again at once"
        clock.advance(minutes=10)
        await past_of(feed)
        await feed.deep.settled()
        assert len(source.pages) == 7, "nor before the exchange has answered somebody"
        clock.advance(hours=1)
        await settle(feed)
        feed.deep.depth((await ask(feed)).held)  # any look at it begins again
        await feed.deep.settled()
        assert is_whole((await past_of(feed)).hourly)
        assert len(source.pages) == 7 + 12
        await feed.close()

    asyncio.run(run())


def test_in_vain_it_asks_so_seldom_that_no_breaker_opens_for_what_is_new(at_once, source, clock):
    source.page_faults = dict.fromkeys(range(1, 99), DOWN)
    keys = [BTC, BTC._replace(symbol="ETH/USDT"), BTC._replace(symbol="ETH/BTC")]

    async def run():
        feed = at_once(failover=())
        counts = []

        async def look():
            for key in keys:
                feed.deep.depth((await ask(feed, key=key)).held)
                await past_of(feed, key)
            await feed.deep.settled()
            counts.append(len(source.pages))
            assert {each.state for each in feed.status().endpoints} == {"closed"}

        for minutes in (0, 1, 30):
            clock.advance(minutes=minutes)
            await look()
        assert counts == [2, 2, 3], "the second endpoint has not answered anybody since"
        for _ in range(4):
            clock.advance(hours=1, seconds=1)
            await settle(feed)  # new bars are had, from the first endpoint
            await look()
        assert counts[3:] == [4, 5, 6, 7]
        source.page_faults = {}
        clock.advance(hours=1, seconds=1)
        await settle(feed)
        await look()
        assert all([is_whole((await past_of(feed, key)).hourly) for key in keys])
        await feed.close()

    asyncio.run(run())


def test_an_exchange_that_asks_for_a_pause_gets_it(at_once, source, clock):
    limited = RateLimited("slow down", retry_after_seconds=900.0)
    source.page_faults = {2: limited, 3: limited}

    async def run():
        feed = at_once()
        held = (await ask(feed)).held
        await feed.deep.past(held)
        await feed.deep.settled()
        clock.advance(minutes=14)
        feed.deep.depth(held)
        await feed.deep.settled()
        assert len(source.pages) == 3
        clock.advance(minutes=60)
        await settle(feed)
        feed.deep.depth(held)
        await feed.deep.settled()
        assert len(source.pages) == 3 + 16
        await feed.close()

    asyncio.run(run())


def test_a_young_coin_has_no_older_bars_and_is_not_asked_for_them_again(at_once, source):
    source.first = "2026-08-01T00:00"

    async def run():
        feed = at_once()
        await past_of(feed)
        await feed.deep.settled()
        found = await past_of(feed)
        assert is_whole(found.hourly, count=109 * 24 + 12)
        pages = len(source.pages)
        await past_of(feed)
        await feed.deep.settled()
        assert len(source.pages) == pages
        await feed.close()

    asyncio.run(run())


def test_where_a_venue_gives_few_hours_a_year_of_days_comes_too(at_once, source):
    kraken = SeriesKey("kraken", "BTC/USDT", "1h")

    async def run():
        feed = at_once()
        first = await past_of(feed, kraken)
        assert (len(first.hourly), first.daily) == (720, None)
        await feed.deep.settled()
        assert feed.deep.depth((await ask(feed, key=kraken)).held) == 1
        found = await past_of(feed, kraken)
        assert (len(found.hourly), len(found.daily)) == (720, 720)
        assert set(np.diff(found.daily.time)) == {24 * HOUR}
        assert (source.bar_calls, source.pages) == ({"kraken": 2}, [])
        await feed.close()

    asyncio.run(run())


def test_bars_of_a_stand_in_exchange_stay_that_exchanges(at_once, source):
    source.faults = {"binance": DOWN, "binance_mirror": DOWN}

    async def run():
        feed = at_once()
        found = await past_of(feed)
        await feed.deep.settled()
        assert set(np.unique(found.hourly.close) // 100) == {2.0}  # kraken's level
        await feed.close()

    asyncio.run(run())


def test_only_so_many_coins_stay_in_memory(at_once, monkeypatch):
    monkeypatch.setattr(deep, "MOST_COINS", 2)

    async def run():
        feed = at_once()
        helds = []
        for symbol in ("BTC/USDT", "ETH/USDT", "ETH/BTC"):
            helds.append((await ask(feed, key=BTC._replace(symbol=symbol))).held)
            await feed.deep.past(helds[-1])
            await feed.deep.settled()
        assert [feed.deep.depth(held) > 0 for held in helds] == [False, True, True]
        assert is_whole((await feed.deep.past(helds[0])).hourly), "from the store"
        await feed.close()

    asyncio.run(run())


@pytest.mark.parametrize("mode", ["simulated", "auto"])
def test_simulated_bars_are_deep_at_once(clock, source, mode):
    simulated = SimulatedExchanges(clock)
    source.faults = dict.fromkeys(("binance", "binance_mirror"), DOWN)

    async def run():
        feed = (
            CryptoFeed(simulated, None, clock)
            if mode == "simulated"
            else CryptoFeed(source, None, clock, fallback=simulated, stagger_seconds=0.01)
        )
        series = await ask(feed)
        found = await feed.deep.past(series.held)
        assert (series.held.source, found.daily, found.depth) == ("simulated", None, 0)
        assert is_whole(found.hourly)
        clock.advance(hours=1)
        await settle(feed)
        later = await past_of(feed)
        assert is_whole(later.hourly)
        assert later.hourly.time[-1] - found.hourly.time[-1] == HOUR
        await feed.close()

    asyncio.run(run())


def test_live_bars_put_an_end_to_simulated_ones(clock, source):
    source.faults = dict.fromkeys(("binance", "binance_mirror"), DOWN)

    async def run():
        feed = CryptoFeed(
            source, None, clock, fallback=SimulatedExchanges(clock), stagger_seconds=0.01
        )
        assert is_whole((await past_of(feed)).hourly)
        source.faults = {}
        clock.advance(minutes=5)
        await settle(feed)
        found = await past_of(feed)
        assert len(found.hourly) == 1000
        assert found.hourly.close.max() < 110.0, "none of another's"
        await feed.close()

    asyncio.run(run())
