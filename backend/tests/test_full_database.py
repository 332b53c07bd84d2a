"""A database with room for a word but for no signal: told from the first refusal on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from assay_backend.services.container import Services

SIGNAL = "/v1/crypto/signal"


@contextmanager
def as_large_as_it_is(services: Services) -> Iterator[None]:
    """SQLite's file may not grow by a page."""
    engine = services.database.store()._engine

    def hold(connection, _) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(engine, "connect", hold)
    engine.dispose()
    yield
    event.remove(engine, "connect", hold)
    engine.dispose()


@pytest.fixture
def refused(client: TestClient) -> Iterator[tuple[TestClient, str]]:
    """Straight after the first signal that was refused; and what its sender was told."""
    assert client.post(SIGNAL).status_code == 200
    with as_large_as_it_is(client.app_state["services"]):
        answers = (client.post(SIGNAL) for _ in range(100))
        refusal = next(answer for answer in answers if answer.status_code == 503)
        yield client, refusal.json()["detail"]


def stored(client: TestClient) -> list[str]:
    problems = client.get("/health").json()["problems"]
    return [each for each in problems if each.startswith("nothing can be stored")]


def gauge(client: TestClient) -> bool:
    told = client.get("/metrics", headers={"Accept": "text/plain"}).text
    return "\nassay_ledger_writable 0.0\n" in told


def test_health_says_it_with_the_first_refusal(refused) -> None:
    client, why = refused
    assert "full" in why
    assert stored(client) == [f"nothing can be stored: {why}"]
    assert client.get("/health").json()["status"] == "degraded"
    assert gauge(client)


def test_so_does_readiness_however_small_a_row_would_still_fit(refused) -> None:
    client, _ = refused
    for _ in range(3):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["ledger_writable"]) == (503, False)
        assert "full" in answer.json()["problems"][0]
        assert client.app_state["services"].database.fault() is None


def test_it_passes_by_itself(refused) -> None:
    client, _ = refused
    engine = client.app_state["services"].database.store()._engine
    event.listen(engine, "connect", lambda each, _: each.execute("PRAGMA max_page_count = 100000"))
    engine.dispose()
    assert client.get("/readyz").status_code == 200
    assert stored(client) == []
    assert not gauge(client)
    assert client.post(SIGNAL).status_code == 200


def test_a_signal_that_is_stored_ends_it_before_anybody_looks(client: TestClient) -> None:
    services = client.app_state["services"]
    with as_large_as_it_is(services):
        while client.post(SIGNAL).status_code != 503:
            pass
    assert client.post(SIGNAL).status_code == 200
    assert stored(client) == []
