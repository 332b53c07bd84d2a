"""The newest answers, kept so that a backend that is away leaves the last good picture.

Answers, failures too, are shared by all readers for a few seconds and renewed in the background:
Streamlit's cache does both, so this is the one module of the API that knows Streamlit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import streamlit as st

from assay_frontend.api.backtest_models import Backtest
from assay_frontend.api.client import AssayClient
from assay_frontend.api.crypto_models import CoinBars, CoinHours, Signal
from assay_frontend.api.errors import ApiError, ApiProblem, ApiTimeout, ApiUnreachable
from assay_frontend.api.models import Evaluation, Forecast, History
from assay_frontend.api.registry_models import ChampionCard, Registry
from assay_frontend.api.status_models import Health, LedgerCheck, Metrics, Status
from assay_frontend.api.track_models import GoldRecord, SignalRecord
from assay_frontend.i18n import Language
from assay_frontend.markets import CoinChoice

T = TypeVar("T")
Key = tuple[Hashable, ...]

FRESH_SECONDS = 9
SLOW_SECONDS = 60
HISTORY_SESSIONS = 250
OUTCOMES = 60
COIN_BARS = 250
RECENT_SIGNALS = 100
MOST_KEPT = 96
MOST_AT_ONCE = 8
GLANCE_HOURS = 168
TRACKED_SIGNALS = 1000
YEAR_HOURS = 8760
GLANCE_FORECASTS = 20


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


@st.cache_data(ttl=FRESH_SECONDS, refresh_mode="background", show_spinner=False, max_entries=32)
def _ask_together(keys: tuple[Key, ...], _calls: Sequence[Callable[[], Any]]) -> list[Latest[Any]]:
    return _answers(keys, _calls)


@st.cache_data(ttl=SLOW_SECONDS, refresh_mode="background", show_spinner=False, max_entries=16)
def _ask_slowly_together(
    keys: tuple[Key, ...], _calls: Sequence[Callable[[], Any]]
) -> list[Latest[Any]]:
    return _answers(keys, _calls)


def _answers(keys: tuple[Key, ...], calls: Sequence[Callable[[], Any]]) -> list[Latest[Any]]:
    if not keys:
        return []
    with ThreadPoolExecutor(min(len(keys), MOST_AT_ONCE)) as pool:
        return list(pool.map(_answer, calls))


@dataclass(frozen=True, slots=True)
class _Question(Generic[T]):
    """One call to the backend; equal keys mean equal answers, but for their language."""

    key: Key
    call: Callable[[], T]
    slow: bool = False
    language: Language | None = None

    @property
    def asked(self) -> Key:
        return (*self.key, self.language)

    def latest(self) -> Latest[T]:
        return self.settled((_ask_slowly if self.slow else _ask)(self.asked, self.call))

    def settled(self, answer: Latest[T]) -> Latest[T]:
        """A good answer is kept; a failure leaves the last good one."""
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


def _latest_together(
    questions: Sequence[_Question[Any]], *, slow: bool = False
) -> list[Latest[Any]]:
    """All at once; the whole takes as long as the slowest."""
    ask = _ask_slowly_together if slow else _ask_together
    answers = ask(tuple(q.asked for q in questions), [q.call for q in questions])
    return [q.settled(answer) for q, answer in zip(questions, answers, strict=True)]


def _kept(questions: Sequence[_Question[Any]], problem: ApiError | None) -> list[Latest[Any]]:
    """The last good answers, without asking."""
    return [question.kept(problem) for question in questions]


@dataclass(frozen=True, slots=True)
class GoldPicture:
    """All that the gold page shows."""

    forecast: Latest[Forecast]
    history: Latest[History]
    evaluation: Latest[Evaluation]
    record: Latest[GoldRecord]


def gold_picture(client: AssayClient) -> GoldPicture:
    """Asks a backend that is away once, not four times: each call may last a whole deadline."""
    at = client.api_url
    asked: list[_Question[Any]] = [
        _Question((at, "history"), lambda: client.history(HISTORY_SESSIONS)),
        _Question((at, "evaluation"), client.evaluation),
        _gold_record_question(client, OUTCOMES),
    ]
    forecast = _Question((at, "forecast"), client.forecast).latest()
    if forecast.backend_is_away:
        return GoldPicture(forecast, *_kept(asked, forecast.problem))
    return GoldPicture(forecast, *_latest_together(asked))


def _gold_record_question(client: AssayClient, n: int) -> _Question[GoldRecord]:
    return _Question((client.api_url, "gold_record", n), lambda: client.gold_record(n))


def _signal_question(
    client: AssayClient, choice: CoinChoice, language: Language
) -> _Question[Signal]:
    return _Question(
        (client.api_url, "signal", choice),
        lambda: client.signal(choice, language=language),
        language=language,
    )


def _hours_question(client: AssayClient, choice: CoinChoice, hours: int) -> _Question[CoinHours]:
    return _Question(
        (client.api_url, "hours", choice, hours), lambda: client.coin_hours(choice, hours=hours)
    )


@dataclass(frozen=True, slots=True)
class CoinPicture:
    """What the crypto page shows first; `past` are the bars that volatility is measured on."""

    signal: Latest[Signal]
    bars: Latest[CoinBars]
    past: Latest[CoinBars]


def coin_picture(
    client: AssayClient,
    choice: CoinChoice,
    *,
    bars: int = COIN_BARS,
    past: tuple[str, int],
    language: Language,
) -> CoinPicture:
    """`bars` are shown, or fewer; `past` is the timeframe and the number of the bars that
    volatility is measured on.

    Where the signal is refused, or the backend away, nothing else is asked.
    """
    at, market = client.api_url, (choice.exchange, choice.symbol)

    def bars_of(name: str, count: int, *, slow: bool) -> _Question[CoinBars]:
        return _Question(
            (at, "bars", *market, name, count),
            lambda: client.coin_bars(*market, name, limit=count),
            slow,
        )

    shown = bars_of(choice.timeframe, max(bars, COIN_BARS), slow=bars > COIN_BARS)
    measured = bars_of(*past, slow=True)
    signal = _signal_question(client, choice, language).latest()
    if is_hopeless(signal):
        return CoinPicture(signal, shown.kept(signal.problem), measured.kept(signal.problem))
    return CoinPicture(signal, shown.latest(), measured.latest())


def coin_signal(client: AssayClient, choice: CoinChoice, *, language: Language) -> Latest[Signal]:
    return _signal_question(client, choice, language).latest()


def is_hopeless(signal: Latest[Signal]) -> bool:
    """Nothing else need be asked about this coin."""
    return signal.backend_is_away or signal.was_refused


@dataclass(frozen=True, slots=True)
class CoinStory:
    """What the crypto page tells of the time behind the coin.

    `hours` is what the model says of past ones, `tested` what came of them, `record` what came of
    recorded signals.
    """

    signal: Latest[Signal]
    hours: Latest[CoinHours]
    tested: Latest[Backtest]
    record: Latest[SignalRecord]


def coin_story(
    client: AssayClient, choice: CoinChoice, *, hours: int, language: Language
) -> CoinStory:
    at, market = client.api_url, (choice.exchange, choice.symbol)
    whole = whole_hours(choice)
    tested: _Question[Backtest] = _Question(
        (at, "backtest", whole, YEAR_HOURS), lambda: client.backtest(whole, hours=YEAR_HOURS)
    )
    record: _Question[SignalRecord] = _Question(
        (at, "signal_record", *market, TRACKED_SIGNALS),
        lambda: client.signal_record(*market, TRACKED_SIGNALS),
    )
    slow: list[_Question[Any]] = [_hours_question(client, whole, hours), tested, record]
    signal = _signal_question(client, choice, language).latest()
    if is_hopeless(signal):
        return CoinStory(signal, *_kept(slow, signal.problem))
    return CoinStory(signal, *_latest_together(slow, slow=True))


def recent_signals(client: AssayClient, signal: Latest[Signal]) -> Latest[tuple[Signal, ...]]:
    """The newest recorded ones, of all markets; not asked for where `signal` says not to."""
    recent: _Question[tuple[Signal, ...]] = _Question(
        (client.api_url, "recent"), lambda: client.recent_signals(RECENT_SIGNALS)
    )
    return recent.kept(signal.problem) if is_hopeless(signal) else recent.latest()


def whole_hours(choice: CoinChoice) -> CoinChoice:
    """The same market over the same horizon, or over an hour where that is no whole number."""
    minutes = choice.horizon_minutes if choice.horizon_minutes % 60 == 0 else 60
    return CoinChoice(choice.exchange, choice.symbol, "1h", minutes)


def coin_glances(
    client: AssayClient, coins: Sequence[CoinChoice], *, language: Language
) -> tuple[CoinGlance, ...]:
    """Several coins at once."""
    return _glances(coins, _latest_together(_glance_questions(client, coins, language)))


def _glance_questions(
    client: AssayClient, coins: Sequence[CoinChoice], language: Language
) -> list[_Question[Any]]:
    """Two for each coin."""
    return [
        question
        for choice in coins
        for question in (
            _signal_question(client, choice, language),
            _hours_question(client, whole_hours(choice), GLANCE_HOURS),
        )
    ]


def _glances(coins: Sequence[CoinChoice], answers: Sequence[Latest[Any]]) -> tuple[CoinGlance, ...]:
    return tuple(map(CoinGlance, coins, answers[::2], answers[1::2]))


def gold_record(client: AssayClient, n: int) -> Latest[GoldRecord]:
    """The newest `n` issued forecasts with their outcomes."""
    return _gold_record_question(client, n).latest()


def signal_record(client: AssayClient, exchange: str, symbol: str, n: int) -> Latest[SignalRecord]:
    """The same of one market's signals."""
    return _Question(
        (client.api_url, "signal_record", exchange, symbol, n),
        lambda: client.signal_record(exchange, symbol, n),
    ).latest()


