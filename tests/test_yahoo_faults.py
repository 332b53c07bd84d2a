"""Every way in which Yahoo has been seen to fail: what is answered, stored and asked.

The real application around the real yfinance, which asks Yahoo on loopback. "Cold": nothing was
ever had. "Warm": bars were had two sessions before.
"""

import asyncio
import shutil
from dataclasses import dataclass
from datetime import date

import httpx2
import numpy as np
import pytest

from assay.clock import FixedClock
from assay.errors import AssayError
from assay.market.bars import CheckedBars
from assay.market.crypto.feed import CryptoFeed
from assay.market.feed import GoldFeed
from assay.market.keys import SeriesKey
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay.market.sources.simulated_crypto import SimulatedExchanges
from assay.market.sources.yahoo import YahooSource
from assay.market.symbols import DAILY_SYMBOLS
from assay.store import open_store
from assay_backend.app import create_app
from assay_backend.services.container import build_services
from assay_backend.settings import Settings
from upstream.forks import Forks
from upstream.yahoo import NOW, RETRY_AFTER_SECONDS, YahooUpstream

pytestmark = pytest.mark.slow

CLOCK = FixedClock(NOW)
LAST = date(2025, 6, 12)
STORED_UNTIL = date(2025, 6, 10)
GOLD = SeriesKey("yahoo", "GC=F", "1d")
# These end at the deadline; what comes by itself has time, however busy the machine is.
SILENT = {"blackhole", "drip"}
SILENT_SECONDS, AMPLE_SECONDS = 2.5, 20.0
HOUR = 3600

# Nothing of such an answer can be used: how long a caller is told to wait, at the least, and how
# often bars were asked for. yfinance asks once more with another cookie where that may help, and at
# first also where the market is.
REFUSALS = {
    "500": (1, 1),
    "503-html": (1, 1),
    "429": (RETRY_AFTER_SECONDS - 10, 1),
    "418": (RETRY_AFTER_SECONDS - 10, 1),
    "451": (HOUR - 10, 1),
    "404": (1, 1),
    "reset": (1, 1),
    "cut": (1, 1),
    "truncated-json": (1, 1),
    "html-200": (1, 1),
    "nan": (1, 1),
    "missing-key": (1, 2),
    "empty": (1, 2),
    "no-cookie": (1, 2),
    "crumb-401": (1, 2),
    "blackhole": (1, 1),
    "drip": (1, 1),
}
# Such an answer is used but for what is wrong in it: why a row is set aside, and which sessions
# then lack their bars, the first damage in 2025-06-10 and the next ones in those before.
DAMAGES = {
    "nulls": ("not a number", ["2025-06-10"]),
    "zero": ("price not above zero", ["2025-06-10"]),
    "negative": ("price not above zero", ["2025-06-10"]),
    "high-below-low": ("high below low", ["2025-06-10"]),
    "duplicate": (None, []),  # yfinance keeps the later of two rows of a day
    "future": (None, []),  # and asks for none
    "unfinished": (None, []),
    "unsorted": (None, []),
    "gap": (None, ["2025-06-10"]),
}


@pytest.fixture(scope="module")
def upstream():
    with YahooUpstream() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def forks(upstream):
    with Forks() as process:
        yield process


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    """What an earlier day left: a file without bars, and one with those of two sessions before."""
    folder = tmp_path_factory.mktemp("databases")
    for cache in ("cold", "warm"):
        store = open_store(f"sqlite:///{folder / cache}")
        for market in DAILY_SYMBOLS if cache == "warm" else ():
            bars = true_bars(market.name, until=STORED_UNTIL)
            store.write(SeriesKey("yahoo", market.name, "1d"), CheckedBars(bars), at=NOW)
        store.close()
    return folder


@dataclass
class Service:
    """The application with a store of its own."""

    client: httpx2.AsyncClient
    feed: GoldFeed
    store: object
    upstream: YahooUpstream
    refreshed: object

    async def refresh(self):
        """What the background does when a refresh is due; the error that it met."""
        error = None
        try:
            await asyncio.to_thread(self.feed.refresh)
        except AssayError as raised:
            error = raised
        await asyncio.to_thread(self.refreshed)
        return error

    async def history(self):
        return await self.client.get("/v1/gold/history", params={"sessions": 20})

    async def predict(self):
        return await self.client.post("/predict")

    def stored(self):
        return self.store.read_bars(GOLD)


