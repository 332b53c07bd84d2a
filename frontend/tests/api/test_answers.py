"""Answers are shared while they are fresh, shown while they are renewed, and outlive failures."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.caching import cache_utils

from assay_frontend.api.ages import FRESH_SECONDS, SHOWN_TIMES
from assay_frontend.api.answers import LastGood, Latest, Question
from assay_frontend.api.errors import ApiUnreachable
from assay_frontend.settings import Settings

REFRESH_SECONDS = Settings().refresh_seconds


class Clock:
    """Stands still until it is moved."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


class Backend:
    """Gives 1, 2, 3…, each only once it may; `failing` gives none."""

    def __init__(self):
        self.calls, self.failing = 0, False
        self.may_answer, self.answered = threading.Event(), threading.Event()
        self.may_answer.set()

    def __call__(self):
        self.calls += 1
        number = self.calls
        assert self.may_answer.wait(10)
        self.answered.set()
        if self.failing:
            raise ApiUnreachable("nobody there")
        return number


@pytest.fixture
def clock(monkeypatch):
    """The caches' clock, with the bound that the served dashboard sets."""
    moved = Clock()
    monkeypatch.setattr(cache_utils, "TTLCACHE_TIMER", moved)
    option = "runner.cacheBackgroundRefreshTTLMultiplier"
    before = config.get_option(option)
    config.set_option(option, SHOWN_TIMES)
    forget()
    yield moved
    config.set_option(option, before)
    forget()


def forget():
    """Caches keep the clock and the bound that they began with."""
    from streamlit.runtime.caching.cache_data_api import _data_caches

    st.cache_data.clear()
    st.cache_resource.clear()
    _data_caches._function_caches.clear()


def question(backend):
    return Question(("here", "number"), backend)


def renewed(backend, asked, value):
    """Waits until the answer behind is stored."""
    assert backend.answered.wait(10)
    pause = threading.Event()
    for _ in range(500):
        if asked.latest().value == value:
            return True
        pause.wait(0.01)
    return False


def test_an_answer_is_shared_while_it_is_fresh(clock):
    backend = Backend()
    assert question(backend).latest().value == 1
    clock.seconds += FRESH_SECONDS - 1
    assert question(backend).latest().value == 1
    assert backend.calls == 1


@pytest.mark.parametrize("looks", [1, 2])
def test_a_pages_own_renewal_shows_the_last_answer_at_once_and_renews_behind(clock, looks):
    backend = Backend()
    assert question(backend).latest().value == 1
    backend.may_answer.clear()
    backend.answered.clear()
    clock.seconds += looks * REFRESH_SECONDS
    assert question(backend).latest().value == 1  # without waiting: no answer may come yet
    backend.may_answer.set()
    assert renewed(backend, question(backend), 2)


def test_a_much_older_answer_is_waited_for(clock):
    backend = Backend()
    question(backend).latest()
    clock.seconds += FRESH_SECONDS * SHOWN_TIMES + 1
    assert question(backend).latest().value == 2


def test_a_failure_leaves_the_last_good_answer_and_is_not_shown_for_long(clock, monkeypatch):
    backend = Backend()
    question(backend).latest()
    backend.failing = True
    clock.seconds += FRESH_SECONDS * SHOWN_TIMES + 1
    failed = question(backend).latest()
    assert failed.value == 1
    assert failed.backend_is_away
    backend.failing = False
    assert question(backend).latest().backend_is_away  # shared while it is fresh
    monkeypatch.setattr("assay_frontend.api.answers.FRESH_SECONDS", -1)
    assert question(backend).latest().problem is None


class Slow:
    """A part of a key; whoever looks it up lets others go first."""

    def __init__(self, place):
        self.place = place

    def __hash__(self):
        time.sleep(0)
        return hash(self.place)

    def __eq__(self, other):
        return self.place == other.place


def test_many_readers_keep_answers_at_once():
    kept, troubles = LastGood(most=2), []
    answer = Latest(1, datetime.now(UTC), None)

    def keep():
        try:
            for place in range(300):
                kept.put((Slow(place % 5),), answer)
        except KeyError as error:
            troubles.append(error)

    threads = [threading.Thread(target=keep) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert sum(kept.get((Slow(place),)).value is not None for place in range(5)) == 2
