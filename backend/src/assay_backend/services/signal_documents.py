"""A coin's assessment as the documents that the API answers with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from assay.bundle.metadata import ModelMetadata
from assay.clock import iso_utc
from assay.errors import TooLittleHistory
from assay.market.bars import Bars
from assay.market.crypto.series import ExchangeSeries
from assay.market.keys import SIMULATED
from assay.volatility.assessment import Assessment
from assay_backend.languages import Language
from assay_backend.services.signal_sentences import HOUR_MIN, summary

FEATURE_ROWS = 5

Document = dict[str, Any]
Floats = NDArray[np.float64]


class Begin(NamedTuple):
    """Where a forecast begins, and the price there."""

    origin: datetime
    price: float

    @classmethod
    def of(cls, assessment: Assessment, series: ExchangeSeries, hourly_close: float) -> Begin:
        """After the newest closed hour, whose price is `hourly_close`.

        What looks ahead for less than an hour begins after the newest closed bar of `series`, if
        that is newer: else it would end before it is asked for.
        """
        as_of = series.held.as_of
        if assessment.horizon_minutes < HOUR_MIN and as_of > assessment.origin:
            return cls(as_of, float(series.held.bars.close[-1]))
        return cls(assessment.origin, hourly_close)

    def target(self, assessment: Assessment) -> datetime:
        """Where it ends."""
        return self.origin + timedelta(minutes=assessment.horizon_minutes)


def signal_document(
    assessment: Assessment,
    series: ExchangeSeries,
    begin: Begin,
    *,
    metadata: ModelMetadata,
    as_of: datetime,
    stale: bool,
) -> Document:
    """The answer of `POST /v1/crypto/signal` but for what differs each time, and for `explain`.

    `series` are the bars asked for; `as_of` and `stale` speak of these and of the hours.
    """
    key, held = series.held.key, series.held
    return {
        "symbol": key.symbol,
        "exchange": series.exchange,
        "timeframe": key.timeframe,
        "horizon_min": assessment.horizon_minutes,
        "limit": series.limit,
        "origin": iso_utc(begin.origin),
        "target_time": iso_utc(begin.target(assessment)),
        "last_close": begin.price,
        "nowcast_ret": nowcast_return(held.bars),
        "risk_score": assessment.risk_score,
        "vol_regime": assessment.vol_regime,
        "measure": assessment.measure,
        "volatility": {
            "horizon": assessment.volatility,
            "annualized": assessment.annualized,
            "percentile": assessment.percentile,
            "lower": assessment.lower,
            "upper": assessment.upper,
            "threshold_volatility": assessment.threshold_volatility,
            "benchmark": assessment.explanation.benchmark_volatility,
        },
        "value_at_risk": {str(level): x for level, x in assessment.value_at_risk.items()},
        "expected_shortfall": {str(level): x for level, x in assessment.expected_shortfall.items()},
        "tail_loss_probability": assessment.tail_loss_probability,
        "tail_loss_return": assessment.tail_loss_return,
        "fallbacks": list(assessment.fallbacks),
        "model_version": metadata.version,
        "volatility_version": metadata.volatility_version,
        "source": held.source,
        "as_of": iso_utc(as_of),
        "stale": stale,
    }


def explanation_document(
    assessment: Assessment, series: ExchangeSeries, begin: Begin, *, language: Language
) -> Document:
    """The answer's `explain`."""
    why = assessment.explanation
    largest_first = sorted(why.contributions, key=lambda item: -abs(item.effect))
    return {
        "nowcast_ret": nowcast_return(series.held.bars),
        "vol": assessment.volatility,
        "vol_regime": assessment.vol_regime,
        "risk_score": assessment.risk_score,
        "summary": summary(
            assessment,
            symbol=series.held.key.symbol,
            origin=begin.origin,
            simulated=series.held.source == SIMULATED,
            language=language,
        ),
        "base_log_odds": why.base_log_odds,
        "contributions": [
            {"name": item.name, "value": item.value, "effect": item.effect}
            for item in largest_first
        ],
        "benchmark": {"name": why.benchmark, "volatility": why.benchmark_volatility},
        "features_tail": features_tail(series.bars),
    }


def nowcast_return(bars: Bars) -> float:
    """Simple return of the newest bar on the close before; TooLittleHistory where there is none."""
    if len(bars) < 2:
        raise TooLittleHistory(
            "a single bar has closed, and a return needs two", needed=2, available=1
        )
    return float(bars.close[-1] / bars.close[-2] - 1.0)


def features_tail(bars: Bars, rows: int = FEATURE_ROWS) -> list[Document]:
    """The ancestor's features of the newest bars, oldest first; None where too few come before.

    `ret` is the simple return on the close before, `vol24` the standard deviation (n - 1) of the
    newest 24 of these, `sma12` and `sma48` the mean of so many closes.
    """
    close = bars.close
    returns = np.full(len(close), np.nan)
    returns[1:] = close[1:] / close[:-1] - 1.0
    columns = {
        "close": close,
        "ret": returns,
        "vol24": _rolling(returns, 24, lambda windows: windows.std(axis=1, ddof=1)),
        "sma12": _rolling(close, 12, lambda windows: windows.mean(axis=1)),
        "sma48": _rolling(close, 48, lambda windows: windows.mean(axis=1)),
    }
    newest = slice(-rows, None)
    times = np.datetime_as_string(bars.time[newest].astype("datetime64[s]")).tolist()
    values = [[_number(x) for x in column[newest].tolist()] for column in columns.values()]
    return [
        dict(zip(("time", *columns), (f"{time}Z", *row), strict=True))
        for time, *row in zip(times, *values, strict=True)
    ]


def _rolling(values: Floats, window: int, of: Callable[[Floats], Floats]) -> Floats:
    """`of` the windows that end at each row; NaN before there are so many."""
    found = np.full(len(values), np.nan)
    newest = values[-(window + FEATURE_ROWS) :]
    if len(newest) >= window:
        figures = of(sliding_window_view(newest, window))
        found[-len(figures) :] = figures
    return found


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