@pytest.fixture
def play(upstream, forks, databases, tmp_path, checkout, loop):
    """Runs a test's coroutine around a new service, `cold` or `warm`."""
    source = YahooSource(CLOCK, run=forks)
    upstream.fault, upstream.damages = None, ()
    settings = Settings(
        market_source="live",
        data_dir=tmp_path,
        model_uri=str(checkout / "data" / "processed"),
        crypto_watch=(),
    )

    async def run(scenario, store, deadline_seconds):
        feed = GoldFeed(
            source, store, CLOCK, mode="live", deadline_seconds=deadline_seconds, attempts=1
        )
        crypto = CryptoFeed(SimulatedExchanges(CLOCK), None, CLOCK)
        services = build_services(settings, clock=CLOCK, feed=feed, crypto=crypto)
        app = create_app(settings, services=services)

        async def with_state(scope, receive, send):
            await app({**scope, "state": {"services": services}}, receive, send)

        transport = httpx2.ASGITransport(app=with_state)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            upstream.forget()
            refreshed = services.forecasts.refresh
            await scenario(Service(client, feed, store, upstream, refreshed))
        services.database.close()

    def play(scenario, cache="cold", fault=None):
        deadline_seconds = SILENT_SECONDS if fault in SILENT else AMPLE_SECONDS
        shutil.copy(databases / cache, tmp_path / "assay.db")
        store = open_store(f"sqlite:///{tmp_path / 'assay.db'}")
        try:
            loop.run(run(scenario, store, deadline_seconds))
        finally:
            store.close()

    yield play
    source.close()


def true_bars(symbol="GC=F", *, until=LAST):
    source = SimulatedSource(CLOCK)
    return source.fetch(symbol, start=FIRST_SESSION, deadline_seconds=1.0).bars.until(until)


@pytest.mark.parametrize(("fault", "expected"), REFUSALS.items())
def test_cold_and_refused(play, upstream, fault, expected):
    wait_seconds, charts = expected

    async def scenario(service):
        upstream.fault = fault
        assert await service.refresh() is not None
        for ask in (service.predict, service.history):
            answer = await ask()
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) >= wait_seconds
        assert upstream.chart_calls() == charts
        assert len(service.stored()) == 0
        assert service.store.quarantine_counts() == {}

    play(scenario, fault=fault)


@pytest.mark.parametrize(("fault", "expected"), REFUSALS.items())
def test_warm_and_refused(play, upstream, fault, expected):
    _, charts = expected

    async def scenario(service):
        before = service.stored().fingerprint()
        upstream.fault = fault
        assert await service.refresh() is not None
        body = (await service.predict()).json()
        assert (body["source"], body["stale"]) == ("yahoo", True)
        assert (body["today_date"], body["predicted_date"]) == ("2025-06-10", "2025-06-11")
        body = (await service.history()).json()
        assert (body["stale"], body["data"][-1]["session"]) == (True, "2025-06-10")
        assert body["age_seconds"] == 49.5 * HOUR  # since 17:00 in New York
        assert upstream.chart_calls() == charts
        assert service.stored().fingerprint() == before
        assert service.store.quarantine_counts() == {}

    play(scenario, "warm", fault)


@pytest.mark.parametrize("cache", ["cold", "warm"])
@pytest.mark.parametrize(("damage", "expected"), DAMAGES.items())
def test_damaged(play, upstream, damage, expected, cache):
    reason, missing = expected
    if cache == "warm":
        missing = []  # a bad row does not displace a good one that was stored

    async def scenario(service):
        upstream.damages = (damage,)
        assert await service.refresh() is None
        body = (await service.history()).json()
        assert (body["stale"], body["gaps"]) == (False, missing)
        lost = np.array(missing, "datetime64[D]")
        true = true_bars().take(~np.isin(true_bars().session, lost))
        assert service.stored().fingerprint() == true.fingerprint()
        assert [bar["session"] for bar in body["data"]] == true.session[-20:].astype(str).tolist()
        assert (await service.predict()).json()["today_date"] == "2025-06-12"
        kept = service.store.quarantine_counts()
        assert kept == ({reason: 2} if reason else {})  # of gold and of the S&P 500
        assert upstream.chart_calls() == 4

    play(scenario, cache)


@pytest.mark.parametrize(("cache", "last"), [("cold", "2025-06-09"), ("warm", "2025-06-10")])
def test_a_feed_that_has_stopped_is_marked(play, upstream, cache, last):
    async def scenario(service):
        upstream.damages = ("stale",)
        assert await service.refresh() is None
        body = (await service.history()).json()
        assert (body["stale"], body["data"][-1]["session"]) == (True, last)
        assert str(service.stored().last_session) == last

    play(scenario, cache)


@pytest.mark.parametrize("cache", ["cold", "warm"])
def test_without_a_crumb_bars_still_come(play, upstream, cache):
    async def scenario(service):
        upstream.fault = "crumb-429"
        assert await service.refresh() is None
        assert (await service.history()).json()["stale"] is False
        assert service.stored().fingerprint() == true_bars().fingerprint()

    play(scenario, cache)
