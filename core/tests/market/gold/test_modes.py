"""The feed's modes: nobody ever gets one source for another."""

from datetime import UTC, date, datetime, timedelta

import pytest

from assay.calendars import gold_calendar
from assay.errors import RateLimited
from assay.market.feed import GoldFeed
from assay.market.sources.replay import ReplaySource, replay_clock
from assay.market.sources.simulated import SimulatedSource
from upstream.scripted_yahoo import down, fail


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


def test_rows_of_a_replay_that_are_no_bars_are_counted_once(tmp_path):
    days = gold_calendar().between(date(2024, 6, 3), date(2024, 12, 30))
    rows = [f"{day},10,12,9,11,100" for day in days]
    paths = [tmp_path / name for name in ("gold.csv", "sp500.csv")]
    for path, high in zip(paths, (9, 12), strict=True):
        there = [*rows[:50], rows[50].replace(",12,9,", f",{high},10,"), *rows[51:]]
        path.write_text("\n".join(["date,open,high,low,close,volume", *there]))
    clock = replay_clock(paths[0])
    feed = GoldFeed(ReplaySource(*paths, clock), None, clock, mode="replay")
    assert feed.snapshot().gold.gaps == (days[50].item(),)
    for _ in range(2):
        assert feed.status().counts == {"set_aside:high below low": 1}
        feed.refresh()
    assert not feed.status().stored
