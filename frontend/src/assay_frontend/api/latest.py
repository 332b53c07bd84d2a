"""What each page asks, and the newest answers to all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay_frontend.api.answers import Latest, Question, kept_together, latest_together
from assay_frontend.api.backtest_models import Backtest
from assay_frontend.api.client import AssayClient
from assay_frontend.api.crypto_models import CoinBars, CoinHours, Signal
from assay_frontend.api.errors import ApiError
from assay_frontend.api.models import Evaluation, Forecast, History
from assay_frontend.api.registry_models import ChampionCard, Registry
from assay_frontend.api.status_models import Health, LedgerCheck, Metrics, Status
from assay_frontend.api.track_models import GoldRecord, SignalRecord
from assay_frontend.i18n import Language
from assay_frontend.markets import CoinChoice

HISTORY_SESSIONS = 250
OUTCOMES = 60
COIN_BARS = 250
RECENT_SIGNALS = 100
GLANCE_HOURS = 168
TRACKED_SIGNALS = 1000
YEAR_HOURS = 8760
GLANCE_FORECASTS = 20


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
    asked: list[Question[Any]] = [
        Question((at, "history"), lambda: client.history(HISTORY_SESSIONS)),
        Question((at, "evaluation"), client.evaluation),
        _gold_record_question(client, OUTCOMES),
    ]
    forecast = Question((at, "forecast"), client.forecast).latest()
    if forecast.backend_is_away:
        return GoldPicture(forecast, *kept_together(asked, forecast.problem))
    return GoldPicture(forecast, *latest_together(asked))


def _gold_record_question(client: AssayClient, n: int) -> Question[GoldRecord]:
    return Question((client.api_url, "gold_record", n), lambda: client.gold_record(n))


def _signal_question(
    client: AssayClient, choice: CoinChoice, language: Language
) -> Question[Signal]:
    return Question(
        (client.api_url, "signal", choice),
        lambda: client.signal(choice, language=language),
        language=language,
    )


def _hours_question(client: AssayClient, choice: CoinChoice, hours: int) -> Question[CoinHours]:
    return Question(
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

    def bars_of(name: str, count: int, *, slow: bool) -> Question[CoinBars]:
        return Question(
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

    `hours` is what the model says of past ones, `record` what came of recorded signals.
    """

    signal: Latest[Signal]
    hours: Latest[CoinHours]
    record: Latest[SignalRecord]


def coin_story(
    client: AssayClient, choice: CoinChoice, *, hours: int, language: Language
) -> CoinStory:
    at, market = client.api_url, (choice.exchange, choice.symbol)
    record: Question[SignalRecord] = Question(
        (at, "signal_record", *market, TRACKED_SIGNALS),
        lambda: client.signal_record(*market, TRACKED_SIGNALS),
    )
    slow: list[Question[Any]] = [_hours_question(client, whole_hours(choice), hours), record]
    signal = _signal_question(client, choice, language).latest()
    if is_hopeless(signal):
        return CoinStory(signal, *kept_together(slow, signal.problem))
    return CoinStory(signal, *latest_together(slow, slow=True))


def coin_backtest(
    client: AssayClient, choice: CoinChoice, signal: Latest[Signal]
) -> Latest[Backtest]:
    """What came of a year's signals; the backend works for it, so only where a reader asks."""
    whole = whole_hours(choice)
    question: Question[Backtest] = Question(
        (client.api_url, "backtest", whole, YEAR_HOURS),
        lambda: client.backtest(whole, hours=YEAR_HOURS),
        slow=True,
    )
    return question.kept(signal.problem) if is_hopeless(signal) else question.latest()


def recent_signals(client: AssayClient, signal: Latest[Signal]) -> Latest[tuple[Signal, ...]]:
    """The newest recorded ones, of all markets; not asked for where `signal` says not to."""
    recent: Question[tuple[Signal, ...]] = Question(
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
    return _glances(coins, latest_together(_glance_questions(client, coins, language)))


def _glance_questions(
    client: AssayClient, coins: Sequence[CoinChoice], language: Language
) -> list[Question[Any]]:
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
    return Question(
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
    registry = Question((client.api_url, "registry"), client.registry)
    champion = Question((client.api_url, "champion"), client.champion).latest()
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
    health = Question((at, "health"), client.health)
    metrics = Question((at, "metrics"), client.metrics)
    ledger = Question((at, "ledger_check"), client.ledger_check, slow=True)
    status = Question((at, "status"), client.status).latest()
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
    history: Question[Any] = Question((at, "history"), lambda: client.history(HISTORY_SESSIONS))
    record: Question[Any] = _gold_record_question(client, GLANCE_FORECASTS)
    asked = [history, record, *_glance_questions(client, coins, language)]
    forecast = Question((at, "forecast"), client.forecast).latest()
    if forecast.backend_is_away:
        answers = kept_together(asked, forecast.problem)
    else:
        answers = latest_together(asked)
    return OverviewPicture(forecast, answers[0], answers[1], _glances(coins, answers[2:]))
