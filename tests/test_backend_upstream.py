"""The backend on live bars, while its upstream fails in the ways Yahoo is known to."""

import time

import pytest
from starlette.testclient import TestClient

from assay.clock import FixedClock, SystemClock
from assay.market.bars import CheckedBars
from assay.market.keys import SeriesKey
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay.market.symbols import DAILY_SYMBOLS
from assay.store import open_store
from assay_backend.app import create_app
from assay_backend.settings import Settings
from upstream.yahoo import NOW, RETRY_AFTER_SECONDS, YahooUpstream

pytestmark = pytest.mark.slow

CLOCK = FixedClock(NOW)
STORED_UNTIL = NOW.date().replace(day=10)
AMPLE_SECONDS = 60.0
SHORT_SECONDS = 5.0

FAULTS = ["empty", "html-200", "429", "500", "blackhole"]


@pytest.fixture
def reach(monkeypatch, tmp_path):
    """Points the environment at an upstream, as a person with a proxy would."""

    def reach(server):
        bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path / "code")}
        for name, value in (server.environment() | bytecode).items():
            monkeypatch.setenv(name, value)
        return server

    return reach


@pytest.fixture
def upstream(reach):
    with YahooUpstream() as server:
        yield reach(server)


@pytest.fixture
def serve(tmp_path, checkout):
    def serve(mode="live", *, deadline_seconds, patience_seconds=None, clock=CLOCK):
        settings = Settings(
            market_source=mode,
            data_dir=tmp_path,
            model_uri=str(checkout / "data" / "processed"),
            crypto_watch=(),  # nobody here speaks for exchanges
            upstream_deadline_seconds=deadline_seconds,
            first_bars_patience_seconds=(
                deadline_seconds if patience_seconds is None else patience_seconds
            ),
        )
        return TestClient(create_app(settings, clock=clock))

    return serve


def seconds_allowed(fault):
    return SHORT_SECONDS if fault == "blackhole" else AMPLE_SECONDS


def store_bars_until(tmp_path, session):
    """What an earlier day left in the database."""
    store = open_store(f"sqlite:///{tmp_path / 'assay.db'}")
    for market in DAILY_SYMBOLS:
        bars = SimulatedSource(CLOCK).fetch(market.name, start=FIRST_SESSION, deadline_seconds=1)
        until = CheckedBars(bars.bars.until(session))
        store.write(SeriesKey("yahoo", market.name, "1d"), until, at=NOW)
    store.close()


def eventually(condition):
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_live_bars_are_there_when_the_port_opens(upstream, serve):
    with serve(deadline_seconds=AMPLE_SECONDS) as client:
        body = client.post("/predict").json()
        assert (body["source"], body["stale"]) == ("yahoo", False)
        assert (body["today_date"], body["predicted_date"]) == ("2025-06-12", "2025-06-13")
        assert client.get("/health").json()["status"] == "healthy"


@pytest.mark.parametrize("mode", ["live", "auto"])
def test_on_the_machine_s_own_clock_live_bars_come_by_themselves(reach, serve, mode):
    clock = SystemClock()
    with YahooUpstream(now=clock.now()) as server:
        reach(server)
        with serve(mode, deadline_seconds=AMPLE_SECONDS, clock=clock) as client:
            assert client.post("/predict").json()["source"] == "yahoo"


def test_bars_that_come_after_the_port_opened_take_over_from_simulated_ones(upstream, serve):
    with serve("auto", deadline_seconds=AMPLE_SECONDS, patience_seconds=0.0) as client:
        assert client.post("/predict").json()["source"] == "simulated"
        assert eventually(lambda: client.post("/predict").json()["source"] == "yahoo")
        assert client.get("/health").json()["status"] == "healthy"


@pytest.mark.parametrize("fault", FAULTS)
def test_with_stored_bars_they_are_served_and_marked_stale(upstream, serve, tmp_path, fault):
    store_bars_until(tmp_path, STORED_UNTIL)
    upstream.fault = fault
    with serve(deadline_seconds=seconds_allowed(fault)) as client:
        assert eventually(upstream.chart_calls)
        body = client.post("/predict").json()
        assert (body["source"], body["stale"]) == ("yahoo", True)
        assert (body["today_date"], body["predicted_date"]) == ("2025-06-10", "2025-06-11")
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")


@pytest.mark.parametrize("fault", FAULTS)
def test_without_stored_bars_it_says_when_to_return(upstream, serve, fault):
    upstream.fault = fault
    with serve(deadline_seconds=seconds_allowed(fault)) as client:
        assert upstream.chart_calls()
        answer = client.post("/predict")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/readyz").status_code == 200
        if fault == "429":
            assert int(answer.headers["retry-after"]) == RETRY_AFTER_SECONDS


def test_auto_stands_in_and_says_so(upstream, serve):
    upstream.fault = "500"
    with serve("auto", deadline_seconds=AMPLE_SECONDS) as client:
        body = client.post("/predict").json()
        assert (body["source"], body["stale"]) == ("simulated", False)
        assert client.get("/health").json()["status"] == "degraded"
