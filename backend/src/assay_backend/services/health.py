"""How the service is doing, for people and for what watches over it."""

from __future__ import annotations

from typing import Any, Literal

from assay.clock import Clock, iso_utc
from assay.errors import SourceUnavailable
from assay.market.crypto.feed import CryptoFeed
from assay.market.keys import SIMULATED
from assay.market.series import MarketSnapshot
from assay_backend.services.canary import Canary
from assay_backend.services.champion import ChampionService
from assay_backend.services.forecasts import ForecastService
from assay_backend.services.ledger import LedgerService
from assay_backend.services.market import MarketFeed
from assay_backend.services.rendering import intraday_provenance, provenance_fields
from assay_backend.services.storage import StorageService
from assay_backend.settings import MarketSource
from assay_backend.version import VERSION

Status = Literal["healthy", "degraded", "unhealthy"]

_NO_BARS = {"source": None, "as_of": None, "age_seconds": None, "stale": True}


class HealthService:
    """Unhealthy where there is no champion, or a bug prevents its forecast; degraded while the
    bars, a newer bundle, a challenger, or signals.jsonl, are not right, or nothing can be stored.
    """

    def __init__(
        self,
        champion: ChampionService,
        feed: MarketFeed,
        crypto: CryptoFeed,
        forecasts: ForecastService,
        ledger: LedgerService,
        storage: StorageService,
        canary: Canary | None,
        clock: Clock,
        *,
        mode: MarketSource,
    ) -> None:
        self._champion = champion
        self._feed = feed
        self._crypto = crypto
        self._clock = clock
        self._forecasts = forecasts
        self._ledger = ledger
        self._storage = storage
        self._canary = canary
        self._mode = mode

    def report(self) -> dict[str, Any]:
        """The body of `GET /health`."""
        champion = self._champion.state
        market, market_problems = self._market()
        crypto, crypto_problems = self._watched()
        problems = [*champion.problems, *market_problems, *crypto_problems]
        problems += self._storage.problems()
        if behind := self._ledger.behind:
            problems.append(f"signals.jsonl is behind the ledger: {behind}")
        if self._canary is not None:
            problems += self._canary.problems()
        status: Status = "degraded" if problems else "healthy"
        if champion.bundle is None or self._forecasts.has_bug():
            status = "unhealthy"
        return {
            "status": status,
            "model_loaded": champion.parts.model,
            "scaler_loaded": champion.parts.scaler,
            "feature_cols_loaded": champion.parts.feature_columns,
            "version": VERSION,
            "model_version": champion.bundle.metadata.version if champion.bundle else None,
            "canary": self._canary.brief() if self._canary is not None else None,
            "market_source": self._mode,
            "market_data": {
                "gold": provenance_fields(market.gold) if market else _NO_BARS,
                "sp500": provenance_fields(market.sp500) if market else _NO_BARS,
                "crypto": crypto,
            },
            "problems": problems,
        }

    def _market(self) -> tuple[MarketSnapshot | None, list[str]]:
        try:
            market = self._feed.snapshot()
        except SourceUnavailable as error:
            return None, [error.message]
        problems = [
            f"{series.symbol} bars are stale: the newest closed at {iso_utc(series.as_of)}"
            for series in (market.gold, market.sp500)
            if series.stale
        ]
        if self._mode == "auto" and market.gold.source == SIMULATED:
            problems.append("no live bars were ever had: simulated ones are served")
        if fault := self._forecasts.fault():
            problems.append(fault)
        return market, problems

    def _watched(self) -> tuple[dict[str, Any], list[str]]:
        """Provenance of the crypto series that are always kept fresh, and what is wrong there."""
        found: dict[str, Any] = {}
        problems = []
        now = self._clock.now()
        for series in self._crypto.status().series:
            if not series.pinned:
                continue
            found[str(series.key)] = intraday_provenance(series, now)
            if series.source is None:
                if self._mode in ("live", "auto"):  # others have theirs in a moment
                    reason = series.last_error or "they are on their way"
                    problems.append(f"no bars of {series.key} have been had: {reason}")
            elif series.stale:
                closed = found[str(series.key)]["as_of"]
                problems.append(f"{series.key} bars are stale: the newest closed at {closed}")
        return found, problems
