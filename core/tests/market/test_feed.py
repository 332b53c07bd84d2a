"""The feed: readers never wait for an upstream, and never get one source for another."""

import threading
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from assay.calendars import gold_calendar
from assay.errors import (
    BlockedRegion,
    RateLimited,
    SourceUnavailable,
    StorageError,
    UnknownSymbol,
)
from assay.market.bars import Bars, CheckedBars, SetAside
from assay.market.feed import HISTORY_START, GoldFeed
from assay.market.keys import SeriesKey
from assay.market.pacing import Breaker
from assay.market.sources.replay import ReplaySource, replay_clock
from assay.market.sources.simulated import SimulatedSource
from assay.store import open_store

CLOSE = datetime(2025, 4, 15, 21, tzinfo=UTC)  # of gold's session on a Tuesday
SYMBOLS = ("GC=F", "^GSPC")


class HandClock:
    def __init__(self, instant=CLOSE + timedelta(minutes=30)):
        self.instant = instant

    def now(self):
        return self.instant

    def advance(self, **duration):
        self.instant += timedelta(**duration)


class Upstream:
    """A source named yahoo whose bars are simulated, and whose trouble is scripted."""

    name = "yahoo"

    def __init__(self, clock):
        self._market = SimulatedSource(clock, seed=1)
        self.calls = []
        self.errors = []
        self.change = lambda _symbol, bars: bars
        self.set_aside = ()

    def fetch(self, symbol, *, start, deadline_seconds):
        self.calls.append((symbol, start, deadline_seconds))
        if self.errors and (error := self.errors.pop(0)):
            raise error
        bars = self._market.fetch(symbol, start=start, deadline_seconds=1.0).bars
        bars = self.change(symbol, bars)
        return CheckedBars(bars, self.set_aside, rows=len(bars) + len(self.set_aside))


def down(*_):
    return SourceUnavailable("Yahoo is down")


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def upstream(clock):
    return Upstream(clock)


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


def fail(feed, upstream, *errors, expect=SourceUnavailable):
    upstream.errors = list(errors)
    with pytest.raises(expect) as caught:
        feed.refresh()
    return caught.value


# --- what readers get -------------------------------------------------------------------------


def test_without_any_bars_a_live_feed_says_so_and_when_to_come_back(live, upstream):
    feed = live()
    with pytest.raises(SourceUnavailable, match="yahoo yet") as caught:
        feed.snapshot()
    assert caught.value.retry_after_seconds == 1.0
    fail(feed, upstream, down(), down())
    with pytest.raises(SourceUnavailable) as caught:
        feed.snapshot()
    assert 30.0 <= caught.value.retry_after_seconds <= 37.5


def test_a_refresh_brings_both_markets_with_their_provenance(live, clock):
    feed = live()
    assert feed.refresh() is True
    snapshot = feed.snapshot()
    for series, symbol in ((snapshot.gold, "GC=F"), (snapshot.sp500, "^GSPC")):
        assert (series.symbol, series.source, series.stale) == (symbol, "yahoo", False)
        assert series.bars.session[0] == np.datetime64(HISTORY_START)
        assert series.bars.last_session == date(2025, 4, 15)
        assert series.gaps == ()
    assert snapshot.gold.as_of == CLOSE
    assert snapshot.gold.age_seconds == 1_800.0
    assert snapshot.sp500.as_of == CLOSE - timedelta(hours=1)
    assert snapshot.version == 1
    clock.advance(seconds=5)
    assert feed.snapshot().gold.age_seconds == 1_805.0
    assert snapshot.gold.age_seconds == 1_800.0


def test_a_snapshot_never_asks_the_upstream(live, upstream):
    feed = live()
    feed.refresh()
    calls = len(upstream.calls)
    for _ in range(5):
        feed.snapshot()
    assert len(upstream.calls) == calls


