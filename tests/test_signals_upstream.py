"""Signals of an exchange on loopback, asked by the real ccxt: what a signal costs upstream."""

import asyncio
import contextlib
from dataclasses import dataclass

import httpx2
import numpy as np
import pytest

from assay.errors import SourceUnavailable
from assay.market.crypto.deep import MOST_HOURS
from assay.market.crypto.feed import CryptoFeed
from assay.market.keys import SeriesKey
from assay.market.sources.exchange import ExchangesSource
from assay.store import open_store
from assay_backend.app import create_app
from assay_backend.services.container import Services, build_services
from assay_backend.settings import Settings
from upstream.candles import NOW
from upstream.exchanges import ExchangesUpstream
from upstream.scripted import HandClock

pytestmark = pytest.mark.slow

SIGNAL, BATCH = "/v1/crypto/signal", "/v1/crypto/signal/batch"
NEVER_SECONDS = 3600.0
DEADLINE_SECONDS = 30.0


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
        for _ in range(5):  # on a busy machine ccxt takes its time to be imported
            with contextlib.suppress(SourceUnavailable):
                return await found.ready()
        return await found.ready()

    loop.run(start())
    yield StandingSource(found)
    loop.run(found.close())


@dataclass
class Service:
    client: httpx2.AsyncClient
    services: Services

    async def answered(self, **body):
        answer = await self.client.post(SIGNAL, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def play(loop, source, upstream, clock, tmp_path, checkout):
    """Runs a coroutine around a new service, which asks for the past after so many seconds."""

    def play(scenario, *, after_seconds=NEVER_SECONDS):
        upstream.faults.clear()
        upstream.forget()
        settings = Settings(
            market_source="simulated",
            data_dir=tmp_path,
            model_uri=str(checkout / "data" / "processed"),
        )
        store = open_store(settings.sqlalchemy_url)

        async def run():
            feed = CryptoFeed(
                source,
                store,
                clock,
                deadline_seconds=DEADLINE_SECONDS,
                deepen_after_seconds=after_seconds,
                deepen_pace_seconds=0.0,
            )
            services = build_services(settings, clock=clock, crypto=feed)
            app = create_app(settings, services=services)

            async def with_state(scope, receive, send):
                await app({**scope, "state": {"services": services}}, receive, send)

            transport = httpx2.ASGITransport(app=with_state)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
                await scenario(Service(client, services))
            await services.coins.close()
            await feed.close()
            await services.ledger.close()
            services.database.close()

        try:
            loop.run(run())
        finally:
            store.close()

    return play


def test_a_batch_is_one_call_for_each_series_it_names(play, upstream):
    wanted = [
        {"symbol": symbol, "horizon_min": 60 * hours}
        for symbol in ("BTCUSDT", "btc-usdt", "ETH/USDT", "ETHBTC")
        for hours in (1, 4, 24)
    ]

    async def scenario(service):
        answer = await service.client.post(BATCH, json={"requests": wanted})
        assert all(item["ok"] for item in answer.json()["results"])
        assert upstream.candle_calls("binance") == 3
        again = await service.client.post(BATCH, json={"requests": wanted})
        assert all(item["ok"] for item in again.json()["results"])
        assert (upstream.market_calls("binance"), len(upstream.requests)) == (1, 1 + 3)

    play(scenario)


def test_five_hundred_first_signals_are_one_call(play, upstream):
    async def scenario(service):
        answers = await asyncio.gather(
            *(service.client.post(SIGNAL, json={"explain": True}) for _ in range(500))
        )
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["signal_id"] for answer in answers}) == 500
        assert (upstream.candle_calls("binance"), len(upstream.requests)) == (1, 2)

    play(scenario)


def test_the_past_comes_behind_the_readers_back_and_is_kept(play, upstream, tmp_path):
    async def scenario(service):
        assert "short_history" in (await service.answered())["fallbacks"]
        await service.services.crypto.deep.settled()
        assert upstream.candle_calls("binance") == 1 + 17
        await service.answered()  # has it made anew
        for _ in range(500):
            if not (found := await service.answered())["fallbacks"]:
                break
            await asyncio.sleep(0.02)
        assert found["fallbacks"] == []

    async def after_restart(service):
        assert (await service.answered())["fallbacks"] == []
        assert upstream.candle_calls("binance") <= 1

    play(scenario, after_seconds=0.0)
    store = open_store(f"sqlite:///{tmp_path / 'assay.db'}")
    bars = store.read_bars(SeriesKey("binance", "BTC/USDT", "1h"))
    store.close()
    assert len(bars) == MOST_HOURS
    assert set(np.diff(bars.time)) == {np.timedelta64(1, "h")}
    play(after_restart)


def test_kraken_s_few_hours_are_helped_by_days(play, upstream):
    day = {"exchange": "kraken", "symbol": "BTCUSD", "horizon_min": 1440}

    async def scenario(service):
        first = await service.answered(**day)
        assert {"short_history", "no_threshold"} <= set(first["fallbacks"])
        await service.services.crypto.deep.settled()
        for _ in range(500):
            found = await service.answered(**day)
            if "no_threshold" not in found["fallbacks"]:
                break
            await asyncio.sleep(0.02)
        assert "short_history" in found["fallbacks"]
        assert "no_threshold" not in found["fallbacks"]
        assert upstream.candle_calls("kraken") == 2

    play(scenario, after_seconds=0.0)
