"""Services that record and score, after a start and after a restart."""

from __future__ import annotations

import asyncio

import pytest

from assay.market.crypto.feed import CryptoFeed
from assay.market.feed import GoldFeed
from assay.store import open_store
from assay_backend.services.container import build_services
from upstream.scripted import ScriptedExchanges


@pytest.fixture
def exchanges(clock):
    return ScriptedExchanges(clock)


@pytest.fixture
def loop():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def open_services(settings, clock, source, exchanges, loop):
    """The services, as after a start; gold's bars are Yahoo's, coins' are those of exchanges."""
    opened = []

    def open_services(**changed):
        store = open_store(settings.sqlalchemy_url)
        services = build_services(
            settings.model_copy(update=changed),
            clock=clock,
            feed=GoldFeed(source, None, clock, mode="replay"),
            crypto=CryptoFeed(exchanges, store, clock, deadline_seconds=1.0, failover=("kraken",)),
        )
        opened.append((services, store))
        return services

    yield open_services
    for services, store in opened:
        loop.run(services.crypto.close())
        loop.run(services.ledger.close())
        services.database.close()
        store.close()


@pytest.fixture
def services(open_services):
    return open_services()


@pytest.fixture
def record(loop):
    return lambda services: loop.run(services.recorder.record())


@pytest.fixture
def score(loop):
    """Passes over what is due; how many outcomes each of them wrote."""

    def score(services, *, passes=1):
        return [loop.run(services.scoring.score_due()) for _ in range(passes)]

    return score