def test_bars_become_stale_once_a_newer_session_has_been_closed_for_the_grace(live, clock):
    feed = live(grace_minutes=90)
    feed.refresh()
    clock.instant = CLOSE + timedelta(days=1, minutes=89)
    assert not feed.snapshot().gold.stale
    clock.advance(minutes=1)
    snapshot = feed.snapshot()
    assert snapshot.gold.stale
    assert snapshot.sp500.stale
    clock.instant = datetime(2025, 4, 17, 23, tzinfo=UTC)
    feed.refresh()
    clock.instant = datetime(2025, 4, 21, 22, 29, tzinfo=UTC)  # over Easter, until Monday + 90 min
    assert not feed.snapshot().gold.stale


def test_sessions_without_a_bar_are_reported_as_gaps(live, upstream):
    upstream.change = lambda _, bars: bars.take(bars.session != np.datetime64("2025-04-10"))
    feed = live()
    feed.refresh()
    assert feed.snapshot().gold.gaps == (date(2025, 4, 10),)


# --- refreshing -------------------------------------------------------------------------------


def test_a_refresh_is_incremental_and_reads_the_past_sessions_again(live, upstream, clock):
    feed = live()
    feed.refresh()
    assert [start for _, start, _ in upstream.calls] == [HISTORY_START] * 2
    upstream.calls.clear()
    clock.advance(days=1)
    assert feed.refresh() is True
    assert [start for _, start, _ in upstream.calls] == [date(2025, 4, 9)] * 2
    snapshot = feed.snapshot()
    assert snapshot.gold.bars.last_session == date(2025, 4, 16)
    assert len(snapshot.gold.bars) == len(gold_calendar().between(HISTORY_START, date(2025, 4, 16)))
    assert snapshot.version == 2


def test_a_refresh_that_brings_nothing_new_changes_nothing(live):
    feed = live()
    feed.refresh()
    before = feed.snapshot()
    assert feed.refresh() is False
    assert feed.snapshot().version == before.version
    assert feed.snapshot().gold.bars is before.gold.bars


def test_a_correction_replaces_the_bar_also_in_the_store(live, upstream, store):
    feed = live()
    feed.refresh()

    def corrected(symbol, bars):
        close = bars.close.copy()
        close[-2] += 1.0 if symbol == "GC=F" else 0.0
        return Bars(bars.time, bars.open, bars.high, bars.low, close, bars.volume)

    before = feed.snapshot()
    upstream.change = corrected
    assert feed.refresh() is True
    after = feed.snapshot()
    assert after.gold.bars.close[-2] == before.gold.bars.close[-2] + 1.0
    assert after.gold.bars.close[-6] == before.gold.bars.close[-6]
    assert after.sp500.bars.fingerprint() == before.sp500.bars.fingerprint()
    stored = store.read_bars(SeriesKey("yahoo", "GC=F", "1d"))
    assert stored.fingerprint() == after.gold.bars.fingerprint()
    (correction,) = store.corrections()
    assert correction.key == SeriesKey("yahoo", "GC=F", "1d")
    assert correction.after[3] == correction.before[3] + 1.0


def test_rows_that_are_no_bars_are_kept_in_quarantine(live, upstream, store):
    values = (3221.0, 3200.0, 3240.0, 3226.0, 100.0)
    upstream.set_aside = (
        SetAside(0, "2025-04-11T00:00:00.000", "high below low", values=values),
        SetAside(1, "2025-04-16T00:00:00.000", "not closed yet", values=values),
    )
    feed = live()
    feed.refresh()
    feed.refresh()
    kept = store.quarantine(SeriesKey("yahoo", "GC=F", "1d"))
    assert [(item.reason, item.values, item.times_seen) for item in kept] == [
        ("high below low", values, 2)
    ]
    # it came with each refresh of either market, and is counted once for each
    assert feed.status().counts["set_aside:high below low"] == 2


def test_a_gap_is_asked_for_again_until_it_is_filled(live, upstream):
    upstream.change = lambda _, bars: bars.take(bars.session != np.datetime64("2025-03-03"))
    feed = live()
    feed.refresh()
    upstream.change = lambda _, bars: bars
    upstream.calls.clear()
    assert feed.refresh() is True
    assert upstream.calls[0][1] == date(2025, 3, 3)
    assert feed.snapshot().gold.gaps == ()


