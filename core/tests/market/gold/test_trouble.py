"""The feed in trouble: tried again where that may help, seldom, and told."""

from datetime import date, timedelta

import pytest

from assay.errors import BlockedRegion, RateLimited, SourceUnavailable, StorageError, UnknownSymbol
from assay.market.feed import GoldFeed
from assay.market.keys import SeriesKey
from assay.market.pacing import Breaker
from upstream.scripted_yahoo import down, fail


def test_what_can_pass_is_tried_again_within_one_deadline(live, upstream):
    feed = live(deadline_seconds=60.0, attempts=3)
    upstream.errors = [down(), down()]
    assert feed.refresh() is True
    deadlines = [deadline for symbol, _, deadline in upstream.calls if symbol == "GC=F"]
    assert len(deadlines) == 3
    assert deadlines == sorted(deadlines, reverse=True)
    assert deadlines[0] <= 60.0


@pytest.mark.parametrize(
    ("error", "settings"),
    [
        (RateLimited("slow down"), {}),
        (BlockedRegion("HTTP 451"), {}),
        (UnknownSymbol("no such symbol"), {}),
        (down(), {"attempts": 1}),
        (down(), {"deadline_seconds": 1.0}),  # no time left that could help
    ],
)
def test_what_cannot_pass_is_not_tried_again(live, upstream, error, settings):
    feed = live(**settings)
    fail(feed, upstream, error, expect=type(error))
    assert len(upstream.calls) == 1


@pytest.mark.parametrize("failing", [("GC=F", "^GSPC"), ("^GSPC",)], ids=["both", "one"])
@pytest.mark.parametrize("cold", [True, False])
def test_an_outage_costs_at_most_three_calls_a_minute_for_a_market(
    live, upstream, clock, failing, cold
):
    """Somebody refreshes whenever that is due, or every five seconds whatever is due."""
    feed = live(breaker=Breaker(clock, failures_to_open=1000))
    if not cold:
        feed.refresh()
        clock.advance(days=1)

    class Failing:
        name = "yahoo"

        def fetch(self, symbol, **asked):
            if symbol in failing:
                upstream.calls.append((symbol, None, None))
                raise down()
            return upstream.fetch(symbol, **asked)

    feed._source = Failing()
    made = []
    for _ in range(30):
        upstream.calls.clear()
        with pytest.raises(SourceUnavailable):
            feed.refresh()
        made.append([symbol for symbol, *_ in upstream.calls])
        clock.advance(seconds=5)
    for symbol in failing:
        counts = [calls.count(symbol) for calls in made]
        assert max(sum(counts[at : at + 12]) for at in range(len(counts))) <= 3
    assert sum(len(calls) for calls in made) > 3
    assert feed.status().endpoint.calls == sum(len(calls) for calls in made) + (0 if cold else 2)


def test_a_blocked_region_is_never_asked_again(live, upstream, clock):
    feed = live()
    fail(feed, upstream, BlockedRegion("HTTP 451"), expect=BlockedRegion)
    for _ in range(10):
        clock.instant = max(feed.next_due(), clock.now() + timedelta(hours=6))
        fail(feed, upstream, expect=BlockedRegion)
    assert len(upstream.calls) == 1


def test_what_is_refused_for_want_of_calls_is_no_failure_of_the_source(live, upstream, clock):
    feed = live()
    fail(feed, upstream, down(), down())
    clock.advance(seconds=31)
    fail(feed, upstream, down())  # of the two attempts one is left
    assert len(upstream.calls) == 3
    assert feed.next_due() >= clock.now() + timedelta(seconds=29)
    error = fail(feed, upstream)
    assert "3 times in vain" in error.message
    assert (feed.status().endpoint.failures, len(upstream.calls)) == (2, 3)


def test_a_rate_limit_is_honoured_by_not_asking(live, upstream, clock):
    feed = live()
    fail(feed, upstream, RateLimited("slow down", retry_after_seconds=600.0), expect=RateLimited)
    upstream.calls.clear()
    clock.advance(seconds=599)
    assert fail(feed, upstream, expect=RateLimited).retry_after_seconds == 1.0
    assert upstream.calls == []
    assert feed.next_due() == clock.now() + timedelta(seconds=1)
    clock.advance(seconds=1)
    assert feed.refresh() is True
    assert feed.status().endpoint.state == "closed"


def test_the_breaker_opens_after_repeated_failures_and_lets_one_call_through_later(
    live, upstream, clock
):
    feed = live(attempts=1, breaker=Breaker(clock, failures_to_open=2, pause_seconds=100))
    for _ in range(2):
        fail(feed, upstream, down())
    assert feed.status().endpoint.state == "open"
    upstream.calls.clear()
    fail(feed, upstream)
    assert upstream.calls == []
    clock.advance(seconds=100)
    assert feed.status().endpoint.state == "half_open"
    assert feed.refresh() is True
    assert feed.status().endpoint.state == "closed"


def test_one_markets_news_count_where_the_others_cannot_be_had(live, upstream, store, clock):
    feed = live(attempts=1)
    feed.refresh()
    clock.advance(days=1, minutes=60)
    fail(feed, upstream, None, down())
    snapshot = feed.snapshot()
    assert snapshot.gold.bars.last_session == date(2025, 4, 16)
    assert not snapshot.gold.stale
    assert snapshot.sp500.bars.last_session == date(2025, 4, 15)
    assert snapshot.sp500.stale
    assert snapshot.version == 2
    assert store.read_bars(SeriesKey("yahoo", "GC=F", "1d")).last_session == date(2025, 4, 16)


def test_bars_that_cannot_be_kept_are_a_storage_error(upstream, clock, store):
    class Full:
        read_bars = store.read_bars

        def write(self, *_, **__):
            raise StorageError("no space left")

    feed = GoldFeed(upstream, Full(), clock, mode="live")
    with pytest.raises(StorageError):
        feed.refresh()
    assert feed.status().last_error == "no space left"
    assert feed.next_due() > clock.now()


def test_the_status_tells_what_the_last_refresh_met(live, upstream, clock):
    feed = live(attempts=1)
    fail(feed, upstream, down())
    status = feed.status()
    assert (status.mode, status.source, status.endpoint.failures) == ("live", None, 1)
    assert (status.last_error, status.last_refresh_at) == ("Yahoo is down", clock.now())
    feed.refresh()
    status = feed.status()
    assert (status.source, status.endpoint.failures, status.last_error) == ("yahoo", 0, None)
    assert status.last_check["GC=F"].endswith("0 set aside")
    assert status.next_due == feed.next_due()
