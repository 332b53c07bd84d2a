"""When the next refresh is due."""

from datetime import UTC, datetime, timedelta

import pytest

from assay.clock import FixedClock, SystemClock
from assay.market.schedule import RefreshSchedule

NOW = datetime(2025, 4, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=8)
EARLIER = NOW - timedelta(hours=8)
SETTLE = timedelta(minutes=10)


@pytest.fixture
def schedule():
    return RefreshSchedule(FixedClock(NOW), settle_seconds=600)


def within(instant, low, high):
    return low <= instant <= high


def test_with_nothing_at_hand_it_is_due_now(schedule):
    assert schedule.next_due(None, not_before=None) == NOW


def test_what_is_due_at_once_is_due_on_a_clock_that_moves():
    clock = SystemClock()
    schedule = RefreshSchedule(clock, settle_seconds=600)
    now = clock.now()
    assert schedule.next_due(None, not_before=None) <= now


def test_with_everything_at_hand_it_is_due_when_the_next_bar_has_settled(schedule):
    for _ in range(2):
        due = schedule.next_due(LATER, not_before=None)
        assert within(due, LATER + SETTLE, LATER + 1.5 * SETTLE)
        assert due == schedule.next_due(LATER, not_before=None)
        schedule.note(LATER, error=None)


def test_with_a_bar_missing_at_the_start_it_is_overdue(schedule):
    assert schedule.next_due(EARLIER, not_before=None) < NOW


def test_failures_and_late_bars_are_tried_again_ever_less_often(schedule):
    waits = []
    for error in (OSError("down"), None, OSError("down"), *[None] * 20):
        schedule.note(EARLIER, error=error)
        waits.append((schedule.next_due(EARLIER, not_before=None) - NOW).total_seconds())
    for wait, base in zip(waits, [30.0 * 2**step for step in range(6)], strict=False):
        assert within(wait, base, 1.25 * base)
    assert all(within(wait, 1_800.0, 2_250.0) for wait in waits[7:])
    assert schedule.last.fruitless == 23


def test_a_refresh_that_brought_everything_ends_the_back_off(schedule):
    schedule.note(EARLIER, error=OSError("down"))
    assert schedule.last.error == "down"
    schedule.note(LATER, error=None)
    assert (schedule.last.fruitless, schedule.last.error) == (0, None)
    assert schedule.next_due(LATER, not_before=None) > LATER


def test_a_failure_is_tried_again_before_the_next_close(schedule):
    schedule.note(LATER, error=OSError("down"))
    assert schedule.next_due(LATER, not_before=None) < NOW + timedelta(minutes=1)


def test_never_before_the_upstream_may_be_asked(schedule):
    schedule.note(EARLIER, error=OSError("down"))
    assert schedule.next_due(EARLIER, not_before=LATER) == LATER


@pytest.mark.parametrize(
    ("seconds_after_close", "again"), [(0, True), (599, True), (600, False), (7200, False)]
)
def test_what_was_read_before_it_had_settled_is_read_again_and_only_once(
    seconds_after_close, again
):
    clock = FixedClock(NOW)
    schedule = RefreshSchedule(clock, settle_seconds=600)
    closed, next_close = NOW - timedelta(seconds=seconds_after_close), NOW + timedelta(days=1)
    schedule.note(next_close, error=None)
    due = schedule.next_due(next_close, newest_close=closed, not_before=None)
    after = closed if again else next_close
    assert within(due, after + SETTLE, after + 1.5 * SETTLE)
    assert due == schedule.next_due(next_close, newest_close=closed, not_before=None)
