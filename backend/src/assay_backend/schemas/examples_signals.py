"""Answers as they look, for the documentation: signals."""

from __future__ import annotations

import json

from assay_backend.schemas.examples import COINS_MODEL, MODEL, PROBLEMS, Example

SIGNAL: Example = {
    "signal_id": "5f2b8c0de1f64a7f9c3a4f1f0f9f2a77",
    "created_at": "2024-12-02T22:21:00.125Z",
    "age_seconds": 1260.125,
    "symbol": "BTC/USDT",
    "exchange": "binance",
    "timeframe": "1h",
    "horizon_min": 60,
    "limit": 200,
    "origin": "2024-12-02T22:00:00Z",
    "target_time": "2024-12-02T23:00:00Z",
    "last_close": 35192.0,
    "nowcast_ret": 4.5466e-06,
    "risk_score": 0.12229,
    "vol_regime": "normal",
    "measure": "garman_klass",
    "volatility": {
        "horizon": 0.0048611,
        "annualized": 0.45497,
        "percentile": 0.48271,
        "lower": 0.0021172,
        "upper": 0.0064109,
        "threshold_volatility": 0.0058927,
        "benchmark": 0.004456,
    },
    "value_at_risk": {"0.95": 0.0074976, "0.99": 0.012531},
    "expected_shortfall": {"0.95": 0.010652, "0.99": 0.015729},
    "tail_loss_probability": 0.042228,
    "tail_loss_return": -0.0080447,
    "fallbacks": [],
    "model_version": MODEL["model_version"],
    **COINS_MODEL,
    "source": "binance",
    "as_of": "2024-12-02T22:00:00Z",
    "stale": False,
    "explain": {
        "nowcast_ret": 4.5466e-06,
        "vol": 0.0048611,
        "vol_regime": "normal",
        "risk_score": 0.12229,
        "summary": (
            "BTC/USDT is in a normal regime: over the next hour a typical move is 0.49 % either "
            "way, and the chance that prices swing more than in four fifths of the past year is "
            "12 %."
        ),
        "base_log_odds": -1.3863,
        "contributions": [
            {"name": "threshold_of_the_year", "value": 0.0058927, "effect": -0.54292},
            {"name": "last_hour", "value": -1.2356, "effect": -0.30583},
            {"name": "last_6_hours", "value": 0.0048854, "effect": 0.16683},
            {"name": "fall_of_last_day", "value": 0.0, "effect": -0.094086},
            {"name": "last_week", "value": 0.013912, "effect": 0.066372},
            {"name": "last_day", "value": -0.11897, "effect": 0.06511},
            {"name": "calendar", "value": -0.077329, "effect": 0.05671},
            {"name": "last_month", "value": -0.028116, "effect": 0.0032265},
            {"name": "limits", "value": 0.12229, "effect": 2.2204e-16},
        ],
        "benchmark": {"name": "har_ols", "volatility": 0.004456},
        "features_tail": [
            {
                "time": "2024-12-02T21:00:00Z",
                "close": 35192.0,
                "ret": 4.5466e-06,
                "vol24": 0.0048357,
                "sma12": 35447.0,
                "sma48": 35135.0,
            }
        ],
    },
}

UNRECORDED_SIGNAL: Example = {**SIGNAL, "signal_id": None}

STORED_SIGNAL: Example = {name: value for name, value in SIGNAL.items() if name != "explain"}

BATCH: Example = {
    "results": [{"ok": True, "signal": STORED_SIGNAL}, {"ok": False, "problem": PROBLEMS[404]}]
}

EVENT = (
    f"event: signal\nid: {SIGNAL['as_of']}\n"
    f"data: {json.dumps({**STORED_SIGNAL, 'signal_id': None})}\n\n: heartbeat\n\n"
)

TAIL: list[Example] = [STORED_SIGNAL]
