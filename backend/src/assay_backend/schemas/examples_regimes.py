"""A coin's past hours as they look, for the documentation: simulated bars."""

from __future__ import annotations

from assay_backend.schemas.examples import COINS_MODEL, MODEL, Example

REGIMES: Example = {
    "symbol": "BTC/USDT",
    "exchange": "binance",
    "horizon_min": 60,
    "hours": 3,
    "rows": 3,
    "measure": "garman_klass",
    "model_version": MODEL["model_version"],
    **COINS_MODEL,
    "data": [
        {
            "time": "2026-11-26T20:00:00Z",
            "close": 61084.2,
            "vol_regime": "normal",
            "risk_score": 0.2204,
            "volatility": 0.004361,
            "realized_volatility": 0.003907,
        },
        {
            "time": "2026-11-26T21:00:00Z",
            "close": 61212.9,
            "vol_regime": "normal",
            "risk_score": 0.2051,
            "volatility": 0.004285,
            "realized_volatility": 0.004812,
        },
        {
            "time": "2026-11-26T22:00:00Z",
            "close": 61377.6,
            "vol_regime": "normal",
            "risk_score": 0.2427,
            "volatility": 0.004458,
            "realized_volatility": None,
        },
    ],
    "source": "simulated",
    "as_of": "2026-11-26T22:00:00Z",
    "age_seconds": 2702.266,
    "stale": False,
}
