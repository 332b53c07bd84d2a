"""What the crypto page offers, and the words it has, are those of the backend."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from assay.errors import MalformedSymbol
from assay.market.crypto.shelf import MOST_BARS
from assay.market.markets import check_spelling
from assay.market.timeframes import timeframe
from assay.market.venues import VENUES
from assay.volatility.assessment import REGIMES, Fallback
from assay.volatility.explanation import CALENDAR, INPUTS, LIMITS, THRESHOLD
from assay_backend.schemas.signals import LONGEST_HORIZON_MIN
from assay_frontend import markets
from assay_frontend.components import realized

DAY_SECONDS = 86400
LEAST_SECONDS = 60


def test_exchanges_and_timeframes_are_those_that_the_backend_knows():
    assert set(markets.EXCHANGES) == set(VENUES)
    for exchange, venue in VENUES.items():
        names = [
            name
            for name in venue.timeframes
            if LEAST_SECONDS <= timeframe(name).seconds <= DAY_SECONDS
        ]
        assert list(markets.timeframes_of(exchange)) == names
    for name, minutes in markets.MINUTES.items():
        assert timeframe(name).seconds == 60 * minutes


def test_horizons_and_bars_stay_within_what_may_be_asked():
    assert markets.LONGEST_HORIZON_MINUTES == LONGEST_HORIZON_MIN
    assert realized.MOST_BARS == MOST_BARS


@pytest.mark.parametrize(
    "spelling", ["BTC/USDT", "btc-usdt", "ETHBTC", "1INCH_USDT", "", "-", "a b", "é", "x" * 31]
)
def test_a_spelling_is_judged_as_the_backend_judges_it(spelling):
    try:
        check_spelling(spelling)
    except MalformedSymbol:
        assert not markets.is_spelling(spelling)
    else:
        assert markets.is_spelling(spelling)


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_name_of_a_signal_has_words(checkout, language):
    path = checkout / f"frontend/src/assay_frontend/i18n/{language}.json"
    words = json.loads(path.read_text(encoding="utf-8"))
    named = {f"contribution.{name}" for name in (*INPUTS, CALENDAR, THRESHOLD, LIMITS)}
    named |= {f"fallback.{code}" for code in get_args(Fallback)}
    named |= {f"regime.{regime}" for regime in REGIMES}
    assert named <= set(words)
