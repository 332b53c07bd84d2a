"""The breaker: opens, half-opens, closes, and waits as long as it is told to."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from assay.errors import BlockedRegion, RateLimited, SourceUnavailable, UnknownSymbol
from assay.market.pacing import Breaker, CallBudget

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


def test_one_call_at_a_time_tries_whether_it_is_well_again(clock):
    breaker = Breaker(clock, failures_to_open=1, pause_seconds=100.0)
    breaker.failed(SourceUnavailable("down"))
    assert not breaker.admits()
    clock.pass_seconds(101)
    assert breaker.admits()
    with breaker.guarding():
        assert not breaker.admits()
        with pytest.raises(SourceUnavailable, match="Another call"), breaker.guarding():
            pass
    assert (breaker.state, breaker.admits()) == ("closed", True)


@pytest.mark.parametrize(
    ("error", "failures"),
    [(SourceUnavailable("down"), 1), (asyncio.CancelledError(), 1), (UnknownSymbol("gone"), 0)],
)
def test_a_guarded_call_teaches_by_how_it_ends(clock, error, failures):
    breaker = Breaker(clock)
    with pytest.raises(type(error)), breaker.guarding():
        raise error
    assert breaker.failures == failures


def test_a_blocked_region_is_final(clock):
    breaker = Breaker(clock)
    breaker.failed(BlockedRegion("HTTP 451"))
    clock.pass_seconds(1e8)
    assert (breaker.state, breaker.admits()) == ("blocked", False)
    with pytest.raises(BlockedRegion, match="451"):
        breaker.check()


def test_a_budget_counts_calls_in_vain_and_renews_itself(clock):
    budget = CallBudget(clock, calls=2, window_seconds=60.0)
    for _ in range(5):
        with budget.spending():
            pass
    for _ in range(2):
        with pytest.raises(ValueError, match="in vain"), budget.spending():
            raise ValueError("in vain")
        clock.pass_seconds(10)
    with pytest.raises(SourceUnavailable) as caught, budget.spending():
        pass
    assert caught.value.retry_after_seconds == 40.0
    assert budget.free_from() == clock.now() + timedelta(seconds=40)
    clock.pass_seconds(40)
    with budget.spending():
        pass