@dataclass(frozen=True, slots=True)
class ModelsPicture:
    """All that the models page shows."""

    champion: Latest[ChampionCard]
    registry: Latest[Registry]


def models_picture(client: AssayClient) -> ModelsPicture:
    """Asks a backend that is away once."""
    registry = _Question((client.api_url, "registry"), client.registry)
    champion = _Question((client.api_url, "champion"), client.champion).latest()
    if champion.backend_is_away:
        return ModelsPicture(champion, registry.kept(champion.problem))
    return ModelsPicture(champion, registry.latest())


@dataclass(frozen=True, slots=True)
class StatusPicture:
    """All that the status page shows."""

    status: Latest[Status]
    health: Latest[Health]
    metrics: Latest[Metrics]
    ledger: Latest[LedgerCheck]

    @property
    def standing_check(self) -> LedgerCheck | None:
        """The newest check; a good one does not outlast a failure to check again."""
        check = self.ledger.value
        if self.ledger.problem is not None and check is not None and check.intact:
            return None
        return check


def status_picture(client: AssayClient) -> StatusPicture:
    """Asks a backend that is away once."""
    at = client.api_url
    health = _Question((at, "health"), client.health)
    metrics = _Question((at, "metrics"), client.metrics)
    ledger = _Question((at, "ledger_check"), client.ledger_check, slow=True)
    status = _Question((at, "status"), client.status).latest()
    if status.backend_is_away:
        why = status.problem
        return StatusPicture(status, health.kept(why), metrics.kept(why), ledger.kept(why))
    return StatusPicture(status, health.latest(), metrics.latest(), ledger.latest())


