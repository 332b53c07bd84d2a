"""Services around exchanges that do as they are told."""

from __future__ import annotations

import pytest

from assay.market.crypto.feed import CryptoFeed
from assay_backend.services.container import build_services
from upstream.scripted import HandClock, ScriptedExchanges


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def exchanges(clock):
    return ScriptedExchanges(clock)


@pytest.fixture
def live(settings, clock, exchanges):
    """Services around scripted exchanges; what is far back is asked for when a test says so."""

    def live(source=exchanges, **options):
        options = {"failover": ("kraken", "coinbase"), "deepen_after_seconds": 3600.0} | options
        feed = CryptoFeed(source, None, clock, deadline_seconds=2.0, stagger_seconds=1.0, **options)
        return build_services(settings, clock=clock, crypto=feed)

    return live


@pytest.fixture
def client_of(serve, live):
    return lambda *source, **options: serve(services=live(*source, **options))
