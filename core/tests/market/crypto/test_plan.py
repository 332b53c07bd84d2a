"""Which bars are asked for, worked out by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assay.market.crypto.plan import Bounds, Span, is_reach_short, spans_to_fetch
from assay.market.crypto.series import Gap
from assay.market.keys import SeriesKey
from assay.market.timeframes import timeframe
from assay.market.venues import venue
from assay.store import StoredSeries

NOW = datetime(2026, 11, 18, 12, 20, tzinfo=UTC)
FORMING = datetime(2026, 11, 18, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE = timeframe("1h")


def stored(first, last):
    return StoredSeries(SeriesKey("binance", "BTC/USDT", "1h"), 7, first, last)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def plan(held=None, gaps=(), *, since=None, until=None, fill=False, exchange="binance"):
    spans = spans_to_fetch(
        held, gaps, Bounds(since, until, fill), of=ONE, venue=venue(exchange), now=NOW
    )
    return [
        (span.start.item().replace(tzinfo=UTC), span.end.item().replace(tzinfo=UTC), span.direction)
        for span in spans
    ]


FIRST, LAST = at("2026-01-01"), at("2026-11-01T05:00")
NEW = (LAST - 2 * HOUR, FORMING, "onward")
SMALL = Gap(at("2026-03-01"), at("2026-03-01T04:00"), 4)
LARGE = Gap(at("2026-04-01"), at("2026-04-01") + 1000 * HOUR, 1000)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({}, [(FORMING - 5000 * HOUR, FORMING, "backward")], id="nothing stored"),
        pytest.param(
            {"since": at("2026-11-18T03:30"), "until": at("2026-11-18T05:01")},
            [(at("2026-11-18T04:00"), at("2026-11-18T06:00"), "backward")],
            id="bounds between two opens mean the next ones",
        ),
        pytest.param({"held": stored(FIRST, LAST)}, [NEW], id="some bars are read again"),
        pytest.param(
            {"held": stored(FIRST, LAST), "since": at("2025-12-01")},
            [NEW, (at("2025-12-01"), FIRST, "backward")],
            id="older ones too",
        ),
        pytest.param(
            {"held": stored(FIRST, LAST), "since": at("2026-11-10")},
            [(at("2026-11-10"), FORMING, "onward")],
            id="since forbids what is older, even where that leaves a gap",
        ),
        pytest.param(
            {"held": stored(FIRST, LAST), "until": at("2026-10-01")}, [], id="all of it is stored"
        ),
        pytest.param(
            {"held": stored(FIRST, LAST), "gaps": [SMALL, LARGE]},
            [NEW, (LARGE.start, LARGE.end, "onward")],
            id="a gap of a page was left by a stop",
        ),
        pytest.param(
            {"held": stored(FIRST, LAST), "gaps": [SMALL, LARGE], "fill": True},
            [NEW, (SMALL.start, SMALL.end, "onward"), (LARGE.start, LARGE.end, "onward")],
            id="every gap where that is asked",
        ),
        pytest.param(
            {"exchange": "kraken", "since": at("2020-01-01")},
            [(FORMING - 720 * HOUR, FORMING, "backward")],
            id="no further than the exchange reaches",
        ),
    ],
)
def test_what_is_not_stored_is_planned(asked, expected):
    assert plan(**asked) == expected


def test_kraken_is_known_not_to_reach_far_back():
    for exchange, since, expected in (
        ("kraken", "2026-01-01", True),
        ("kraken", "2026-11-17", False),
        ("binance", "2017-01-01", False),
    ):
        found = is_reach_short(at(since), of=ONE, venue=venue(exchange), now=NOW)
        assert found is expected, exchange


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("onward", [("00", "10"), ("10", "20"), ("20", "23")]),
        ("backward", [("13", "23"), ("03", "13"), ("00", "03")]),
    ],
)
def test_parts_of_a_span_touch_each_other(direction, expected):
    day = "2026-11-01T"
    span = Span(np.datetime64(f"{day}00", "ms"), np.datetime64(f"{day}23", "ms"), direction)
    parts = list(span.parts(ONE, most=10))
    assert [(str(part.start)[11:13], str(part.end)[11:13]) for part in parts] == expected
    assert sum(part.count(ONE) for part in parts) == span.count(ONE) == 23


def test_months_are_counted_by_the_calendar():
    span = Span(np.datetime64("2025-12-01", "ms"), np.datetime64("2026-11-01", "ms"))
    assert span.count(timeframe("1M")) == 11
    assert [part.count(timeframe("1M")) for part in span.parts(timeframe("1M"), most=6)] == [6, 5]
