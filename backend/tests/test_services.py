"""What happens between requests: champions swapped, bars refreshed, forecasts made anew."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from assay.bundle.files import METADATA, SCALER
from assay.errors import RateLimited, SourceUnavailable
from assay.market.crypto.feed import CryptoFeed
from assay.market.feed import GoldFeed
from assay.market.sources.simulated import SimulatedSource
from assay.market.sources.simulated_crypto import SimulatedExchanges
from assay.store import open_store
from assay_backend.schemas.health import HealthAnswer
from assay_backend.services import background, forecasts
from assay_backend.services.background import in_daemon_thread
from assay_backend.services.champion import ChampionService
from assay_backend.services.container import Services, build_services
from assay_backend.settings import Settings

Version = Callable[[], str]


def eventually(condition: Callable[[], bool]) -> bool:
    for _ in range(400):
        if condition():
            return True
        time.sleep(0.025)
    return False


def version_served(client: TestClient) -> str:
    return client.post("/predict").json()["model_version"]


@pytest.fixture
def live(settings: Settings, clock, source, tmp_path: Path):
    """Services on live bars from the stoppable source, with a store that tests may fill first."""
    store = open_store(f"sqlite:///{tmp_path}/bars.db")

    def live(*, mode: str = "live", deadline_seconds: float = 0.2) -> Services:
        fallback = SimulatedSource(clock) if mode == "auto" else None
        feed = GoldFeed(
            source, store, clock, mode=mode, fallback=fallback, attempts=1, sleep=lambda _: None
        )
        used = settings.model_copy(
            update={"market_source": mode, "first_bars_patience_seconds": deadline_seconds}
        )
        crypto = CryptoFeed(SimulatedExchanges(clock), None, clock)  # no exchange is asked here
        return build_services(used, clock=clock, feed=feed, crypto=crypto)

    yield live
    source.released.set()
    store.close()


def test_a_new_champion_takes_over_by_itself(
    client: TestClient, folder: Path, publish: Callable
) -> None:
    before = client.post("/predict").json()
    assert client.get("/v1/gold/evaluation").json()["model_version"] == "2026-10-30-small"
    publish(folder, version="2026-11-17-next", slope=0.05)
    assert eventually(lambda: version_served(client) == "2026-11-17-next")
    after = client.post("/predict").json()
    assert after["intervals"] != before["intervals"]
    assert client.get("/version").json()["model_version"] == "2026-11-17-next"
    assert client.get("/v1/gold/evaluation").json()["model_version"] == "2026-11-17-next"


def test_no_request_is_dropped_while_champions_change(
    client: TestClient, folder: Path, publish: Callable
) -> None:
    seen: list[tuple[int, str]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = client.post("/predict")
            seen.append((answer.status_code, answer.json().get("model_version", "")))

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for number in range(4):
            publish(folder, version=f"version-{number}")
            assert eventually(lambda: seen[-1:] == [(200, f"version-{number}")])  # noqa: B023 - awaited here
    finally:
        stop.set()
        asker.join()
    assert {status for status, _ in seen} == {200}
    assert len({version for _, version in seen}) >= 5


def test_a_bad_bundle_is_refused_by_name_and_the_champion_stays(
    client: TestClient, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / SCALER).write_bytes(b"{}")
    assert eventually(lambda: client.get("/health").json()["status"] == "degraded")
    health = client.get("/health")
    assert health.status_code == 200
    assert (health.json()["model_loaded"], health.json()["scaler_loaded"]) == (True, True)
    assert SCALER in health.json()["problems"][0]
    assert version_served(client) == "2026-10-30-small"
    assert SCALER in caplog.text


def test_a_successor_that_forecasts_nonsense_is_refused(
    client: TestClient, folder: Path, publish: Callable
) -> None:
    publish(folder, version="overflows", slope=1e30)
    assert eventually(lambda: client.get("/health").json()["status"] == "degraded")
    assert "no finite number" in client.get("/health").json()["problems"][0]
    assert version_served(client) == "2026-10-30-small"


def test_a_first_champion_that_forecasts_nonsense_is_a_503(
    serve: Callable, folder: Path, publish: Callable
) -> None:
    publish(folder, version="overflows", slope=1e30)
    with serve() as client:
        answer = client.post("/predict")
        health = client.get("/health").json()
    assert answer.status_code == 503
    assert "no finite number" in answer.json()["detail"]
    assert health["status"] == "degraded"


def test_a_bundle_is_read_again_only_when_a_file_has_changed(folder: Path) -> None:
    champion = ChampionService(folder, prove=lambda _: None)
    assert champion.check()
    bundle = champion.require()
    assert not champion.check()
    data = (folder / METADATA).read_bytes()
    (folder / METADATA).write_bytes(data)
    assert champion.check()
    assert champion.require().digest == bundle.digest


def test_a_forecast_is_made_once_and_not_for_each_request(client: TestClient, live, source) -> None:
    services = live()
    services.feed.refresh()
    services.forecasts.refresh()
    first = services.forecasts.answer()
    assert not services.forecasts.outdated()
    services.forecasts.refresh()
    assert services.forecasts.answer() is first


def test_without_bars_it_opens_after_the_deadline_and_says_when_to_return(
    serve: Callable, live, source
) -> None:
    source.released.clear()
    began = time.monotonic()
    with serve(services=live()) as client:
        opened_after = time.monotonic() - began
        answer = client.post("/predict")
        health = client.get("/health")
        history = client.get("/v1/gold/history")
    assert opened_after >= 0.2
    assert answer.status_code == history.status_code == 503
    assert answer.json()["type"] == "urn:assay:problem:source-unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    assert health.status_code == 200
    assert health.json()["status"] == "degraded"
    assert health.json()["market_data"]["gold"]["source"] is None


def test_the_first_bars_are_waited_for_and_forecast_from(
    serve: Callable, live, source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "TICK_SECONDS", 3600.0)  # no later round may make up for it
    source.released.clear()
    threading.Timer(0.3, source.released.set).start()
    with serve(services=live(deadline_seconds=60.0)) as client:
        assert client.post("/predict").json()["today_date"] == "2026-11-18"


def test_with_stored_bars_nothing_is_waited_for(serve: Callable, live, source) -> None:
    live().feed.refresh()
    source.released.clear()
    with serve(services=live(deadline_seconds=3600.0)) as client:
        assert client.post("/predict").json()["today_date"] == "2026-11-18"


def test_a_source_that_fails_is_reported_and_its_pause_passed_on(
    serve: Callable, live, source, caplog: pytest.LogCaptureFixture
) -> None:
    source.error = RateLimited("HTTP 429", retry_after_seconds=77.0)
    with caplog.at_level(logging.WARNING), serve(services=live()) as client:
        assert eventually(lambda: client.post("/predict").headers["retry-after"] == "77")
        assert client.post("/predict").status_code == 503
    assert "HTTP 429" in caplog.text
    assert source.calls == 1


def test_bars_come_by_themselves_once_the_source_answers(
    serve: Callable, live, source, clock
) -> None:
    source.error = SourceUnavailable("down")
    with serve(services=live()) as client:
        assert client.post("/predict").status_code == 503
        source.error = None
        clock.advance(minutes=5)
        assert eventually(lambda: client.post("/predict").status_code == 200)


def test_stored_bars_are_served_and_marked_while_the_source_is_down(
    serve: Callable, live, source, clock
) -> None:
    live().feed.refresh()
    clock.advance(days=2)
    source.error = SourceUnavailable("down")
    with serve(services=live()) as client:
        body = client.post("/predict").json()
    assert (body["source"], body["stale"]) == ("yahoo", True)
    assert body["today_date"] == "2026-11-18"
    assert body["age_seconds"] == timedelta(days=2, hours=1).total_seconds()


def test_auto_stands_in_until_live_bars_come(serve: Callable, live, source, clock) -> None:
    source.error = SourceUnavailable("down")
    with serve(services=live(mode="auto")) as client:
        assert client.post("/predict").json()["source"] == "simulated"
        health = client.get("/health").json()
        assert health["status"] == "degraded"
        assert "simulated" in health["problems"][0]
        source.error = None
        clock.advance(minutes=5)
        assert eventually(lambda: client.post("/predict").json()["source"] == "yahoo")
        assert client.get("/health").json()["status"] == "healthy"


def test_too_few_bars_are_a_503_that_health_explains(
    serve: Callable, settings: Settings, clock, source
) -> None:
    source.until = (
        SimulatedSource(clock)
        .fetch("GC=F", start=clock.now().date() - timedelta(days=9999), deadline_seconds=1)
        .bars.session[20]
        .item()
    )
    feed = GoldFeed(source, None, clock, mode="replay")
    with serve(feed) as client:
        answer = client.post("/predict")
        health = client.get("/health").json()
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:assay:problem:too-little-history"
    assert health["status"] == "degraded"
    assert answer.json()["detail"] in health["problems"]


class FeedWithABug:
    """Fails once in a way that nobody foresaw, and works from then on."""

    def __init__(self, feed: GoldFeed) -> None:
        self._feed = feed
        self.snapshot = feed.snapshot
        self.refreshed = 0

    def next_due(self):
        return self._feed.snapshot().gold.as_of

    def refresh(self) -> bool:
        self.refreshed += 1
        if self.refreshed == 1:
            raise ZeroDivisionError
        return self._feed.refresh()


def test_a_bug_in_the_background_is_logged_and_the_work_goes_on(
    serve: Callable, clock, source, caplog: pytest.LogCaptureFixture
) -> None:
    feed = FeedWithABug(GoldFeed(source, None, clock, mode="replay"))
    with serve(feed) as client:
        assert eventually(lambda: feed.refreshed >= 2)
        assert client.post("/predict").status_code == 200
    assert any(
        record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records
    )


class BrokenFeed:
    """Works until `bug` is set, which its snapshots then raise."""

    def __init__(self, feed: GoldFeed) -> None:
        self._feed = feed
        self.refresh, self.next_due = feed.refresh, feed.next_due
        self.bug: Exception | None = None

    def snapshot(self):
        if self.bug is not None:
            raise self.bug
        return self._feed.snapshot()


def bugs_logged(caplog: pytest.LogCaptureFixture) -> int:
    names = ("assay_backend.services.forecasts", "assay_backend.services.background")
    return len([record for record in caplog.records if record.name in names and record.exc_info])


def test_a_bug_in_the_forecast_is_a_500_until_a_forecast_can_be_made(
    serve: Callable, clock, source, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    def divide_by_zero(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        raise ZeroDivisionError("internals")

    calls, made = 0, forecasts.forecast_next
    monkeypatch.setattr(background, "TICK_SECONDS", 0.01)
    with serve(GoldFeed(source, None, clock, mode="replay")) as client:
        assert client.post("/predict").status_code == 200
        monkeypatch.setattr(forecasts, "forecast_next", divide_by_zero)
        clock.advance(days=1)  # a newer bar asks for a new forecast
        assert eventually(lambda: calls >= 40)
        for answer in (client.post("/predict"), client.get("/v1/gold/forecast")):
            assert answer.status_code == 500
            assert answer.json()["type"] == "urn:assay:problem:internal-error"
            assert "internals" not in answer.text
        health = client.get("/health")
        assert health.status_code == 503
        assert HealthAnswer.model_validate_json(health.content).status == "unhealthy"
        assert any("bug" in problem for problem in health.json()["problems"])
        assert 1 <= bugs_logged(caplog) <= calls.bit_length()
        assert "internals" in caplog.text

        monkeypatch.setattr(forecasts, "forecast_next", made)
        assert eventually(lambda: client.post("/predict").status_code == 200)
        health = client.get("/health")
        assert health.status_code == 200
        assert not any("bug" in problem for problem in health.json()["problems"])


def test_a_bug_below_the_forecast_is_recorded_too(clock, source, folder: Path, settings) -> None:
    feed = BrokenFeed(GoldFeed(source, None, clock, mode="replay"))
    services = build_services(settings, clock=clock, feed=feed)
    assert services.forecasts.answer()
    feed.bug = KeyError("internals")
    assert services.forecasts.outdated()
    services.forecasts.refresh()
    with pytest.raises(RuntimeError) as raised:
        services.forecasts.answer()
    assert isinstance(raised.value.__cause__, KeyError)
    feed.bug = None
    assert services.forecasts.outdated()
    services.forecasts.refresh()
    assert services.forecasts.answer()


def test_work_in_a_daemon_thread_returns_raises_and_is_never_waited_for() -> None:
    async def scenario() -> None:
        assert await in_daemon_thread(lambda: 7) == 7
        with pytest.raises(SourceUnavailable):
            await in_daemon_thread(fail)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(in_daemon_thread(forever.wait), 0.05)

    def fail() -> None:
        raise SourceUnavailable("down")

    forever = threading.Event()
    asyncio.run(scenario())
    forever.set()
