"""The breaker: opens, half-opens, closes, and waits as long as it is told to."""

from datetime import UTC, datetime, timedelta

import pytest

from assay.errors import RateLimited, SourceUnavailable, UnknownSymbol
from assay.market.pacing import Breaker

START = datetime(2025, 4, 15, 21, tzinfo=UTC)


class HandClock:
    def __init__(self):
        self.instant = START

    def now(self):
        return self.instant

    def pass_seconds(self, seconds):
        self.instant += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return HandClock()


def test_it_opens_at_the_third_failure_in_a_row_and_says_when_to_come_back(clock):
    breaker = Breaker(clock, failures_to_open=3, pause_seconds=100.0)
    for _ in range(2):
        breaker.failed(SourceUnavailable("down"))
        breaker.check()
    assert breaker.state == "closed"
    breaker.failed(UnknownSymbol("gone"))
    assert (breaker.state, breaker.failures) == ("open", 3)
    clock.pass_seconds(40)
    with pytest.raises(SourceUnavailable, match="gone") as caught:
        breaker.check()
    assert caught.value.retry_after_seconds == 60.0
    assert breaker.shut_until == START + timedelta(seconds=100)


def test_a_success_forgets_the_failures(clock):
    breaker = Breaker(clock, failures_to_open=2)
    breaker.failed(SourceUnavailable("down"))
    breaker.succeeded()
    breaker.failed(SourceUnavailable("down"))
    assert breaker.state == "closed"


def test_half_open_one_failure_opens_it_for_twice_as_long_up_to_a_limit(clock):
    breaker = Breaker(clock, failures_to_open=1, pause_seconds=100, longest_pause_seconds=300)
    for pause in (100, 200, 300, 300):
        breaker.failed(SourceUnavailable("down"))
        clock.pass_seconds(pause - 1)
        assert breaker.state == "open"
        clock.pass_seconds(1)
        assert breaker.state == "half_open"
        breaker.check()
    breaker.succeeded()
    assert breaker.state == "closed"


def test_a_rate_limit_shuts_it_at_once_for_the_time_asked(clock):
    breaker = Breaker(clock, failures_to_open=3, pause_seconds=100.0)
    breaker.failed(RateLimited("slow down", retry_after_seconds=7_200.0))
    clock.pass_seconds(7_199)
    with pytest.raises(RateLimited) as caught:
        breaker.check()
    assert caught.value.retry_after_seconds == 1.0
    clock.pass_seconds(1)
    breaker.check()


def test_a_short_retry_after_does_not_shorten_the_pause_of_many_failures(clock):
    breaker = Breaker(clock, failures_to_open=2, pause_seconds=100.0)
    breaker.failed(SourceUnavailable("down"))
    breaker.failed(RateLimited("slow down", retry_after_seconds=1.0))
    assert breaker.shut_until == START + timedelta(seconds=100)