@dataclass(frozen=True, slots=True)
class CoinGlance:
    """A watched coin: its signal, and its past week."""

    choice: CoinChoice
    signal: Latest[Signal]
    hours: Latest[CoinHours]

    @property
    def outlived(self) -> tuple[ApiError, datetime] | None:
        """What went wrong since, and the time of the oldest answer that stays in spite of it."""
        failed = [
            (part.received_at, part.problem)
            for part in (self.signal, self.hours)
            if part.problem is not None and part.received_at is not None
        ]
        if self.signal.value is None or not failed:
            return None
        return failed[0][1], min(received for received, _ in failed)


@dataclass(frozen=True, slots=True)
class OverviewPicture:
    """All that the overview shows; `record` is gold's last issued forecasts."""

    forecast: Latest[Forecast]
    history: Latest[History]
    record: Latest[GoldRecord]
    coins: tuple[CoinGlance, ...]


def overview_picture(
    client: AssayClient, coins: Sequence[CoinChoice], *, language: Language
) -> OverviewPicture:
    """Asks a backend that is away once."""
    at = client.api_url
    history: _Question[Any] = _Question((at, "history"), lambda: client.history(HISTORY_SESSIONS))
    record: _Question[Any] = _gold_record_question(client, GLANCE_FORECASTS)
    asked = [history, record, *_glance_questions(client, coins, language)]
    forecast = _Question((at, "forecast"), client.forecast).latest()
    if forecast.backend_is_away:
        answers = _kept(asked, forecast.problem)
    else:
        answers = _latest_together(asked)
    return OverviewPicture(forecast, answers[0], answers[1], _glances(coins, answers[2:]))
