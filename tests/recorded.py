"""Rows of the ledger as the service would write them, with outcomes as scoring would."""

import json
import math
from datetime import UTC, datetime, timedelta

from assay.store.ledger_records import Entry

HOUR = timedelta(hours=1)
FIRST = datetime(2027, 2, 1, 22, tzinfo=UTC)  # not due yet, so that no background task scores it
LEVELS = ("0.5", "0.8", "0.9", "0.95")


def forecast(day, *, source="yahoo", version="small", key="", **said):
    """An entry like those of gold, for the session after FIRST plus `day` days."""
    origin = FIRST + timedelta(days=day)
    target = origin + timedelta(days=1)
    payload = {
        "today_date": origin.date().isoformat(),
        "predicted_date": target.date().isoformat(),
        "symbol": "GC=F",
        "currency": "USD",
        "model_name": "assay-gold",
        "model_type": "MLP",
        "model_version": version,
        "last_close": 2000.0,
        "prediction": 2001.0,
        "expected_return": 0.0005,
        "probability_up": 0.52,
        "intervals": [{"level": 0.8, "lower": 1990.0, "upper": 2012.0}],
        **said,
    }
    name = key or f"{origin.date()}:{version}:{source}"
    body = json.dumps(payload).encode()
    return Entry("gold_forecast", name, body, origin, target, "GC=F", source)


def gold_outcome(number):
    """One of those that scoring writes, different for each `number`."""
    return {
        "status": "scored",
        "actual": 2000.0 + number,
        "log_return": math.log(1 + number / 2000.0),
        "error": number - 1.0,
        "random_walk_error": float(number),
        "inside": {level: number % (place + 2) > 0 for place, level in enumerate(LEVELS)},
        "direction_hit": None if number % 4 == 0 else number % 3 == 0,
        "pit": number % 10 / 10 + 0.05,
        "crps": 0.004 + number / 10_000,
        "pinball": 0.002 + number / 10_000,
        "random_walk_crps": None if number % 5 == 4 else 0.005 + number / 9_000,
        "random_walk_pinball": None if number % 5 == 4 else 0.0025 + number / 9_000,
    }


def signal(number, *, horizon_min=60, source="binance", exchange="binance", **said):
    """An entry like those of coins; two in a row are about one window."""
    origin = FIRST + number // 2 * HOUR
    target = origin + timedelta(minutes=horizon_min)
    payload = {
        "signal_id": f"id-{number}-{horizon_min}-{source}",
        "symbol": "BTC/USDT",
        "exchange": "binance",
        "timeframe": "1h",
        "horizon_min": horizon_min,
        "origin": origin.isoformat(),
        "target_time": target.isoformat(),
        "risk_score": number % 10 / 10 + 0.02,
        "vol_regime": "calm",
        "measure": "garman_klass",
        "volatility": {
            "horizon": 0.01 + number / 1000,
            "annualized": 0.9,
            "percentile": 0.4,
            "lower": 0.005,
            "upper": 0.02,
            "threshold_volatility": 0.015,
            "benchmark": 0.02,
        },
        "value_at_risk": {"0.95": 0.02, "0.99": 0.03},
        "tail_loss_probability": 0.01 * (number % 7),
        "fallbacks": [],
        "model_version": "small",
        **said,
    }
    subject = f"{exchange} {payload['symbol']} {payload['timeframe']}"
    body = json.dumps(payload).encode()
    return Entry("signal", payload["signal_id"], body, origin, target, subject, source)


def signal_outcome(number):
    return {
        "status": "scored",
        "realized_volatility": 0.008 + number / 900,
        "above_threshold": number % 4 == 0,
        "brier": (number % 10 / 10 + 0.02 - (number % 4 == 0)) ** 2,
        "inside": number % 3 > 0,
        "log_return": -0.001 * number,
        "var_hit": {"0.95": number % 6 == 0, "0.99": number % 12 == 0},
        "tail_loss": number % 5 == 0,
        "tail_brier": 0.1,
        "measure": "garman_klass",
        "timeframe": "1h",
        "bars": 1,
    }
