"""Answers as they look, for the documentation."""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]

PROVENANCE: Example = {
    "source": "yahoo",
    "as_of": "2024-12-02T22:00:00Z",
    "age_seconds": 5123.0,
    "stale": False,
}

SKILL: Example = {
    "rmse_vs_random_walk": 0.9999,
    "crps_vs_random_walk": 0.981,
    "p_value": 0.62,
    "verdict": "no_edge",
    "origins": 3800,
    "evaluated_from": "2010-01-05",
    "evaluated_to": "2024-11-29",
    "crps_p_value": 0.0002,
    "coverage": {"0.5": 0.502, "0.8": 0.801, "0.9": 0.899, "0.95": 0.948},
}

MODEL: Example = {
    "model_name": "assay-gold",
    "model_type": "MLP",
    "model_version": "2024-11-29-1f0c9a37",
}

COINS_MODEL: Example = {"volatility_version": "2024-12-01-b0b37fcc"}

FORECAST: Example = {
    "prediction": 2642.25,
    "predicted_date": "2024-12-03",
    "today_date": "2024-12-02",
    **MODEL,
    "served_as": "champion",
    "symbol": "GC=F",
    "currency": "USD",
    "last_close": 2641.1,
    "expected_return": 0.0003,
    "probability_up": 0.53,
    "intervals": [
        {"level": 0.5, "lower": 2626.2, "upper": 2657.9},
        {"level": 0.8, "lower": 2610.4, "upper": 2673.1},
        {"level": 0.95, "lower": 2588.0, "upper": 2697.6},
    ],
    "quantiles": {
        "0.025": 2588.0,
        "0.05": 2597.3,
        "0.1": 2610.4,
        "0.25": 2626.2,
        "0.5": 2642.25,
        "0.75": 2657.9,
        "0.9": 2673.1,
        "0.95": 2685.2,
        "0.975": 2697.6,
    },
    "benchmark": {"name": "random_walk", "prediction": 2641.1},
    "skill": SKILL,
    "explanation": [{"feature": "gold_abs_return_0", "value": 1.9, "effect": 0.08}],
    "origin": "2024-12-02T22:00:00Z",
    "next_origin": "2024-12-03T22:00:00Z",
    **PROVENANCE,
}

HISTORY: Example = {
    "symbol": "GC=F",
    "currency": "USD",
    "sessions": 1,
    "rows": 1,
    "data": [
        {
            "session": "2024-12-02",
            "open": 2643.3,
            "high": 2643.6,
            "low": 2624.2,
            "close": 2641.1,
            "volume": 213.0,
        }
    ],
    "gaps": [],
    **PROVENANCE,
}

OHLCV: Example = {
    "symbol": "BTC/USDT",
    "exchange": "binance",
    "timeframe": "1h",
    "limit": 1,
    "rows": 1,
    "data": [
        {
            "ts": 1733173200000,
            "time": "2024-12-02T21:00:00Z",
            "open": 95805.0,
            "high": 96112.4,
            "low": 95640.1,
            "close": 95968.2,
            "volume": 913.27,
        }
    ],
    "source": "binance",
    "endpoint": "binance",
    "as_of": "2024-12-02T22:00:00Z",
    "age_seconds": 1260.0,
    "stale": False,
    "gaps": [],
}

EVALUATION: Example = {
    "n": 3800,
    "start": "2010-01-05",
    "end": "2024-11-29",
    "rows": [
        {
            "name": "random_walk",
            "mape": 0.71,
            "rmse": 15.9,
            "mae": 11.2,
            "rmse_ratio_rw": 1.0,
            "r2_oos": 0.0,
            "direction_accuracy": None,
            "crps": 0.00512,
            "pinball": 0.0021,
            "coverage": {"0.5": 0.52, "0.8": 0.81, "0.9": 0.9, "0.95": 0.946},
            "winkler": {"0.5": 2.9, "0.8": 3.9, "0.9": 4.9, "0.95": 5.9},
            "dm_p_vs_random_walk": None,
            "dm_p_vs_garch_t": 0.001,
        }
    ],
    "champion": "MLP",
    **MODEL,
    "created_at": "2024-11-30T06:00:00Z",
    "trained_from": "2000-08-30",
    "trained_to": "2024-11-29",
    "skill": SKILL,
    "promotion": {"kind": "promotion", "verdict": "MLP passed the gate and is the champion."},
}

HEALTH: Example = {
    "status": "healthy",
    "model_loaded": True,
    "scaler_loaded": True,
    "feature_cols_loaded": True,
    "version": "0.1.0",
    "model_version": MODEL["model_version"],
    "canary": None,
    "market_source": "live",
    "market_data": {
        "gold": PROVENANCE,
        "sp500": PROVENANCE,
        "crypto": {"binance BTC/USDT 1h": PROVENANCE | {"source": "binance"}},
    },
    "problems": [],
}

ALIVE: Example = {"status": "alive"}

READY: Example = {
    "status": "ready",
    "champion_loaded": True,
    "database_writable": True,
    "ledger_writable": True,
    "problems": [],
}

NOT_READY: Example = READY | {
    "status": "not_ready",
    "database_writable": False,
    "ledger_writable": False,
    "problems": ["nothing can be stored: sqlite:///data/assay.db: database or disk is full"],
}

