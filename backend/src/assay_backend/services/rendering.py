"""Forecasts, bars and evaluations as the documents that the API answers with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from assay.bundle.files import Bundle
from assay.bundle.metadata import ModelMetadata
from assay.clock import iso_utc
from assay.errors import BundleCorrupt
from assay.forecast.distribution import REPORTED_LEVELS, level_index
from assay.forecast.pipeline import Forecast
from assay.market.crypto.feed import SeriesStatus
from assay.market.crypto.series import ExchangeSeries, Gap
from assay.market.keys import SeriesKey
from assay.market.series import MarketSnapshot, Series
from assay.market.symbols import daily_symbol
from assay_backend.callers import Role

_PRICES = ("open", "high", "low", "close", "volume")

INTERVAL_LEVELS = (0.5, 0.8, 0.95)

_SKILL = (
    "rmse_vs_random_walk",
    "crps_vs_random_walk",
    "p_value",
    "verdict",
    "origins",
    "evaluated_from",
    "evaluated_to",
)
_MORE_SKILL = ("crps_p_value", "coverage")
_EVALUATION = ("n", "start", "end", "rows")

Document = dict[str, Any]


def check_metadata(metadata: ModelMetadata, *, path: str) -> None:
    """BundleCorrupt, naming `path`, unless answers can be made of `metadata`."""
    missing = [f"skill.{name}" for name in _SKILL if name not in metadata.skill]
    missing += [f"evaluation.{name}" for name in _EVALUATION if name not in metadata.evaluation]
    if missing:
        raise BundleCorrupt(f"{path} lacks {', '.join(missing)}", path=path)
    if metadata.skill["verdict"] not in ("edge", "no_edge"):
        verdict = metadata.skill["verdict"]
        raise BundleCorrupt(f"{path} has the verdict {verdict!r}: edge or no_edge", path=path)
    try:
        json.dumps(metadata.to_json(), allow_nan=False)
    except ValueError as error:
        raise BundleCorrupt(f"{path} holds a number that is not finite", path=path) from error


def forecast_document(
    bundle: Bundle, forecast: Forecast, market: MarketSnapshot, role: Role
) -> Document:
    """The answer of `POST /predict`. Prices in the market's currency, returns logarithmic."""
    gold = market.gold
    symbol = daily_symbol(gold.symbol)
    return {
        "prediction": forecast.median,
        "predicted_date": forecast.target.isoformat(),
        "today_date": forecast.origin.isoformat(),
        **model_fields(bundle.metadata),
        "served_as": role,
        "symbol": symbol.name,
        "currency": symbol.currency,
        "last_close": forecast.last_close,
        "expected_return": forecast.expected_return,
        "probability_up": forecast.returns.probability_up,
        "intervals": [_interval(forecast, level) for level in INTERVAL_LEVELS],
        "quantiles": {
            str(level): forecast.price(float(forecast.returns.quantiles[level_index(level)]))
            for level in REPORTED_LEVELS
        },
        "benchmark": {"name": "random_walk", "prediction": forecast.last_close},
        "skill": skill_fields(bundle.metadata),
        "explanation": [
            {"feature": item.feature, "value": item.value, "effect": item.effect}
            for item in forecast.effects
        ],
        "origin": iso_utc(forecast.origin_time),
        "next_origin": iso_utc(forecast.target_close_time),
        **provenance_fields(gold),
        "stale": gold.stale or market.sp500.stale,
    }


def history_document(series: Series, *, sessions: int) -> Document:
    """The newest `sessions` closed bars, oldest first."""
    bars = series.bars.take(slice(-sessions, None))
    symbol = daily_symbol(series.symbol)
    columns = [np.datetime_as_string(bars.session).tolist()]
    columns += [getattr(bars, name).tolist() for name in _PRICES]
    return {
        "symbol": symbol.name,
        "currency": symbol.currency,
        "sessions": sessions,
        "rows": len(bars),
        "data": [
            dict(zip(("session", *_PRICES), row, strict=True)) for row in zip(*columns, strict=True)
        ],
        "gaps": [gap.isoformat() for gap in series.gaps if gap >= bars.session[0].item()],
        **provenance_fields(series),
    }


def ohlcv_document(key: SeriesKey, series: ExchangeSeries, now: datetime) -> Document:
    """The newest closed bars of an exchange's market, oldest first."""
    bars, held = series.bars, series.held
    stamps = bars.time.astype("datetime64[s]")
    columns = [bars.time.astype("int64").tolist(), np.datetime_as_string(stamps).tolist()]
    columns += [getattr(bars, name).tolist() for name in _PRICES]
    return {
        "symbol": key.symbol,
        "exchange": key.source,
        "timeframe": key.timeframe,
        "limit": series.limit,
        "rows": len(bars),
        "data": [
            dict(zip(("ts", "time", *_PRICES), (ts, f"{time}Z", *row), strict=True))
            for ts, time, *row in zip(*columns, strict=True)
        ],
        "source": held.source,
        "endpoint": held.endpoint,
        "as_of": iso_utc(held.as_of),
        "age_seconds": round(series.age_seconds(now), 3),
        "stale": series.stale,
        "gaps": [gap_document(gap) for gap in series.gaps()],
    }


def gap_document(gap: Gap) -> Document:
    """Which bars are missing."""
    return {"start": iso_utc(gap.start), "end": iso_utc(gap.end), "bars": gap.bars}


def evaluation_document(bundle: Bundle) -> Document:
    """The leaderboard of the bundle: every forecaster on the same origins."""
    metadata = bundle.metadata
    return {
        **{name: metadata.evaluation[name] for name in _EVALUATION},
        "champion": metadata.evaluation.get("champion", metadata.type),
        **model_fields(metadata),
        "created_at": metadata.created_at,
        "trained_from": metadata.trained_from,
        "trained_to": metadata.trained_to,
        "skill": skill_fields(metadata),
        "promotion": metadata.promotion,
    }


def model_fields(metadata: ModelMetadata) -> Document:
    """Which model answers."""
    return {
        "model_name": metadata.name,
        "model_type": metadata.type,
        "model_version": metadata.version,
    }


def skill_fields(metadata: ModelMetadata) -> Document:
    """The champion's figures beside the random walk's; None where they were not computed."""
    skill: Mapping[str, Any] = metadata.skill
    return {name: skill.get(name) for name in (*_SKILL, *_MORE_SKILL)}


def provenance_fields(series: Series) -> Document:
    """Where bars came from and how old the newest is."""
    return {
        "source": series.source,
        "as_of": iso_utc(series.as_of),
        "age_seconds": round(series.age_seconds, 3),
        "stale": series.stale,
    }


def intraday_provenance(series: SeriesStatus, now: datetime) -> Document:
    """The same of an exchange's series; nulls where no bar was ever had."""
    as_of = series.as_of
    return {
        "source": series.source,
        "as_of": iso_utc(as_of) if as_of else None,
        "age_seconds": round((now - as_of).total_seconds(), 3) if as_of else None,
        "stale": series.stale,
    }


def _interval(forecast: Forecast, level: float) -> Document:
    lower, upper = forecast.interval(level)
    return {"level": level, "lower": lower, "upper": upper}
