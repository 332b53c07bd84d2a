"""Feeds of gold on a Yahoo that does as it is told."""

from datetime import timedelta

import pytest

from assay.market.feed import GoldFeed
from assay.market.sources.simulated import SimulatedSource
from assay.store import open_store
from upstream.scripted import HandClock
from upstream.scripted_yahoo import CLOSE, ScriptedYahoo


@pytest.fixture
def clock():
    return HandClock(CLOSE + timedelta(minutes=30))


@pytest.fixture
def upstream(clock):
    return ScriptedYahoo(clock)


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path / 'assay.db'}")
    yield opened
    opened.close()


@pytest.fixture
def live(upstream, store, clock):
    def make(**settings):
        return GoldFeed(upstream, store, clock, mode="live", sleep=lambda _: None, **settings)

    return make


@pytest.fixture
def auto(upstream, store, clock):
    def make(**settings):
        fallback = SimulatedSource(clock)
        return GoldFeed(
            upstream, store, clock, mode="auto", fallback=fallback, sleep=lambda _: None, **settings
        )

    return make
