"""The feed: readers never wait for an upstream, and a refresh brings what is new and settled."""

import threading
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from assay.calendars import gold_calendar
from assay.errors import SourceUnavailable, UnknownSymbol
from assay.market.bars import Bars, SetAside
from assay.market.feed import HISTORY_START, GoldFeed
from assay.market.keys import SeriesKey
from upstream.scripted_yahoo import CLOSE, ScriptedYahoo, down, fail

SYMBOLS = ("GC=F", "^GSPC")


# What readers get


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


# Refreshing


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

    class Slow(ScriptedYahoo):
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


# When to refresh


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
