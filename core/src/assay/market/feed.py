"""The one door to gold and S&P 500 bars: from memory, refreshed behind the readers' backs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np

from assay.clock import Clock
from assay.errors import MarketDataError, SourceUnavailable
from assay.market.bars import Bars, CheckedBars
from assay.market.endpoints import EndpointStatus
from assay.market.keys import SeriesKey
from assay.market.pacing import BLOCKED_SECONDS, Breaker, CallBudget
from assay.market.schedule import RefreshSchedule
from assay.market.series import HeldBars, MarketSnapshot, Series, merged
from assay.market.sources.base import DailySource, fetch_with_retries
from assay.market.symbols import GOLD, SP500
from assay.market.unseen import UnseenRows

if TYPE_CHECKING:  # SQLAlchemy, which replay and simulated feeds do without
    from assay.store import Store

__all__ = ["FeedStatus", "GoldFeed", "MarketSnapshot", "Mode", "Series"]

Mode = Literal["live", "auto", "replay", "simulated"]

TIMEFRAME = "1d"
HISTORY_START = date(2000, 8, 30)
# A history that begins later than this was cut short, and is read whole again.
LATEST_HISTORY_START = date(2000, 12, 31)
# Yahoo corrects the bars of the past days, and fills gaps late.
SESSIONS_READ_AGAIN = 5
SESSIONS_SEARCHED_FOR_GAPS = 60


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """For operators: what the last refreshes met. `last_check` is by symbol; `counts` has
    `bars_stored`, `bars_corrected` and `set_aside:<reason>`; where not `stored`, nothing else
    has the rows that were set aside.
    """

    mode: Mode
    source: str | None
    endpoint: EndpointStatus
    last_error: str | None
    last_refresh_at: datetime | None
    next_due: datetime
    last_check: dict[str, str]
    counts: Counter[str]
    stored: bool


@dataclass(frozen=True, slots=True)
class _Held:
    """Both markets of one source, swapped as a whole."""

    gold: HeldBars
    sp500: HeldBars
    version: int
    from_fallback: bool

    def next_close(self) -> datetime:
        return min(self.gold.next_close(), self.sp500.next_close())

    def newest_close(self) -> datetime:
        return max(self.gold.newest_close(), self.sp500.newest_close())


class GoldFeed:
    """Daily gold and S&P 500 with provenance. Safe to use from several threads.

    `snapshot` answers from memory and never waits for an upstream; `refresh`, called in the
    background when `next_due` says so, asks it. Live bars are kept in `store` under their source's
    name. Only in mode `auto`, and only until live bars have once been had, `fallback` stands in.

    `deadline_seconds` bounds the fetch of one market, retries included. A bar is looked for
    `settle_minutes` after its session's close, and missed (`stale`) after `grace_minutes`.
    """

    def __init__(
        self,
        source: DailySource,
        store: Store | None,
        clock: Clock,
        *,
        mode: Mode,
        fallback: DailySource | None = None,
        deadline_seconds: float = 10.0,
        attempts: int = 2,
        grace_minutes: float = 90.0,
        settle_minutes: float = 15.0,
        breaker: Breaker | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if (mode == "auto") != (fallback is not None):
            raise ValueError(f"Mode auto needs a fallback and no other mode takes one: {mode}")
        if (mode in ("live", "auto")) and store is None:
            raise ValueError(f"Mode {mode} needs a store")
        self._source = source
        self._fallback = fallback
        self._store = store if mode in ("live", "auto") else None
        self._clock = clock
        self._mode: Mode = mode
        self._deadline_seconds = deadline_seconds
        self._attempts = attempts
        self._grace = timedelta(minutes=grace_minutes)
        self._schedule = RefreshSchedule(clock, settle_seconds=60.0 * settle_minutes)
        self._breaker = breaker or Breaker(clock)
        self._budgets = {market.name: CallBudget(clock) for market in (GOLD, SP500)}
        self._sleep = sleep
        self._lock = threading.Lock()
        self._flight: Future[bool] | None = None
        self._held: _Held | None = None
        self._last_check: dict[str, str] = {}
        self._calls = 0
        self._faults: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._unseen = UnseenRows()
        self._load()

    def snapshot(self) -> MarketSnapshot:
        """The newest bars at hand. SourceUnavailable where none were ever had."""
        held, now = self._held, self._clock.now()
        if held is None:
            raise SourceUnavailable(
                f"No gold and S&P 500 bars have been had from {self._source.name} yet",
                retry_after_seconds=max((self.next_due() - now).total_seconds(), 1.0),
                source=self._source.name,
            )
        return MarketSnapshot(
            gold=held.gold.series(now, grace=self._grace),
            sp500=held.sp500.series(now, grace=self._grace),
            version=held.version,
        )

    def refresh(self) -> bool:
        """Asks the source for what is new; True where that changed the bars.

        Callers who come while a refresh is under way wait for it and share what comes of it.
        Raises what the source raised (the bars at hand stay), the breaker's refusal while it is
        open, or StorageError where new bars could not be kept.
        """
        with self._lock:
            flight, mine = self._flight, self._flight is None
            if flight is None:
                flight = self._flight = Future()
        if mine:
            self._fly(flight)
        return flight.result()

    def next_due(self) -> datetime:
        """When to call `refresh` next: after the next close, sooner where bars are missing."""
        held, own = self._held, self._own()
        due = self._schedule.next_due(
            own.next_close() if own else None,
            newest_close=own.newest_close() if own else None,
            not_before=self._free_from(),
        )
        if held and held.from_fallback:  # a long wait for the source must not age the fallback
            due = min(due, self._schedule.due_after(held.next_close()))
        return due

    def status(self) -> FeedStatus:
        """How the feed is doing."""
        held, last = self._held, self._schedule.last
        return FeedStatus(
            mode=self._mode,
            source=held.gold.source if held else None,
            endpoint=EndpointStatus.of(
                self._source.name, self._breaker, calls=self._calls, faults=dict(self._faults)
            ),
            last_error=last.error if last else None,
            last_refresh_at=last.at if last else None,
            next_due=self.next_due(),
            last_check=dict(self._last_check),
            counts=self._counts,
            stored=self._store is not None,
        )

    def _load(self) -> None:
        """Bars to begin with: stored ones, a local source's, or the fallback's."""
        if self._store is None:
            self._swap(self._source, *self._fetch_both(self._source))
        else:
            gold, sp500 = (
                self._store.read_bars(SeriesKey(self._source.name, market.name, TIMEFRAME))
                for market in (GOLD, SP500)
            )
            self._swap(self._source, gold, sp500)
        self._use_fallback()

    def _fly(self, flight: Future[bool]) -> None:
        try:
            changed = self._refresh()
        except BaseException as error:  # noqa: BLE001 - handed to everyone who waits, also to us
            self._land()
            flight.set_exception(error)
        else:
            self._land()
            flight.set_result(changed)

    def _land(self) -> None:
        with self._lock:
            self._flight = None

    def _refresh(self) -> bool:
        self._use_fallback()
        self._breaker.check()
        self._check_budgets()
        error: BaseException | None = None
        try:
            return self._refresh_from_source()
        except BaseException as raised:
            error = raised
            raise
        finally:
            own = self._own()
            self._schedule.note(own.next_close() if own else None, error=error)

    def _refresh_from_source(self) -> bool:
        own = self._own()
        held = {GOLD: own.gold if own else None, SP500: own.sp500 if own else None}
        bars = {
            market: at_hand.bars if at_hand else Bars.empty() for market, at_hand in held.items()
        }
        try:
            for market, had in held.items():
                fetched = self._fetch(self._source, market.name, had)
                self._keep(market.name, fetched)
                bars[market] = merged(bars[market], fetched.bars)
        except MarketDataError as error:
            self._faults[type(error).__name__] += 1
            self._breaker.failed(error)
            raise
        else:
            self._breaker.succeeded()
        finally:  # one market's news count even where the other's could not be had
            changed = self._swap(self._source, bars[GOLD], bars[SP500])
        return changed

    def _keep(self, symbol: str, checked: CheckedBars) -> None:
        key = SeriesKey(self._source.name, symbol, TIMEFRAME)
        if self._store is None:
            reasons = self._unseen.reasons(key, checked)
        else:
            written = self._store.write(key, checked, at=self._clock.now())
            reasons = written.reasons
            self._counts.update(bars_stored=written.new, bars_corrected=written.corrected)
        self._counts.update(f"set_aside:{reason}" for reason in reasons)

    def _fetch_both(self, source: DailySource) -> tuple[Bars, Bars]:
        """The whole history of a source that is at hand; only the feed's own is on its record."""
        gold, sp500 = (self._fetch(source, market.name, None) for market in (GOLD, SP500))
        if source is self._source:
            self._keep(GOLD.name, gold)
            self._keep(SP500.name, sp500)
        return gold.bars, sp500.bars

    def _fetch(self, source: DailySource, symbol: str, held: HeldBars | None) -> CheckedBars:
        own = source is self._source
        checked = fetch_with_retries(
            source,
            symbol,
            start=_start_of_refresh(held),
            deadline_seconds=self._deadline_seconds,
            attempts=min(self._attempts, self._budgets[symbol].left()),
            guard=(lambda: self._counted(symbol)) if own else nullcontext,
            sleep=self._sleep,
        )
        if own:
            self._last_check = {**self._last_check, symbol: checked.summary()}
        return checked

    @contextmanager
    def _counted(self, symbol: str) -> Iterator[None]:
        with self._budgets[symbol].spending():
            self._calls += 1
            yield

    def _free_from(self) -> datetime:
        """Before when nothing may be asked."""
        if self._breaker.state == "blocked":  # never again, and so ever later
            return self._clock.now() + timedelta(seconds=BLOCKED_SECONDS)
        spent = max(budget.free_from() for budget in self._budgets.values())
        return max(self._breaker.shut_until or spent, spent)

    def _check_budgets(self) -> None:
        """SourceUnavailable where one market was asked in vain too often: one is no use alone."""
        for budget in self._budgets.values():
            with budget.spending():
                pass

    def _use_fallback(self) -> None:
        if self._fallback is not None and self._own() is None:
            self._swap(self._fallback, *self._fetch_both(self._fallback))

    def _swap(self, source: DailySource, gold: Bars, sp500: Bars) -> bool:
        """Makes these the bars that readers get; False where they are those already held."""
        held = self._held
        if not len(gold) or not len(sp500):
            return False
        if held and held.gold.is_same(gold, source.name) and held.sp500.is_same(sp500, source.name):
            return False
        self._held = _Held(
            HeldBars.of(GOLD, gold, source.name),
            HeldBars.of(SP500, sp500, source.name),
            version=held.version + 1 if held else 1,
            from_fallback=source is self._fallback,
        )
        return True

    def _own(self) -> _Held | None:
        """What is held of the feed's own source, not of its fallback."""
        held = self._held
        return None if held is None or held.from_fallback else held


def _start_of_refresh(held: HeldBars | None) -> date:
    """Far enough back for corrections and for gaps that the source may have filled since."""
    if held is None:
        return HISTORY_START
    sessions = held.bars.session
    if sessions[0] > np.datetime64(LATEST_HISTORY_START):
        return HISTORY_START
    again: date = sessions[-SESSIONS_READ_AGAIN:][0].item()
    searched: date = sessions[-SESSIONS_SEARCHED_FOR_GAPS:][0].item()
    return min([again, *(gap for gap in held.gaps if gap >= searched)])
