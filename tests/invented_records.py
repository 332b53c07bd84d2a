"""Invented answers about the past and about the service itself, drawn with a seed."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

Document = dict[str, Any]

LEVELS = (0.5, 0.8, 0.9, 0.95)
_REACH = {0.5: 0.6745, 0.8: 1.2816, 0.9: 1.6449, 0.95: 1.96}
_HEAD = "9f" * 32


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _rate(flags: list[bool]) -> Document:
    return {"n": len(flags), "hits": sum(flags), "rate": sum(flags) / len(flags) if flags else None}


def _weekdays(last: date, count: int) -> list[date]:
    days = [last - timedelta(days=back) for back in range(2 * count + 4)]
    return [day for day in days if day.weekday() < 5][:count][::-1]


def gold_record(
    scored: int = 120, *, pending: int = 1, source: str = "yahoo", spread: float = 1.0
) -> Document:
    """Forecasts with `scored` outcomes; with `spread` above 1 the ranges are too narrow."""
    draw = random.Random(5)
    days = _weekdays(date(2025, 4, 15), scored + pending + 1)
    close, items = 2400.0, []
    for i, (today, target) in enumerate(pairwise(days)):
        z = spread * draw.gauss(0, 1)
        item = _forecast(i, today, target, close, source=source)
        known = i < scored and source != "simulated"
        item["status"] = "simulated" if source == "simulated" else "scored" if known else "pending"
        item["counted"] = known
        item["outcome"] = _gold_outcome(close, z, draw) if known else None
        if known:
            close = item["outcome"]["actual"]
        items.append(item)
    return {
        "n": sum(item["counted"] for item in items),
        "asked": 250,
        "rows": len(items),
        "summary": _gold_summary(items),
        "items": items,
    }


def _forecast(i: int, today: date, target: date, close: float, *, source: str) -> Document:
    def interval(level: float) -> Document:
        reach = 0.01 * _REACH[level]
        return {"level": level, "lower": close * (1 - reach), "upper": close * (1 + reach)}

    return {
        "sequence": i + 1,
        "recorded_at": f"{today}T22:20:04Z",
        "origin": f"{today}T21:00:00Z",
        "due": f"{target}T21:00:00Z",
        "source": source,
        "today_date": today.isoformat(),
        "predicted_date": target.isoformat(),
        "symbol": "GC=F",
        "currency": "USD",
        "model_name": "assay-gold",
        "model_type": "log_linear_t",
        "model_version": "2025-04-15-7c2ea766",
        "last_close": close,
        "prediction": close * 1.0003,
        "expected_return": 0.0003,
        "probability_up": 0.53,
        "intervals": [interval(level) for level in (0.5, 0.8, 0.95)],
    }


def _gold_outcome(close: float, z: float, draw: random.Random) -> Document:
    actual = close * (1 + 0.01 * z)
    return {
        "status": "scored",
        "actual": actual,
        "log_return": math.log(actual / close),
        "error": actual - close * 1.0003,
        "random_walk_error": actual - close,
        "inside": {str(level): abs(z) <= _REACH[level] for level in LEVELS},
        "direction_hit": z > 0.03,
        "pit": 0.5 * (1 + math.erf(z / math.sqrt(2))),
        "crps": 0.0049 * (0.6 + 0.4 * abs(z)),
        "pinball": 0.0021,
        "random_walk_crps": 0.005 * (0.6 + 0.4 * abs(z)) * draw.uniform(0.95, 1.07),
        "random_walk_pinball": 0.00214,
    }


def _gold_summary(items: list[Document]) -> Document:
    scores = [item["outcome"] for item in items if item["counted"]]
    statuses = [item["status"] for item in items]
    targets = [item["predicted_date"] for item in items if item["counted"]]
    own, walk = (sum(s[name] for s in scores) for name in ("crps", "random_walk_crps"))
    pit = [0] * 10
    for score in scores:
        pit[min(int(10 * score["pit"]), 9)] += 1
    return {
        "n": len(scores),
        "first_target": min(targets, default=None),
        "last_target": max(targets, default=None),
        "pending": statuses.count("pending"),
        "unscorable": 0,
        "hits": _rate([s["direction_hit"] for s in scores]),
        "coverage": {str(x): _rate([s["inside"][str(x)] for s in scores]) for x in LEVELS},
        "skill": {
            "crps_skill": 1 - own / walk if scores else None,
            "crps_p_value": 0.004 if len(scores) >= 10 else None,
            "crps": own / len(scores) if scores else None,
            "random_walk_crps": walk / len(scores) if scores else None,
            "pinball_skill": 0.019 if scores else None,
            "rmse": 21.75 if scores else None,
            "random_walk_rmse": 21.76 if scores else None,
            "rmse_ratio_rw": 0.9995 if scores else None,
        },
        "pit": pit,
    }


def signal_record(scored: int = 150, *, pending: int = 2, source: str = "binance") -> Document:
    """Hourly signals of BTC/USDT with `scored` outcomes."""
    draw = random.Random(6)
    last = datetime(2025, 4, 14, 21, tzinfo=UTC)
    items = []
    for i in range(scored + pending):
        origin = last - timedelta(hours=scored + pending - i)
        item = _signal(i, origin, draw, source=source)
        known = i < scored and source != "simulated"
        item["status"] = "simulated" if source == "simulated" else "scored" if known else "pending"
        item["counted"] = known
        item["outcome"] = _signal_outcome(item, draw) if known else None
        items.append(item)
    summary = _signal_summary(items)
    return {
        "symbol": "BTC/USDT",
        "exchange": "binance",
        "n": summary["n"],
        "asked": 250,
        "rows": len(items),
        "summary": summary,
        "by_horizon": [{"horizon_min": 60, **summary}] if items else [],
        "items": items,
    }


def _signal(i: int, origin: datetime, draw: random.Random, *, source: str) -> Document:
    due = origin + timedelta(hours=1)
    risk = min(0.95, max(0.02, draw.betavariate(1.2, 4)))
    volatility = 0.004 + 0.006 * risk
    return {
        "sequence": 1000 + i,
        "recorded_at": _iso(origin + timedelta(minutes=1)),
        "origin": _iso(origin),
        "due": _iso(due),
        "source": source,
        "signal_id": f"01JE{i:08d}",
        "symbol": "BTC/USDT",
        "exchange": "binance",
        "timeframe": "1h",
        "horizon_min": 60,
        "target_time": _iso(due),
        "risk_score": risk,
        "vol_regime": "calm" if risk < 0.1 else "normal" if risk < 0.4 else "turbulent",
        "volatility": {
            "horizon": volatility,
            "annualized": 93.6 * volatility,
            "percentile": 0.58,
            "lower": 0.6 * volatility,
            "upper": 1.6 * volatility,
            "threshold_volatility": 0.0071,
        },
        "value_at_risk": {"0.95": 1.6 * volatility, "0.99": 2.6 * volatility},
        "tail_loss_probability": 0.041,
        "fallbacks": [],
        "model_version": "2025-04-15-7c2ea766",
    }


def _signal_outcome(item: Document, draw: random.Random) -> Document:
    volatility = item["volatility"]["horizon"]
    moved = volatility * draw.gauss(0, 1)
    event = draw.random() < item["risk_score"]
    limits = item["value_at_risk"]
    return {
        "status": "scored",
        "realized_volatility": volatility * (1.4 if event else 0.8),
        "above_threshold": event,
        "brier": (item["risk_score"] - event) ** 2,
        "inside": draw.random() < 0.8,
        "log_return": moved,
        "var_hit": {name: -math.expm1(moved) > limit for name, limit in limits.items()},
        "tail_loss": moved < -0.012,
        "tail_brier": 0.0017,
        "measure": "garman_klass",
        "timeframe": "1h",
        "bars": 1,
    }


def _signal_summary(items: list[Document]) -> Document:
    counted = [item for item in items if item["counted"]]
    scores = [item["outcome"] for item in counted]
    statuses = [item["status"] for item in items]
    said = [item["risk_score"] for item in counted]
    tenths: dict[int, list[tuple[float, bool]]] = {}
    for risk, score in zip(said, scores, strict=True):
        tenths.setdefault(int(10 * risk), []).append((risk, score["above_threshold"]))
    return {
        "n": len(counted),
        "pending": statuses.count("pending"),
        "unscorable": 0,
        "realized_volatility": 0.0061 if scores else None,
        "forecast_volatility": 0.0052 if scores else None,
        "risk_score": sum(said) / len(said) if said else None,
        "hits": _rate([score["above_threshold"] for score in scores]),
        "brier": 0.12 if scores else None,
        "brier_skill": 0.21 if scores else None,
        "reliability": [
            {
                "n": len(pairs),
                "said": sum(risk for risk, _ in pairs) / len(pairs),
                "happened": sum(event for _, event in pairs) / len(pairs),
            }
            for _, pairs in sorted(tenths.items())
        ],
        "coverage": {"0.8": _rate([score["inside"] for score in scores])},
        "value_at_risk": {
            name: _rate([score["var_hit"][name] for score in scores]) for name in ("0.95", "0.99")
        },
        "tail_loss": {**_rate([score["tail_loss"] for score in scores]), "said": 0.041},
    }


VERSIONS: Document = {
    "version": "0.1.0",
    "git_commit": "0123456789abcdef0123456789abcdef01234567",
    "build_time": "2025-04-10T08:00:00Z",
    "model_version": "2025-04-15-7c2ea766",
}


def _series(exchange: str | None, symbol: str, timeframe: str, source: str) -> Document:
    return {
        "exchange": exchange,
        "symbol": symbol,
        "timeframe": timeframe,
        "source": source,
        "as_of": "2025-04-14T21:00:00Z",
        "age_seconds": 1260.0,
        "stale": False,
        "rows": 6000,
        "next_refresh": "2025-04-14T21:25:00Z",
        "last_error": None,
        "watched": True,
    }


def _breaker(feed: str, endpoint: str) -> Document:
    return {
        "feed": feed,
        "endpoint": endpoint,
        "state": "closed",
        "failures": 0,
        "shut_until": None,
        "last_error": None,
        "calls": 52,
        "failed": 1,
    }


def status(**changed: object) -> Document:
    """`GET /v1/status` on a good day."""
    return {
        "status": "healthy",
        "market_source": "auto",
        "sources": ["binance", "kraken", "yahoo"],
        "breakers": [
            _breaker("gold", "yahoo"), _breaker("crypto", "binance"), _breaker("crypto", "kraken"),
        ],
        "freshness": [
            _series(None, "GC=F", "1d", "yahoo"),
            _series(None, "^GSPC", "1d", "yahoo"),
            _series("binance", "BTC/USDT", "1h", "binance"),
            _series("binance", "ETH/USDT", "1h", "binance"),
        ],
        "gaps": [
            {
                "exchange": "binance",
                "symbol": "BTC/USDT",
                "timeframe": "1h",
                "start": "2023-03-24T13:00:00Z",
                "end": "2023-03-24T14:00:00Z",
                "bars": 1,
            },
            {
                "exchange": None,
                "symbol": "GC=F",
                "timeframe": "1d",
                "start": "2024-11-29",
                "end": "2024-11-29",
                "bars": 1,
            },
        ],
        "gaps_total": 2,
        "quarantine": {"rows": 3, "by_reason": {"not a number": 2, "high below low": 1}},
        "counts": {"bars_stored": 1052, "set_aside:not a number": 3},
        "store_fault": None,
        "ledger": {"rows": 1234, "head": _HEAD},
        "versions": VERSIONS,
        **changed,
    }  # fmt: skip


def health(**changed: object) -> Document:
    """`GET /health` on a good day."""
    market = {"source": "yahoo", "as_of": "2025-04-14T21:00:00Z", "age_seconds": 1260.0,
              "stale": False}  # fmt: skip
    return {
        "status": "healthy",
        "model_loaded": True,
        "scaler_loaded": True,
        "feature_cols_loaded": True,
        "version": "0.1.0",
        "model_version": "2025-04-15-7c2ea766",
        "market_source": "auto",
        "market_data": {"gold": market, "sp500": market, "crypto": {}},
        "problems": [],
        **changed,
    }


def metrics(**changed: object) -> Document:
    """`GET /metrics` as JSON."""
    return {
        "start_time": "2025-04-14T06:00:00Z",
        "requests_total": 5120,
        "signals_total": 1020,
        "last_signal_at": "2025-04-14T21:20:41Z",
        "ledger_rows": 1234,
        "ledger_head": _HEAD,
        "upstream_calls_total": 156,
        "upstream_failures_total": 3,
        "series_stale": 0,
        "gold_forecasts_scored_total": 212,
        "gold_forecasts_pending": 1,
        "signals_scored_total": 1012,
        "signals_pending": 8,
        "gold_crps_skill": 0.018,
        "gold_rmse_ratio_rw": 0.9997,
        "gold_coverage": {"0.5": 0.51, "0.8": 0.79, "0.9": 0.9, "0.95": 0.95},
        "signal_brier_skill": 0.21,
        "signal_coverage": {"0.8": 0.81},
        "signal_var_hit_rate": {"0.95": 0.049, "0.99": 0.012},
        **changed,
    }


def ledger_check(**changed: object) -> Document:
    """`GET /v1/ledger/verify`."""
    return {"rows": 1234, "head": _HEAD, "intact": True, "first_bad": None, **changed}


def _score_row(name: str, crps: float, *, p: float | None, ratio: float = 1.0) -> Document:
    shift = 0.004 if name == "garch_t" else -0.002
    return {
        "name": name,
        "mape": 0.715,
        "rmse": 16.6 * ratio,
        "mae": 11.4,
        "rmse_ratio_rw": ratio,
        "r2_oos": 1 - ratio**2,
        "direction_accuracy": 0.526,
        "dm_p_rmse_vs_random_walk": None if ratio == 1.0 else 0.78,
        "crps": crps,
        "pinball": crps / 3,
        "coverage": {str(level): level + shift for level in LEVELS},
        "winkler": {"0.5": 2.3, "0.8": 3.5, "0.9": 4.4, "0.95": 5.3},
        "pit_ks_p": 0.00001 if name == "garch_t" else 0.66,
        "dm_p_vs_random_walk": p,
        "dm_p_vs_garch_t": None if name == "garch_t" else 0.004,
    }


def _held_out() -> Document:
    rows = [
        {"name": name, "qlike_ratio_har": ratio, "log_r2": r2, "dm_p_vs_har": p}
        for name, ratio, r2, p in (
            ("har_ols", 1.0, 0.13, None),
            ("assay", 0.706, 0.504, 0.0008),
            ("yesterday", 2.02, 0.117, 0.000006),
        )
    ]
    tails = [
        {"name": name, "level": level, "hit_rate": rate, "kupiec_p": p}
        for name, level, rate, p in (
            ("assay", 0.01, 0.0, 0.014),
            ("garch_t", 0.01, 0.02, 0.12),
            ("assay", 0.05, 0.06, 0.43),
        )
    ]
    return {
        "n": 299, "start": "2024-03-27", "end": "2025-01-19", "rows": rows, "var": tails,
        "risk": {"brier_skill": 0.236}, "risk_1h": {"brier_skill": 0.306}, "regimes": [],
    }  # fmt: skip


def champion(**changed: object) -> Document:
    """`GET /v1/models/champion`."""
    rows = [
        _score_row("random_walk", 0.00535, p=None),
        _score_row("random_walk_drift", 0.00534, p=0.059, ratio=0.99993),
        _score_row("garch_t", 0.00529, p=5e-9),
        _score_row("log_linear_t", 0.00524, p=2e-16, ratio=0.99981),
        _score_row("MLP", 0.005241, p=1e-16, ratio=0.99985),
        _score_row("weekday_garch_t", 0.00541, p=0.02),
    ]
    return {
        "model_name": "assay-gold",
        "model_type": "log_linear_t",
        "model_version": "2025-04-15-7c2ea766",
        "digest": "c5" * 32,
        "created_at": "2025-04-15T23:10:00Z",
        "trained_from": "2000-08-30",
        "trained_to": "2025-04-15",
        "lookback": 1,
        "features": 41,
        "data_fingerprint": "03" * 32,
        "feature_fingerprint": "19" * 32,
        "libraries": {"numpy": "2.4.6", "onnxruntime": "1.31.1", "tensorflow": "2.21.0"},
        "skill": {
            "rmse_vs_random_walk": 0.99981,
            "crps_vs_random_walk": 0.9798,
            "p_value": 0.775,
            "crps_p_value": 1.6e-16,
            "verdict": "no_edge",
            "coverage": {"0.5": 0.505, "0.8": 0.798, "0.9": 0.898, "0.95": 0.944},
            "origins": 3843,
            "evaluated_from": "2010-01-04",
            "evaluated_to": "2025-04-15",
        },
        "evaluation": {
            "n": 3843, "start": "2010-01-04", "end": "2025-04-15", "champion": "log_linear_t",
            "rows": rows,
        },
        "promotion": {
            "kind": "promotion",
            "verdict": "log_linear_t passed the gate and is the champion.",
            "reasons": ["log_linear_t: 1000 origins: yes (3843)", "MLP: SPA: NO (p 0.489)"],
        },
        "calibration": {
            "calibrated_to": "2025-04-15",
            "n": 250,
            "pit": [28, 24, 26, 22, 25, 27, 23, 24, 25, 26],
            "coverage": {"0.8": 0.784},
        },
        "volatility": {
            "version": "2025-01-20-b0b37fcc",
            "created_at": "2025-04-15T23:00:00Z",
            "trained_from": "2023-01-01",
            "trained_to": "2025-01-20",
            "daily_from": "2014-09-17",
            "daily_to": "2025-01-20",
            "coins": ["BTC hourly", "BTC daily", "ETH daily"],
            "data_fingerprint": "ef" * 32,
            "held_out": _held_out(),
        },
        **changed,
    }  # fmt: skip


def _change(n: int, action: str, *, by: str, why: str) -> Document:
    return {
        "at": f"2025-04-{8 + n:02d}T21:30:00Z",
        "by": by,
        "action": action,
        "why": why,
        "version": f"2025-04-{8 + n:02d}-0000000{n}",
        "volatility_version": "2025-01-20-b0b37fcc",
        "digest": f"{n}a" * 32,
        "replaced": f"2025-04-{7 + n:02d}-0000000{n - 1}" if n else None,
        "replaced_digest": f"{n - 1}a" * 32 if n else None,
    }


def trial(**changed: object) -> Document:
    """The challenger in `GET /v1/models`, after ten sessions."""
    return {
        "share": 0.1,
        "challenger": {"version": "2025-04-22-5d03e1b8"},
        "answers": True,
        "track_record": {
            "n": 10,
            "skill": {"crps_skill": 0.03, "crps_p_value": 0.31},
            "beside_champion": {"n": 9, "crps_skill": -0.012, "crps_p_value": None},
        },
        "problems": [],
        **changed,
    }


def registry(**changed: object) -> Document:
    """`GET /v1/models`."""
    version = {
        "version": "2025-04-15-7c2ea766",
        "digest": "c5" * 32,
        "serves": True,
        "model_type": "log_linear_t",
        "created_at": "2025-04-15T23:10:00Z",
        "trained_from": "2000-08-30",
        "trained_to": "2025-04-15",
        "verdict": "no_edge",
        "crps_vs_random_walk": 0.9798,
        "rmse_vs_random_walk": 0.9998,
        "volatility_version": "2025-01-20-b0b37fcc",
        "volatility_trained_to": "2025-01-20",
    }
    before = {**version, "version": "2025-04-08-0d91c2be", "digest": "4b" * 32, "serves": False}
    return {
        "champion": version["version"],
        "rollback_to": before["version"],
        "versions": [version, before],
        "history": [
            _change(0, "publish", by="assay-train", why="MLP passed the gate."),
            _change(1, "rollback", by="ada", why="Its ranges were too narrow on *Friday*."),
            _change(2, "promote", by="bob", why="The repaired one."),
        ],
        "problems": [],
        **changed,
    }