def test_a_history_that_was_cut_short_is_read_whole_again(live, upstream):
    upstream.change = lambda _, bars: bars.take(slice(-20, None))
    feed = live()
    feed.refresh()
    upstream.change = lambda _, bars: bars
    feed.refresh()
    assert feed.snapshot().gold.bars.session[0] == np.datetime64(HISTORY_START)


def test_stored_bars_are_served_after_a_restart_with_the_upstream_down(live, upstream, clock):
    live().refresh()
    clock.advance(days=2)
    upstream.calls.clear()
    feed = live()
    snapshot = feed.snapshot()
    assert upstream.calls == []
    assert snapshot.gold.source == "yahoo"
    assert snapshot.gold.stale
    fail(feed, upstream, down(), down())
    assert feed.snapshot().gold.bars.last_session == date(2025, 4, 15)
    assert feed.next_due() < clock.now() + timedelta(seconds=40)


def test_concurrent_refreshes_share_one_fetch_and_its_outcome(upstream, store, clock):
    entered, release = threading.Event(), threading.Event()
    arrivals = threading.Barrier(9)

    class Slow(Upstream):
        def fetch(self, symbol, *, start, deadline_seconds):
            entered.set()
            release.wait(30)
            return super().fetch(symbol, start=start, deadline_seconds=deadline_seconds)

    slow = Slow(clock)
    feed = GoldFeed(slow, store, clock, mode="live")
    outcomes = []

    def call():
        arrivals.wait(30)
        outcomes.append(feed.refresh())

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    arrivals.wait(30)
    entered.wait(30)
    with pytest.raises(SourceUnavailable):
        feed.snapshot()  # readers are not held up
    while len(feed._flight._condition._waiters) < 7:  # until all the others wait for the first
        threading.Event().wait(0.01)
    release.set()
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 8
    assert [symbol for symbol, *_ in slow.calls] == list(SYMBOLS)


def test_the_next_refresh_after_a_shared_failure_asks_again(live, upstream):
    feed = live()
    fail(feed, upstream, UnknownSymbol("gone"), expect=UnknownSymbol)
    assert feed.refresh() is True


# --- trouble ----------------------------------------------------------------------------------


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


# --- when to refresh --------------------------------------------------------------------------


def test_the_next_refresh_comes_after_the_next_close_of_either_market(live, clock):
    feed = live(settle_minutes=20)
    assert feed.next_due() == clock.now()
    feed.refresh()
    settled = datetime(2025, 4, 16, 20, 20, tzinfo=UTC)  # the S&P 500 closes an hour before gold
    assert settled <= feed.next_due() <= settled + timedelta(minutes=10)
    clock.instant = feed.next_due()
    feed.refresh()
    settled = datetime(2025, 4, 16, 21, 20, tzinfo=UTC)
    assert settled <= feed.next_due() <= settled + timedelta(minutes=10)


def test_a_bar_that_was_read_before_it_had_settled_is_read_again(live, upstream, clock):
    def changed(symbol, bars):
        close = bars.close.copy()
        close[-1] += 1.0
        return Bars(bars.time, bars.open, bars.high, bars.low, close, bars.volume)

    clock.instant = CLOSE + timedelta(seconds=1)
    upstream.change = changed
    feed = live(settle_minutes=20)
    feed.refresh()
    half = feed.snapshot().gold.bars
    assert half.last_session == CLOSE.date()
    assert CLOSE + timedelta(minutes=20) <= feed.next_due() <= CLOSE + timedelta(minutes=30)
    upstream.change = lambda _, bars: bars
    clock.instant = feed.next_due()
    assert feed.refresh() is True
    assert feed.snapshot().gold.bars.close[-1] == half.close[-1] - 1.0
    assert feed.next_due() > CLOSE + timedelta(hours=20)


def test_a_late_bar_is_looked_for_again_soon_and_then_less_often(live, upstream, clock):
    feed = live()
    feed.refresh()
    upstream.change = lambda _, bars: bars.until(date(2025, 4, 15))
    clock.instant = feed.next_due()
    waits = []
    for _ in range(4):
        assert feed.refresh() is False
        waits.append((feed.next_due() - clock.now()).total_seconds())
        clock.instant = feed.next_due()
    assert waits[0] < 40
    assert waits == sorted(waits)
    upstream.change = lambda _, bars: bars
    assert feed.refresh() is True


