"""The forecast as ready-made bytes: made when its ingredients change, never for a request."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np

from assay.bundle.files import MODEL, Bundle
from assay.clock import Clock
from assay.errors import AssayError, BundleCorrupt, BundleError, MarketDataError
from assay.forecast.pipeline import forecast_next
from assay.market.series import MarketSnapshot
from assay.store.ledger_records import Entry
from assay_backend.answers import Answer
from assay_backend.callers import Role
from assay_backend.services.champion import ChampionService
from assay_backend.services.gold_entries import gold_entry
from assay_backend.services.market import MarketFeed
from assay_backend.services.rendering import forecast_document

SERVED_AS = b"x-served-as"

log = logging.getLogger(__name__)


_MadeFrom = tuple[str, int, bool]


@dataclass(frozen=True, slots=True)
class _Ready:
    """The answer, or what stands in for it, and what it was made from.

    `entry` makes what the ledger is to hold of it. `error` is trouble with champion or bars; `bug`
    is what nobody expected.
    """

    made_from: _MadeFrom | None = None
    answer: Answer | None = None
    entry: Callable[[], Entry] | None = None
    error: AssayError | None = None
    bug: Exception | None = None


class ForecastService:
    """The champion's forecast from the feed's newest bars, or a challenger's. Safe to use from
    several threads.
    """

    def __init__(
        self,
        champion: ChampionService,
        feed: MarketFeed,
        clock: Clock,
        *,
        role: Role = "champion",
    ) -> None:
        self._champion = champion
        self._feed = feed
        self._clock = clock
        self._role: Role = role
        self._lock = threading.Lock()
        self._ready = _Ready()
        self._failures = 0  # in a row, and of one kind

    def answer(self) -> Answer:
        """The forecast. Raises BundleError or MarketDataError where there can be none.

        RuntimeError where a bug prevents it, which no older answer may hide.
        """
        ready = self._ready
        if ready.answer is not None:
            return ready.answer
        if ready.error is not None:
            raise ready.error.with_traceback(None)
        raise RuntimeError("The forecast could not be made") from ready.bug

    @property
    def ready_answer(self) -> Answer | None:
        """The forecast, where there is one."""
        return self._ready.answer

    @property
    def entry(self) -> Callable[[], Entry] | None:
        """Makes what the ledger is to hold of the forecast; another one for each that was made."""
        return self._ready.entry

    def fault(self) -> str | None:
        """Why champion and bars give no forecast, where they do not."""
        ready = self._ready
        if ready.bug is not None:
            return "no forecast can be made for a bug, which the log shows"
        if isinstance(ready.error, BundleError) and self._champion.state.bundle is not None:
            return "the first champion has just come, and its forecast is on its way"
        return ready.error.message if ready.error and ready.made_from else None

    def has_bug(self) -> bool:
        """Whether it is a bug, and neither champion nor bars, that prevents the forecast."""
        return self._ready.bug is not None

    def outdated(self) -> bool:
        """Whether `refresh` would change anything; cheap."""
        try:
            bundle, market = self._champion.require(), self._feed.snapshot()
            return _ingredients(bundle, market) != self._ready.made_from
        except Exception:  # noqa: BLE001 - `refresh` meets it again, and records it
            return True

    def refresh(self) -> None:
        """Makes the forecast anew where champion, bars or staleness have changed; blocks.

        Whatever goes wrong is recorded, for `answer` and `fault` to tell.
        """
        with self._lock:
            try:
                self._ready = self._renewed()
                self._failures = 0
            except Exception as error:  # noqa: BLE001 - logged, and answered with a 500
                self._record_bug(error)

    def _renewed(self) -> _Ready:
        try:
            bundle, market = self._champion.require(), self._feed.snapshot()
        except AssayError as error:
            return _Ready(error=error)
        if _ingredients(bundle, market) == self._ready.made_from:
            return self._ready
        return self._make(bundle, market)

    def _record_bug(self, error: Exception) -> None:
        if type(error) is not type(self._ready.bug):
            self._failures = 0
        self._failures += 1
        if self._failures.bit_count() == 1:  # the first, the second, the fourth, ... in a row
            log.error("No forecast, for a bug (time %d)", self._failures, exc_info=error)
        # Its frames hold on to the bars.
        self._ready = _Ready(bug=error.with_traceback(None))

    def _make(self, bundle: Bundle, market: MarketSnapshot) -> _Ready:
        made_from = _ingredients(bundle, market)
        try:
            answer, entry = make_answer(bundle, market, at=self._clock.now(), role=self._role)
        except AssayError as error:
            log.error("No forecast: %s", error.message)  # noqa: TRY400 - its sentence says it all
            return _Ready(made_from, error=error)
        gold = market.gold
        log.info(
            "Forecast of the %s from %s bars up to %s",
            self._role, gold.source, gold.bars.last_session,
        )  # fmt: skip
        return _Ready(made_from, answer=answer, entry=entry)


def make_answer(
    bundle: Bundle, market: MarketSnapshot, *, at: datetime, role: Role = "champion"
) -> tuple[Answer, Callable[[], Entry]]:
    """The forecast, rendered, and what makes its entry of the ledger.

    Raises TooLittleHistory, or BundleCorrupt where it is not finite.
    """
    with np.errstate(all="ignore"):  # what is not finite is found below
        forecast = forecast_next(bundle.champion, market.gold.bars, market.sp500.bars)
        document = forecast_document(bundle, forecast, market, role)
    marks = [] if role == "champion" else [(SERVED_AS, role.encode())]
    try:
        answer = Answer.of(document, bundle=bundle.digest, at=at, marks=marks)
    except ValueError as error:
        version = bundle.metadata.version
        raise BundleCorrupt(
            f"{MODEL} of {version} forecasts no finite number", path=MODEL
        ) from error
    return answer, partial(gold_entry, bundle, forecast, market, document)


def prove_on_bars(feed: MarketFeed, clock: Clock, bundle: Bundle) -> None:
    """Raises BundleError where the bars at hand, if there are any, give no forecast."""
    with contextlib.suppress(MarketDataError):  # which is not the bundle's fault
        make_answer(bundle, feed.snapshot(), at=clock.now())


def _ingredients(bundle: Bundle, market: MarketSnapshot) -> _MadeFrom:
    """Two forecasts made from the same ones differ in nothing but their age."""
    return bundle.digest, market.version, market.gold.stale or market.sp500.stale
