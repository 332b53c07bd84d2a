"""The newest answers, kept so that a backend that is away leaves the last good picture.

Answers, failures too, are shared by all readers for a few seconds and renewed in the background.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import streamlit as st

from assay_frontend.api.client import AssayClient
from assay_frontend.api.crypto_models import CoinBars, Signal
from assay_frontend.api.errors import ApiError, ApiProblem, ApiTimeout, ApiUnreachable
from assay_frontend.api.models import Evaluation, Forecast, History
from assay_frontend.i18n import Language
from assay_frontend.markets import CoinChoice

T = TypeVar("T")
Key = tuple[Hashable, ...]

FRESH_SECONDS = 9
SLOW_SECONDS = 60
HISTORY_SESSIONS = 250
COIN_BARS = 250
RECENT_SIGNALS = 100
MOST_KEPT = 96


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


@st.cache_resource(show_spinner=False)
def _last_good() -> OrderedDict[Key, Latest[Any]]:
    return OrderedDict()


def _answer(call: Callable[[], T]) -> Latest[T]:
    try:
        return Latest(call(), datetime.now(UTC), None)
    except ApiError as error:
        return Latest(None, None, error)


# `_call` is not part of the cache's key: its client holds a secret.
@st.cache_data(ttl=FRESH_SECONDS, refresh_mode="background", show_spinner=False, max_entries=64)
def _ask(key: Key, _call: Callable[[], Any]) -> Latest[Any]:
    del key
    return _answer(_call)


@st.cache_data(ttl=SLOW_SECONDS, refresh_mode="background", show_spinner=False, max_entries=32)
def _ask_slowly(key: Key, _call: Callable[[], Any]) -> Latest[Any]:
    """For long answers that hardly change."""
    del key
    return _answer(_call)


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    """One call to the backend; equal keys mean equal answers, but for their language."""

    key: Key
    call: Callable[[], T]
    slow: bool = False
    language: Language | None = None

    def latest(self) -> Latest[T]:
        answer: Latest[T] = (_ask_slowly if self.slow else _ask)(
            (*self.key, self.language), self.call
        )
        return self._remember(answer) if answer.problem is None else self.kept(answer.problem)

    def kept(self, problem: ApiError | None) -> Latest[T]:
        """The last good answer, without asking."""
        good = _last_good().get(self.key, Latest(None, None, None))
        return Latest(good.value, good.received_at, problem)

    def _remember(self, answer: Latest[T]) -> Latest[T]:
        good = _last_good()
        good[self.key] = answer
        good.move_to_end(self.key)
        while len(good) > MOST_KEPT:
            good.popitem(last=False)
        return answer


@dataclass(frozen=True, slots=True)
class GoldPicture:
    """All that the gold page shows."""

    forecast: Latest[Forecast]
    history: Latest[History]
    evaluation: Latest[Evaluation]


def gold_picture(client: AssayClient) -> GoldPicture:
    """Asks a backend that is away once, not three times: each call may last a whole deadline."""
    at = client.api_url
    history = _Question((at, "history"), lambda: client.history(HISTORY_SESSIONS))
    evaluation = _Question((at, "evaluation"), client.evaluation)
    forecast = _Question((at, "forecast"), client.forecast).latest()
    if forecast.backend_is_away:
        why = forecast.problem
        return GoldPicture(forecast, history.kept(why), evaluation.kept(why))
    return GoldPicture(forecast, history.latest(), evaluation.latest())


@dataclass(frozen=True, slots=True)
class CoinPicture:
    """All that the crypto page shows; `past` holds the bars that volatility is measured on."""

    signal: Latest[Signal]
    bars: Latest[CoinBars]
    past: Latest[CoinBars]
    recent: Latest[tuple[Signal, ...]]


def coin_picture(
    client: AssayClient, choice: CoinChoice, *, past: tuple[str, int], language: Language
) -> CoinPicture:
    """`past` is the timeframe and the number of the bars that volatility is measured on.

    Where the signal is refused, or the backend away, nothing else is asked.
    """
    at, market = client.api_url, (choice.exchange, choice.symbol)
    timeframe, limit = past

    def bars_of(name: str, count: int, *, slow: bool) -> _Question[CoinBars]:
        return _Question(
            (at, "bars", *market, name, count),
            lambda: client.coin_bars(*market, name, limit=count),
            slow,
        )

    shown = bars_of(choice.timeframe, COIN_BARS, slow=False)
    measured = bars_of(timeframe, limit, slow=True)
    recent = _Question((at, "recent"), lambda: client.recent_signals(RECENT_SIGNALS))
    signal = _Question(
        (at, "signal", choice),
        lambda: client.signal(choice, language=language),
        language=language,
    ).latest()
    if signal.backend_is_away or signal.was_refused:
        why = signal.problem
        return CoinPicture(signal, shown.kept(why), measured.kept(why), recent.kept(why))
    return CoinPicture(signal, shown.latest(), measured.latest(), recent.latest())
