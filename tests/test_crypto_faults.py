"""Every way in which an exchange has been seen to fail: what is answered, stored and asked.

The real application around the real ccxt, which asks Binance and its mirror on loopback. "Cold":
nothing was ever had. "Warm": bars were had twelve hours before.
"""

import asyncio
import contextlib
from dataclasses import dataclass

import httpx2
import numpy as np
import pytest

from assay.market.crypto.feed import CryptoFeed
from assay.market.keys import SeriesKey
from assay.market.sources.exchange import ExchangesSource
from assay.market.timeframes import timeframe
from assay.store import open_store
from assay_backend.app import create_app
from assay_backend.services.container import build_services
from assay_backend.settings import Settings
from upstream.candles import BAN_SECONDS, GAP_BARS, NOW, RETRY_AFTER_SECONDS, STALE_DAYS
from upstream.exchanges import ExchangesUpstream
from upstream.scripted import HandClock
from upstream.threads import threads_in_the_market

pytestmark = pytest.mark.slow

# Long enough for a busy machine, unless the fault itself lasts until the deadline.
DEADLINE_SECONDS = 15.0
ENDLESS = {"blackhole": 1.5, "drip": 1.5}
HOURS_BETWEEN = 12
LIMIT = 50
BTC = SeriesKey("binance", "BTC/USDT", "1h")
BINANCE = ("binance", "binance_mirror")

# Nothing of such an answer can be used. How long a caller is told to wait, at the least.
REFUSALS = {
    "500": 1,
    "503-html": 1,
    "429": RETRY_AFTER_SECONDS - 10,
    "418": BAN_SECONDS - 10,
    "451": 1,
    "403-region": 1,
    "blackhole": 1,
    "drip": 1,
    "reset": 1,
    "cut": 1,
    "truncated-json": 1,
    "html-200": 1,
    "object-200": 1,
    "empty": 1,
}
# Such an answer is used but for what is wrong in it: why rows are set aside, and bars missing.
DAMAGES = {
    "nulls": ("not a number", 1),
    "nan": ("not a number", 1),
    "zero": ("price not above zero", 1),
    "negative": ("price not above zero", 1),
    "high-below-low": ("high below low", 1),
    "outside": ("outside high and low", 1),
    "few-fields": ("not a number", 1),
    "future": ("in the future", 0),
    "duplicate": ("duplicate time", 0),
    "unsorted": (None, 0),
    "gap": (None, GAP_BARS),
}


@pytest.fixture(scope="module")
def clock():
    return HandClock(NOW)


@pytest.fixture(scope="module")
def upstream(clock):
    with ExchangesUpstream(clock=clock) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        yield server


@dataclass
class StandingSource:
    """One process that asks for all the tests: what a feed closes, others still need."""

    source: ExchangesSource

    def __getattr__(self, name):
        return getattr(self.source, name)

    async def close(self):
        pass


@pytest.fixture(scope="module")
def source(loop, upstream, clock):
    found = ExchangesSource(clock)

    async def start():
        found.start()
        await found.ready()

    loop.run(start())
    yield StandingSource(found)
    loop.run(found.close())


@dataclass
class Service:
    """The application with a store of its own, and what its upstream was asked meanwhile."""

    client: httpx2.AsyncClient
    feed: CryptoFeed
    store: object
    upstream: ExchangesUpstream

    def __post_init__(self):
        self.upstream.forget()

    @property
    def calls(self):
        """How often candles were asked for."""
        return sum(self.upstream.candle_calls(name) for name in BINANCE)

    @property
    def list_calls(self):
        """How often lists of markets were."""
        return sum(self.upstream.market_calls(name) for name in BINANCE)

    async def ask(self, **query):
        return await self.client.get("/v1/crypto/ohlcv", params={"limit": LIMIT} | query)

    async def settle(self):
        while any(route.flight for route in self.feed._routes.values()):
            await asyncio.sleep(0.01)


@pytest.fixture
def serve(source, upstream, clock, tmp_path, checkout):
    """Runs a test's coroutine around a new service; `failover` as the setting."""

    def serve(scenario, *, failover=(), stagger_seconds=1.0, deadline_seconds=DEADLINE_SECONDS):
        store = open_store(f"sqlite:///{tmp_path / 'assay.db'}")
        clock.instant = NOW
        upstream.faults = {}
        settings = Settings(
            market_source="simulated",
            data_dir=tmp_path,
            model_uri=str(checkout / "data" / "processed"),
        )

        async def run():
            feed = CryptoFeed(
                source,
                store,
                clock,
                failover=failover,
                deadline_seconds=deadline_seconds,
                stagger_seconds=stagger_seconds,
            )
            services = build_services(settings, clock=clock, crypto=feed)
            app = create_app(settings, services=services)

            async def with_state(scope, receive, send):
                await app({**scope, "state": {"services": services}}, receive, send)

            transport = httpx2.ASGITransport(app=with_state)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
                service = Service(client, feed, store, upstream)
                await scenario(service)
                await feed.close()
            services.database.close()

        return run, store

    return serve


