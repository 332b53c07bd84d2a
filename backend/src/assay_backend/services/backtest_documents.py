"""A back-test as the document that the API answers with; null for what is undefined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.bundle.files import Bundle
from assay.clock import iso_utc
from assay.evaluation.backtest import Backtest, Curve
from assay.evaluation.probability_scores import BINS, ReliabilityBin
from assay.evaluation.signal_quality import RegimeQuality, RiskQuality, TailQuality
from assay.market.bars import Bars
from assay.market.crypto.deep import HOURLY
from assay.market.crypto.series import ExchangeSeries, gaps_of, instant
from assay.market.timeframes import timeframe
from assay.volatility.model import measure_of
from assay_backend.schemas.backtests import BacktestRequest
from assay_backend.services.rendering import gap_document

Document = dict[str, Any]

_OF_HOURS = timeframe(HOURLY)


def backtest_document(
    request: BacktestRequest,
    found: Backtest,
    *,
    hourly: Bars,
    series: ExchangeSeries,
    bundle: Bundle,
    now: datetime,
) -> Document:
    """The answer: `found` in `hourly`, which are `series` and what came before."""
    as_of = instant(found.last_origin)
    return {
        "symbol": series.held.key.symbol,
        "exchange": request.exchange,
        "timeframe": request.timeframe,
        "horizon_min": found.horizon_hours * 60,
        "limit": request.limit,
        "terms": asdict(found.terms),
        "execution": "next_open",
        "sampling": "non_overlapping",
        "first_origin": iso_utc(instant(found.first_origin)),
        "last_origin": iso_utc(as_of),
        "bars": found.bars,
        "warm_up_bars": found.warm_up_bars,
        "years": found.years,
        "model_version": bundle.metadata.version,
        "volatility_version": bundle.metadata.volatility_version,
        "trained_to": bundle.metadata.volatility.get("trained_to"),
        "volatility_target": _finite(asdict(found.volatility_target)),
        "buy_and_hold": _finite(asdict(found.buy_and_hold)),
        "constant_exposure": _finite(asdict(found.constant_exposure)),
        "equity": _curves(found.curve),
        "origins": found.origins_apart,
        "forecast": {
            "origins": found.variance.origins,
            "measure": measure_of(found.horizon_hours),
            "rows": [_finite(asdict(row)) for row in found.variance.rows],
        },
        "risk": _risk(found.risk),
        "value_at_risk": [_tail(row) for row in found.tails],
        "regimes": _regimes(found.regimes),
        "gaps": [gap_document(gap) for gap in gaps_of(hourly, _OF_HOURS)],
        "source": series.held.source,
        "as_of": iso_utc(as_of),
        "age_seconds": round((now - as_of).total_seconds(), 3),
        "stale": series.stale,
    }


def _curves(curve: Curve) -> Document:
    return {
        "time": _times(curve.time),
        "volatility_target": _rounded(curve.volatility_target),
        "buy_and_hold": _rounded(curve.buy_and_hold),
        "exposure": _rounded(curve.exposure),
    }


def _risk(found: RiskQuality) -> Document:
    figures = asdict(found)
    del figures["origins"]
    return {
        "n": found.origins,
        **_finite(figures),
        "reliability": [_reliability(row) for row in found.reliability],
    }


def _reliability(row: ReliabilityBin) -> Document:
    lowest = min(math.floor(row.said * BINS + 1e-9), BINS - 1)
    return {
        "lower": lowest / BINS,
        "upper": (lowest + 1) / BINS,
        "n": row.origins,
        "mean_forecast": row.said,
        "observed_frequency": row.happened,
    }


def _tail(row: TailQuality) -> Document:
    return {
        "confidence": row.confidence,
        "level": row.level,
        "n": row.origins,
        "hits": row.hits,
        "hit_rate": row.hit_rate,
        "kupiec_p": row.kupiec_p,
    }


def _regimes(found: RegimeQuality) -> Document:
    return {
        "hours": found.hours,
        "switches_a_year": found.switches_a_year,
        "rows": [
            {
                "regime": row.regime,
                "share": row.share,
                "n": row.origins,
                "next_realized_volatility": row.next_realized_volatility,
            }
            for row in found.rows
        ],
    }


def _times(stamps: NDArray[np.datetime64]) -> list[str]:
    seconds = np.datetime_as_string(stamps.astype("datetime64[s]")).tolist()
    return [f"{time}Z" for time in seconds]


def _rounded(values: NDArray[np.float64]) -> list[float]:
    """To seven digits: curves are for looking."""
    return [float(f"{value:.7g}") for value in values.tolist()]


def _finite(figures: Mapping[str, object]) -> Document:
    """Null for what prices too far apart made infinite."""
    return {name: _number(value) for name, value in figures.items()}


def _number(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
