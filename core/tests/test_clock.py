"""Clocks are aware, and the fixed one stands still."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from assay.clock import FixedClock, SystemClock, iso_utc

INSTANT = datetime(2025, 4, 15, 17, tzinfo=timezone(timedelta(hours=-4)))


def test_a_fixed_clock_stands_still_and_speaks_utc():
    clock = FixedClock(INSTANT)
    assert clock.now() == clock.now() == INSTANT
    assert clock.now().tzinfo is UTC


def test_a_fixed_clock_refuses_a_naive_instant():
    with pytest.raises(ValueError, match="aware"):
        FixedClock(INSTANT.replace(tzinfo=None))


def test_the_system_clock_is_aware_and_does_not_run_backwards_between_two_looks():
    first, second = SystemClock().now(), SystemClock().now()
    assert first.tzinfo is UTC
    assert first <= second


def test_iso_utc_ends_in_z_and_has_no_fraction():
    assert iso_utc(INSTANT.replace(microsecond=999_999)) == "2025-04-15T21:00:00Z"
