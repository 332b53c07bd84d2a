"""A coin's past hours as ready-made bytes: walked once an hour, off the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.bundle.files import Bundle
from assay.clock import Clock, iso_utc
from assay.market.bars import Bars
from assay.market.crypto.feed import CryptoFeed, ExchangeSeries
from assay.market.crypto.series import instant
from assay.market.keys import SeriesKey
from assay.volatility.assessment import REGIMES
from assay.volatility.model import VolatilityModel, measure_of
from assay.volatility.walk import Walk, walk
from assay_backend.answers import Answer
from assay_backend.schemas.regimes import HOUR_MIN, RegimesRequest
from assay_backend.services.champion import ChampionService
from assay_backend.services.hourly_past import champion_for_coins, hourly_past
from assay_backend.services.rendering import Document
from assay_backend.services.worked_out import WorkedOut

MOST_KEPT: Final = 48


class _Made(NamedTuple):
    """Everything that an answer is made from."""

    request: RegimesRequest
    key: SeriesKey
    source: str
    version: int
    bars: int
    stale: bool
    bundle: str


class RegimeService:
    """Walks the champion's volatility model over the feed's past. For one event loop.

    However many ask for the same, it is worked out once.
    """

    def __init__(
        self,
        feed: CryptoFeed,
        champion: ChampionService,
        clock: Clock,
        *,
        work_out: Callable[..., Walk] = walk,
    ) -> None:
        self._feed = feed
        self._champion = champion
        self._clock = clock
        self._work_out = work_out
        self._answers: WorkedOut[_Made] = WorkedOut(most=MOST_KEPT, thread="regimes")

    async def answer(self, request: RegimesRequest) -> Answer:
        """The newest hours; waits only where they are not at hand.

        Raises UnknownExchange, UnknownTimeframe, MalformedSymbol, UnknownSymbol, SourceUnavailable,
        BundleError, or TooLittleHistory where nothing can be said of so few bars.
        """
        bundle, model = champion_for_coins(self._champion, lacking="regimes")
        series, hourly = await hourly_past(self._feed, request.exchange, request.symbol)
        held = series.held
        name = _Made(
            request, held.key, held.source, held.version, len(hourly), series.stale, bundle.digest
        )
        return await self._answers.answer(
            name, lambda: self._make(name, model, hourly, series, bundle)
        )

    async def close(self) -> None:
        """Gives up what is under way."""
        await self._answers.close()

    async def _make(
        self,
        name: _Made,
        model: VolatilityModel,
        hourly: Bars,
        series: ExchangeSeries,
        bundle: Bundle,
    ) -> Answer:
        def work() -> Answer:
            hours = name.request.horizon_min // HOUR_MIN
            found = self._work_out(model, hourly, horizon_hours=hours)
            now = self._clock.now()
            as_of = instant(found.time[-1])
            rows = _rows(found, name.request.hours)
            document: Document = {
                "symbol": series.held.key.symbol,
                "exchange": name.request.exchange,
                "horizon_min": name.request.horizon_min,
                "hours": name.request.hours,
                "rows": len(rows),
                "measure": measure_of(hours),
                "model_version": bundle.metadata.version,
                "volatility_version": bundle.metadata.volatility_version,
                "data": rows,
                "source": series.held.source,
                "as_of": iso_utc(as_of),
                "age_seconds": round((now - as_of).total_seconds(), 3),
                "stale": series.stale,
            }
            return Answer.of(
                document, bundle=bundle.digest, at=now, changes_at=series.held.next_close
            )

        return await self._answers.aside(work)


def _rows(found: Walk, count: int) -> list[Document]:
    newest = slice(-count, None)
    columns = {
        "time": [f"{t}Z" for t in np.datetime_as_string(found.time[newest], unit="s").tolist()],
        "close": found.close[newest].tolist(),
        "vol_regime": [REGIMES[r] if r >= 0 else None for r in found.regime[newest].tolist()],
        "risk_score": _known(found.risk_score[newest], digits=6),
        "volatility": _known(np.sqrt(found.variance[newest]), digits=7),
        "realized_volatility": _known(np.sqrt(found.realized[newest]), digits=7),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _known(values: NDArray[np.float64], *, digits: int) -> list[float | None]:
    """Null where it is not known; rounded, since they are for looking."""
    return [
        float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()
    ]