# --- modes ------------------------------------------------------------------------------------


def test_auto_serves_simulated_bars_until_live_ones_come_and_then_never_again(
    auto, upstream, store, clock
):
    feed = auto(attempts=1)
    first = feed.snapshot()
    assert first.gold.source == first.sp500.source == "simulated"
    fail(feed, upstream, down())
    assert feed.snapshot().gold.source == "simulated"
    assert feed.next_due() <= clock.now() + timedelta(seconds=38)
    assert feed.refresh() is True
    live = feed.snapshot()
    assert live.gold.source == live.sp500.source == "yahoo"
    assert live.version > first.version
    assert live.gold.bars.fingerprint() != first.gold.bars.fingerprint()
    clock.advance(days=30)
    fail(feed, upstream, down())
    assert feed.snapshot().gold.source == "yahoo"
    assert feed.snapshot().gold.stale
    assert auto().snapshot().gold.source == "yahoo"  # after a restart as well
    assert store.sources("GC=F", "1d") == ("yahoo",)


def test_auto_keeps_the_simulated_market_running_while_the_breaker_is_open(auto, upstream, clock):
    feed = auto(attempts=1)
    fail(
        feed,
        upstream,
        RateLimited("slow down", retry_after_seconds=20 * 86_400),
        expect=RateLimited,
    )
    for day in (16, 17, 21):
        while clock.instant < datetime(2025, 4, day, 22, tzinfo=UTC):
            clock.instant = max(feed.next_due(), clock.now() + timedelta(seconds=1))
            fail(feed, upstream, expect=RateLimited)
        assert feed.snapshot().gold.bars.last_session == date(2025, 4, day)
        assert not feed.snapshot().gold.stale
    assert len(upstream.calls) == 1


def test_a_snapshot_never_mixes_sources(auto, upstream):
    feed = auto(attempts=1)
    fail(feed, upstream, None, down())  # gold could be had, the S&P 500 not
    snapshot = feed.snapshot()
    assert snapshot.gold.source == snapshot.sp500.source == "simulated"


def test_live_never_falls_back_and_only_auto_has_a_fallback(upstream, store, clock):
    fallback = SimulatedSource(clock)
    for mode in ("live", "replay", "simulated"):
        with pytest.raises(ValueError, match="no other mode takes one"):
            GoldFeed(upstream, store, clock, mode=mode, fallback=fallback)
    with pytest.raises(ValueError, match="Mode auto needs a fallback"):
        GoldFeed(upstream, store, clock, mode="auto")
    with pytest.raises(ValueError, match="needs a store"):
        GoldFeed(upstream, None, clock, mode="live")


def test_a_simulated_feed_needs_no_store_and_runs_with_the_clock(clock):
    feed = GoldFeed(SimulatedSource(clock), None, clock, mode="simulated")
    assert feed.snapshot().gold.source == "simulated"
    clock.instant = datetime(2025, 4, 16, 21, 30, tzinfo=UTC)
    assert feed.refresh() is True
    assert feed.snapshot().gold.bars.last_session == date(2025, 4, 16)


def test_a_replay_is_fresh_by_its_own_clock_and_writes_nothing(tmp_path, store):
    rows = "".join(f"2025-04-{day},10,12,9,11,100\n" for day in (14, 15, 16, 17))
    paths = [tmp_path / name for name in ("gold.csv", "sp500.csv")]
    for path in paths:
        path.write_text("date,open,high,low,close,volume\n" + rows)
    clock = replay_clock(paths[0])
    feed = GoldFeed(ReplaySource(*paths, clock), store, clock, mode="replay")
    snapshot = feed.snapshot()
    assert (snapshot.gold.source, snapshot.gold.stale) == ("replay", False)
    assert snapshot.gold.age_seconds == 0.0
    assert feed.refresh() is False
    assert feed.next_due() > clock.now()
    assert store.sources("GC=F", "1d") == ()