UNHEALTHY: Example = HEALTH | {
    "status": "unhealthy",
    "scaler_loaded": False,
    "model_version": None,
    "problems": ["data/processed/scaler.json does not match its checksum in the manifest"],
}

VERSION: Example = {
    "version": "0.1.0",
    "git_commit": "4c0ffee",
    "build_time": "2024-11-30T07:00:00Z",
    "model_version": MODEL["model_version"],
}

LEDGER_HEAD: Example = {
    "rows": 1041,
    "head": "9f0c1b6e0d5a4f52b7f3c8a1e2d4960718c5b3a2f1e0d9c8b7a6958473625140",
}

LEDGER_VERIFICATION: Example = LEDGER_HEAD | {
    "intact": True,
    "first_bad": None,
    "checked_at": "2026-11-18T23:00:00Z",
    "current": True,
}

STATUS: Example = {
    "status": "healthy",
    "market_source": "live",
    "sources": ["binance", "yahoo"],
    "breakers": [
        {
            "feed": "crypto",
            "endpoint": "binance",
            "state": "closed",
            "failures": 0,
            "shut_until": None,
            "last_error": None,
            "calls": 52,
            "failed": 1,
            "faults": {"RateLimited": 1},
        }
    ],
    "freshness": [
        {
            "exchange": "binance",
            "symbol": "BTC/USDT",
            "timeframe": "1h",
            "source": "binance",
            "as_of": "2024-12-02T22:00:00Z",
            "age_seconds": 1260.0,
            "stale": False,
            "rows": 1000,
            "next_refresh": "2024-12-02T23:00:04Z",
            "last_error": None,
            "watched": True,
            "pinned": True,
        }
    ],
    "gaps": [
        {
            "exchange": "binance",
            "symbol": "BTC/USDT",
            "timeframe": "1h",
            "start": "2023-03-24T13:00:00Z",
            "end": "2023-03-24T14:00:00Z",
            "bars": 1,
        }
    ],
    "gaps_total": 1,
    "quarantine": {"rows": 3, "by_reason": {"not a number": 3}},
    "counts": {"bars_stored": 1052, "set_aside:not a number": 3},
    "store_fault": None,
    "ledger": LEDGER_HEAD,
    "versions": VERSION,
}

METRICS: Example = {
    "start_time": "2024-12-02T06:00:00Z",
    "requests_total": 5120,
    "signals_total": 1020,
    "last_signal_at": "2024-12-02T23:20:41Z",
    "ledger_rows": LEDGER_HEAD["rows"],
    "ledger_head": LEDGER_HEAD["head"],
    "upstream_calls_total": 52,
    "upstream_failures_total": 1,
    "series_stale": 0,
    "gold_forecasts_scored_total": 212,
    "gold_forecasts_pending": 1,
    "gold_challengers_scored_total": 4,
    "gold_challengers_pending": 1,
    "gold_forecasts_counted": 212,
    "gold_challengers_counted": 4,
    "signals_scored_total": 1012,
    "signals_pending": 8,
    "signals_counted": 1000,
    "gold_crps_skill": 0.018,
    "gold_rmse_ratio_rw": 0.9997,
    "gold_coverage": {"0.5": 0.51, "0.8": 0.79, "0.9": 0.9, "0.95": 0.95},
    "gold_challenger_crps_skill": 0.021,
    "gold_challenger_coverage": {"0.5": 0.5, "0.8": 0.75, "0.9": 1.0, "0.95": 1.0},
    "signal_brier_skill": 0.21,
    "signal_qlike_skill": 0.24,
    "signal_calibration_error": 0.021,
    "signal_coverage": {"0.8": 0.81},
    "signal_var_hit_rate": {"0.95": 0.049, "0.99": 0.012},
    "bars_stored_total": 1052,
}


def _problem(status: int, title: str, detail: str, **fields: object) -> Example:
    return {
        "type": f"urn:assay:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "/predict",
        "request_id": "f3a91c04b7d2-1f",
        **fields,
    }


PROBLEMS: dict[int, Example] = {
    401: _problem(401, "No key given", "This takes the administrator's key as X-API-Key"),
    403: _problem(
        403,
        "Foreign page",
        "A page of another site asked for this, as the request's Origin or Sec-Fetch-Site says; "
        "programs send neither",
    ),
    409: _problem(
        409, "No earlier version", "data/processed keeps no version that served before this one"
    ),
    404: _problem(
        404,
        "Unknown symbol",
        "binance has no market 'BTCUSD'; near are BTC/USDT, BTC/USDC",
        symbol="BTCUSD",
        exchange="binance",
        near=["BTC/USDT", "BTC/USDC"],
    ),
    429: _problem(
        429, "Too many requests", "5 wrong keys came from there within 10 seconds: wait, then ask"
    ),
    413: _problem(413, "Body too large", "A body may hold 65536 bytes, this one has 70000"),
    422: _problem(
        422,
        "Invalid input",
        "body.predict_tomorrow: Input should be True",
        errors=[{"location": "body.predict_tomorrow", "message": "Input should be True"}],
    ),
    500: _problem(
        500,
        "Internal error",
        "Something went wrong here; the log has it under this request id.",
    ),
    503: _problem(
        503,
        "Source unavailable",
        "No gold and S&P 500 bars have been had from yahoo yet",
        retry_after_seconds=30.0,
        source="yahoo",
    ),
}
