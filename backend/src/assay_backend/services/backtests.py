"""Back-tests as ready-made bytes: worked out off the event loop, one at a time, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from assay.bundle.files import Bundle
from assay.clock import Clock
from assay.errors import SpanTooShort, TooBusy, TooLittleHistory
from assay.evaluation.backtest import LEAST_HOURS, Backtest, backtest
from assay.market.bars import Bars
from assay.market.crypto.feed import CryptoFeed, ExchangeSeries
from assay.market.crypto.series import stamp
from assay.market.keys import SeriesKey
from assay_backend.answers import Answer
from assay_backend.schemas.backtests import BacktestRequest
from assay_backend.services.backtest_documents import backtest_document
from assay_backend.services.champion import ChampionService
from assay_backend.services.hourly_past import champion_for_coins, hourly_past
from assay_backend.services.worked_out import WorkedOut

MOST_KEPT: Final = 64
PATIENCE_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 5.0
_HOUR: Final = np.timedelta64(1, "h")


class _Made(NamedTuple):
    """Everything that an answer is made from."""

    request: BacktestRequest
    key: SeriesKey
    source: str
    version: int
    first: np.datetime64
    bars: int
    stale: bool
    bundle: str


class BacktestService:
    """Walks the champion's volatility model over the feed's past. For one event loop.

    However many ask for the same, it is worked out once.
    """

    def __init__(
        self,
        feed: CryptoFeed,
        champion: ChampionService,
        clock: Clock,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        work_out: Callable[..., Backtest] = backtest,
    ) -> None:
        self._feed = feed
        self._champion = champion
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._work_out = work_out
        self._answers: WorkedOut[_Made] = WorkedOut(most=MOST_KEPT, thread="backtest")
        self._one = asyncio.Lock()

    async def answer(self, request: BacktestRequest) -> Answer:
        """The back-test; waits for bars that are not at hand, and a while for others' back-tests.

        Raises UnknownExchange, UnknownTimeframe, MalformedSymbol, UnknownSymbol, SourceUnavailable,
        BundleError, TooBusy, SpanTooShort where the request leaves too few bars, and
        TooLittleHistory where there are too few.
        """
        bundle, _ = champion_for_coins(self._champion, lacking="signals to test")
        series, past = await hourly_past(self._feed, request.exchange, request.symbol)
        hourly = _until(past, request.end)
        name = _Made(
            request=request,
            key=series.held.key,
            source=series.held.source,
            version=series.held.version,
            first=past.time[0] if len(past) else np.datetime64(0, "ms"),
            bars=len(past),
            stale=series.stale,
            bundle=bundle.digest,
        )
        return await self._answers.answer(name, lambda: self._make(name, hourly, series, bundle))

    async def close(self) -> None:
        """Gives up what waits; what is being worked out ends by itself."""
        await self._answers.close()

    async def _make(
        self, name: _Made, hourly: Bars, series: ExchangeSeries, bundle: Bundle
    ) -> Answer:
        def work() -> Answer:
            found = self._found(name, hourly, bundle)
            now = self._clock.now()
            document = backtest_document(
                name.request, found, hourly=hourly, series=series, bundle=bundle, now=now
            )
            return Answer.of(document, bundle=bundle.digest, at=now)

        try:
            await asyncio.wait_for(self._one.acquire(), self._patience_seconds)
        except TimeoutError as error:
            raise TooBusy(
                "Other back-tests are being worked out; try again in a moment",
                retry_after_seconds=RETRY_SECONDS,
            ) from error
        try:
            return await self._answers.aside(work)
        finally:
            self._one.release()

    def _found(self, name: _Made, hourly: Bars, bundle: Bundle) -> Backtest:
        request = name.request
        try:
            return self._work_out(
                bundle.volatility,
                hourly,
                horizon_hours=request.horizon_hours,
                terms=request.terms,
                start=_start(request, hourly),
            )
        except TooLittleHistory as error:
            raise _narrowed(request, error, enough=name.bars >= LEAST_HOURS) from None


def _start(request: BacktestRequest, hourly: Bars) -> np.datetime64 | None:
    """The first origin, so that as many hours follow it as were asked for."""
    if request.start is not None:
        return stamp(request.start)
    if request.limit is None or not len(hourly):
        return None
    newest: np.datetime64 = hourly.time[-1] + _HOUR
    return newest - request.limit * request.bar_hours * _HOUR


def _until(hourly: Bars, end: datetime | None) -> Bars:
    """The bars that have closed by `end`."""
    if end is None:
        return hourly
    return hourly.take(slice(int(np.searchsorted(hourly.time + _HOUR, stamp(end), side="right"))))


def _narrowed(
    request: BacktestRequest, error: TooLittleHistory, *, enough: bool
) -> TooLittleHistory:
    """The same error by its cause: where there were bars `enough`, the request left too few."""
    named = [name for name in ("start", "end") if getattr(request, name) is not None]
    if not named or not enough:
        return error
    return SpanTooShort(
        f"Another {' or '.join(named)} is needed. {error.message}",
        needed=error.needed,
        available=error.available,
    )
