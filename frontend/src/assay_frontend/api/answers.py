"""Answers shared by all readers, and the last good ones, for when the backend is away.

An answer is asked for once while it is fresh. After that it is shown at once and renewed behind;
only one that is much older is waited for (`api.ages`). Streamlit's cache does both, so this is the
one module of the API that knows Streamlit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Generic, TypeVar

import streamlit as st

from assay_frontend.api.ages import FRESH_SECONDS, SLOW_SECONDS
from assay_frontend.api.errors import ApiError, ApiProblem, ApiTimeout, ApiUnreachable
from assay_frontend.i18n import Language

T = TypeVar("T")
Key = tuple[Hashable, ...]

MOST_KEPT = 96
MOST_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Latest(Generic[T]):
    """The newest good value, when it was received, and what went wrong since, if anything."""

    value: T | None
    received_at: datetime | None
    problem: ApiError | None

    @property
    def backend_is_away(self) -> bool:
        return isinstance(self.problem, ApiUnreachable | ApiTimeout)

    @property
    def was_refused(self) -> bool:
        """What was asked for is not there, or cannot be asked: asking again cannot help."""
        return isinstance(self.problem, ApiProblem) and self.problem.status in (404, 422)


class LastGood:
    """The last good answers; several readers' threads keep and look at once."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._lock = Lock()
        self._answers: OrderedDict[Key, Latest[Any]] = OrderedDict()

    def get(self, key: Key) -> Latest[Any]:
        with self._lock:
            return self._answers.get(key, Latest(None, None, None))

    def put(self, key: Key, answer: Latest[Any]) -> None:
        """The oldest make room."""
        with self._lock:
            self._answers[key] = answer
            self._answers.move_to_end(key)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)


@st.cache_resource(show_spinner=False)
def _last_good() -> LastGood:
    return LastGood()


def _answer(call: Callable[[], T]) -> Latest[T]:
    """A failure is an answer too, and has its time."""
    try:
        return Latest(call(), datetime.now(UTC), None)
    except ApiError as error:
        return Latest(None, datetime.now(UTC), error)


def _answers(calls: Sequence[Callable[[], Any]]) -> list[Latest[Any]]:
    if len(calls) < 2:
        return [_answer(call) for call in calls]
    with ThreadPoolExecutor(min(len(calls), MOST_AT_ONCE)) as pool:
        return list(pool.map(_answer, calls))


# `_calls` are not part of the cache's key: their client holds a secret.
@st.cache_data(ttl=FRESH_SECONDS, refresh_mode="background", show_spinner=False, max_entries=96)
def _ask(keys: tuple[Key, ...], _calls: Sequence[Callable[[], Any]]) -> list[Latest[Any]]:
    del keys
    return _answers(_calls)


@st.cache_data(ttl=SLOW_SECONDS, refresh_mode="background", show_spinner=False, max_entries=48)
def _ask_slowly(keys: tuple[Key, ...], _calls: Sequence[Callable[[], Any]]) -> list[Latest[Any]]:
    del keys
    return _answers(_calls)


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """One call to the backend; equal keys mean equal answers, but for their language."""

    key: Key
    call: Callable[[], T]
    slow: bool = False
    language: Language | None = None

    @property
    def asked(self) -> Key:
        return (*self.key, self.language)

    def latest(self) -> Latest[T]:
        return latest_together([self], slow=self.slow)[0]

    def settled(self, answer: Latest[T]) -> Latest[T]:
        """A good answer is kept; a failure leaves the last good one."""
        if answer.problem is not None:
            return self.kept(answer.problem)
        _last_good().put(self.key, answer)
        return answer

    def kept(self, problem: ApiError | None) -> Latest[T]:
        """The last good answer, without asking."""
        good = _last_good().get(self.key)
        return Latest(good.value, good.received_at, problem)


def latest_together(questions: Sequence[Question[Any]], *, slow: bool = False) -> list[Latest[Any]]:
    """All at once; the whole takes as long as the slowest."""
    ask = _ask_slowly if slow else _ask
    keys, calls = tuple(q.asked for q in questions), [q.call for q in questions]
    answers = ask(keys, calls)
    if any(map(_is_an_old_failure, answers)):  # a backend that is back is to be seen at once
        ask.clear(keys, calls)
        answers = ask(keys, calls)
    return [q.settled(answer) for q, answer in zip(questions, answers, strict=True)]


def _is_an_old_failure(answer: Latest[Any]) -> bool:
    if answer.problem is None or answer.received_at is None:
        return False
    return (datetime.now(UTC) - answer.received_at).total_seconds() > FRESH_SECONDS


def kept_together(
    questions: Sequence[Question[Any]], problem: ApiError | None
) -> list[Latest[Any]]:
    """The last good answers, without asking."""
    return [question.kept(problem) for question in questions]