def spoil_candles(upstream, fault):
    """Both endpoints, but only what they say of candles."""
    for name in BINANCE:
        speaker = upstream._by_name[name]
        upstream.faults[name] = lambda asked, at=speaker: (
            fault if at.is_for_candles(asked) else None
        )


def play(loop, serve, scenario, **options):
    run, store = serve(scenario, **options)
    try:
        loop.run(run())
    finally:
        store.close()


@pytest.mark.parametrize(("fault", "wait_seconds"), REFUSALS.items())
def test_cold_and_refused(loop, serve, upstream, fault, wait_seconds):
    async def scenario(service):
        spoil_candles(upstream, fault)
        answer = await service.ask()
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= wait_seconds
        assert service.calls == len(BINANCE)
        assert (await service.ask()).status_code == 503
        assert service.calls == len(BINANCE)
        assert len(service.store.read_bars(BTC)) == 0
        assert service.store.quarantine_counts() == {}

    play(loop, serve, scenario, deadline_seconds=ENDLESS.get(fault, DEADLINE_SECONDS))


@pytest.mark.parametrize("fault", REFUSALS)
def test_warm_and_refused(loop, serve, upstream, clock, fault):
    async def scenario(service):
        first = (await service.ask()).json()
        stored = service.store.read_bars(BTC).fingerprint()
        clock.advance(hours=HOURS_BETWEEN)
        spoil_candles(upstream, fault)
        for _ in range(2):
            answer = await service.ask()
            body = answer.json()
            assert (answer.status_code, body["stale"], body["source"]) == (200, True, "binance")
            assert body["data"] == first["data"]
            assert body["age_seconds"] == pytest.approx(
                first["age_seconds"] + HOURS_BETWEEN * 3600, abs=1
            )
            await service.settle()
        assert service.calls == 1 + len(BINANCE)
        assert service.store.read_bars(BTC).fingerprint() == stored
        assert service.store.quarantine_counts() == {}

    play(loop, serve, scenario, deadline_seconds=ENDLESS.get(fault, DEADLINE_SECONDS))


@pytest.mark.parametrize("cache", ["cold", "warm"])
@pytest.mark.parametrize(("fault", "expected"), DAMAGES.items())
def test_damaged(loop, serve, upstream, clock, fault, expected, cache):
    reason, missing = expected

    async def scenario(service):
        if cache == "warm":
            await service.ask()
            clock.advance(hours=HOURS_BETWEEN)
        spoil_candles(upstream, fault)
        answer = await service.ask()
        assert answer.json()["stale"] is (cache == "warm")
        await service.settle()
        body = (await service.ask()).json()
        assert (body["rows"], body["stale"], body["source"]) == (LIMIT, False, "binance")
        assert sum(gap["bars"] for gap in body["gaps"]) == missing
        assert service.store.quarantine_counts() == ({reason: 1} if reason else {})
        assert service.calls == (2 if cache == "warm" else 1)
        served = [bar["ts"] for bar in body["data"]]
        assert served == sorted(set(served))
        stored = service.store.read_bars(BTC, last=LIMIT)
        assert stored.time.astype("int64").tolist() == served
        assert all(
            0 < bar["low"] <= min(bar["open"], bar["close"]) <= bar["high"] for bar in body["data"]
        )

    play(loop, serve, scenario)


@pytest.mark.parametrize("cache", ["cold", "warm"])
def test_a_feed_that_has_stopped_is_marked(loop, serve, upstream, clock, cache):
    async def scenario(service):
        if cache == "warm":
            await service.ask()
            clock.advance(hours=HOURS_BETWEEN)
        spoil_candles(upstream, "stale")
        await service.ask()
        await service.settle()
        body = (await service.ask()).json()
        assert body["stale"] is True
        days = body["age_seconds"] / 86_400
        assert days == pytest.approx(STALE_DAYS if cache == "cold" else 0.5, abs=0.1)

    play(loop, serve, scenario)


def test_a_correction_is_kept_with_both_values_and_its_time(loop, serve, upstream, clock):
    async def scenario(service):
        await service.ask()
        before = service.store.read_bars(BTC)
        stamp = int(before.time[-1].astype("int64"))

        def corrected(asked, rows):
            for row in rows:
                if row[0] == stamp:
                    row[1:5] = [price * 1.001 for price in row[1:5]]
            return upstream._by_name["binance"].candles(asked, rows)

        clock.advance(hours=1)
        with contextlib.ExitStack() as both:
            for name in BINANCE:
                both.enter_context(upstream.speaking(name, candles=corrected))
            await service.ask()
            await service.settle()
        (found,) = service.store.corrections(BTC, limit=10)
        assert (found.at, found.open_time.timestamp()) == (clock.now(), stamp / 1000)
        assert found.before[0] == before.open[-1]
        assert found.after[0] == pytest.approx(before.open[-1] * 1.001)
        assert service.store.read_bars(BTC, start=found.open_time).open[0] == found.after[0]

    play(loop, serve, scenario)


