"""A feed around exchanges that do as they are told."""

import pytest

from assay.market.crypto.feed import CryptoFeed
from assay.store import open_store
from upstream.scripted import HandClock, ScriptedExchanges


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def source(clock):
    return ScriptedExchanges(clock)


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'assay.db'}")
    yield opened
    opened.close()


@pytest.fixture
def feed_of(clock, source, store):
    def feed_of(**options):
        options = {"failover": ("kraken", "coinbase"), "stagger_seconds": 0.2} | options
        options = {"deadline_seconds": 1.5} | options
        return CryptoFeed(source, store, clock, **options)

    return feed_of
