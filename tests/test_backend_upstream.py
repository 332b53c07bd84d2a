"""The backend with Yahoo in a process of its own: when the port opens, and what it opens with.

How Yahoo fails is in test_yahoo_faults.py.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from assay.clock import FixedClock, SystemClock
from assay_backend.app import create_app
from assay_backend.settings import Settings
from upstream.threads import threads_in_the_market
from upstream.yahoo import NOW, YahooUpstream

pytestmark = pytest.mark.slow

CLOCK = FixedClock(NOW)
AMPLE_SECONDS = 60.0


@pytest.fixture
def reach(monkeypatch):
    """Points the environment at an upstream, as a person with a proxy would."""

    def reach(server):
        for name, value in server.environment().items():
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


def test_a_black_hole_holds_up_neither_the_port_nor_more_than_two_threads(upstream, serve):
    upstream.fault = "blackhole"
    with serve(deadline_seconds=AMPLE_SECONDS, patience_seconds=0.5) as client:
        assert eventually(upstream.chart_calls)
        with ThreadPoolExecutor(16) as callers:
            answers = list(callers.map(lambda _: client.post("/predict"), range(100)))
        assert 1 <= len(threads_in_the_market()) <= 2
        assert {answer.status_code for answer in answers} == {503}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
        assert client.get("/readyz").status_code == 200
        upstream.stopped.set()


def test_auto_stands_in_and_says_so(upstream, serve):
    upstream.fault = "500"
    with serve("auto", deadline_seconds=AMPLE_SECONDS) as client:
        body = client.post("/predict").json()
        assert (body["source"], body["stale"]) == ("simulated", False)
        assert client.get("/health").json()["status"] == "degraded"