@pytest.mark.parametrize("fault", ["missing-key", "500", "html-200", "truncated-json", "empty"])
def test_without_a_list_of_markets_nobody_can_be_named(loop, serve, upstream, fault):
    async def scenario(service):
        upstream.faults = dict.fromkeys(BINANCE, fault)
        for _ in range(5):
            answer = await service.ask()
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["retry-after"]) >= 1
        assert (service.list_calls, service.calls) == (3, 0)  # no more within a minute

    play(loop, serve, scenario)


CUT_JSON = '[[1763467200000,"90001.1","90100.0","899'


def test_forty_rows_of_garbage_from_cut_json_are_set_aside_and_counted(loop, serve, upstream):
    """What a client makes of text that it takes for a list, letter by letter."""

    async def scenario(service):
        with contextlib.ExitStack() as both:
            for name in BINANCE:
                both.enter_context(upstream.speaking(name, candles=lambda *_: list(CUT_JSON)))
            assert (await service.ask()).status_code == 503
        assert len(service.store.read_bars(BTC)) == 0
        (row,) = service.store.quarantine(BTC)
        assert (len(CUT_JSON), row.times_seen) == (40, 40 * len(BINANCE))
        assert (row.time, row.reason, set(row.values)) == ("NaT", "no time", {"nan"})
        metrics = (await service.client.get("/metrics")).json()
        assert metrics["set_aside_no_time_total"] == 1
        status = (await service.client.get("/v1/status")).json()
        assert status["counts"]["set_aside:no time"] == 1

    play(loop, serve, scenario)


def test_more_bars_than_come_in_time_come_in_two_goes(loop, serve, upstream):
    edge = int(timeframe("1h").shifted(np.datetime64("2026-11-18T12:00", "ms"), -2000).astype(int))

    def silent_on_older(asked):
        is_older = "startTime" in asked.query and int(asked.query["startTime"]) < edge
        return "blackhole" if is_older else None

    async def scenario(service):
        upstream.faults = dict.fromkeys(BINANCE, silent_on_older)
        body = (await service.ask(limit=5000)).json()
        assert (body["rows"], body["stale"], body["gaps"]) == (2000, False, [])
        upstream.faults = {}
        before = service.calls
        body = (await service.ask(limit=5000)).json()
        assert (body["rows"], body["stale"], body["gaps"]) == (5000, False, [])
        assert service.calls == before + 3
        assert len(service.store.read_bars(BTC)) == 5000

    play(loop, serve, scenario, deadline_seconds=4.0)


def test_a_black_hole_holds_no_more_than_two_threads(loop, serve, upstream):
    async def scenario(service):
        upstream.faults = dict.fromkeys(BINANCE, "blackhole")
        asking = [asyncio.create_task(service.ask(limit=200 + at)) for at in range(100)]
        while not service.list_calls:
            await asyncio.sleep(0.01)
        held = await asyncio.to_thread(threads_in_the_market)
        assert len(held) <= 2
        answers = await asyncio.gather(*asking)
        assert {answer.status_code for answer in answers} == {503}
        assert len(threads_in_the_market()) <= 2

    play(loop, serve, scenario, deadline_seconds=1.0)


STANDING_IN = ("kraken", "coinbase")


@pytest.mark.parametrize("fault", ["451", "503-html"])
@pytest.mark.parametrize(
    ("faulty", "answered", "endpoint"),
    [
        (("binance",), "binance", "binance_mirror"),
        (BINANCE, "kraken", "kraken"),
        ((*BINANCE, "kraken"), "coinbase", "coinbase"),
    ],
)
def test_cold_and_stood_in_for(loop, serve, upstream, clock, fault, faulty, answered, endpoint):
    async def scenario(service):
        upstream.faults = dict.fromkeys(faulty, fault)
        answer = await service.ask(symbol="btc-usdt")
        if answer.status_code == 503:  # three calls were in vain: the fourth has to wait a minute
            assert len(faulty) == 3
            clock.advance(seconds=int(answer.headers["retry-after"]) + 1)
            answer = await service.ask(symbol="btc-usdt")
        body = answer.json()
        assert (body["exchange"], body["source"], body["endpoint"], body["stale"]) == (
            "binance", answered, endpoint, False,
        )  # fmt: skip
        assert body["symbol"] == "BTC/USDT"

    play(loop, serve, scenario, failover=("binance", *STANDING_IN))


def test_a_black_hole_does_not_eat_the_deadline(loop, serve, upstream):
    async def scenario(service):
        upstream.faults = dict.fromkeys(BINANCE, "blackhole")
        body = (await service.ask()).json()
        assert body["source"] in STANDING_IN
        assert body["exchange"] == "binance"

    play(loop, serve, scenario, failover=("binance", *STANDING_IN), stagger_seconds=0.5)


def test_an_unknown_market_and_bad_input_cost_no_candles(loop, serve, upstream):
    async def scenario(service):
        answer = await service.ask(symbol="BTCUSDX")
        assert (answer.status_code, answer.json()["near"][0]) == (404, "BTC/USDT")
        assert (await service.ask(symbol="LUNAUSDT")).status_code == 404  # delisted
        for bad in ({"symbol": "../"}, {"timeframe": "1y"}, {"exchange": "x"}, {"limit": 5001}):
            assert (await service.ask(**bad)).status_code == 422
        assert service.calls == 0

    play(loop, serve, scenario)
