"""Models as they look, for the documentation."""

from __future__ import annotations

from assay_backend.schemas.examples import COINS_MODEL, EVALUATION, Example
from assay_backend.schemas.examples_track_record import GOLD_TRACK_RECORD

_NOW, _BEFORE = "2024-12-02-7c2ea766", "2024-11-25-0d91c2be"
_NEXT = "2024-12-09-5d03e1b8"
_DIGEST, _DIGEST_BEFORE, _DIGEST_NEXT = "c5" * 32, "4b" * 32, "e7" * 32

_VERSION: Example = {
    "version": _NOW,
    "digest": _DIGEST,
    "serves": True,
    "model_type": "MLP",
    "created_at": "2024-12-02T23:10:00Z",
    "trained_from": "2000-08-30",
    "trained_to": "2024-12-02",
    "verdict": "no_edge",
    "crps_vs_random_walk": 0.981,
    "rmse_vs_random_walk": 0.9998,
    **COINS_MODEL,
    "volatility_trained_to": "2024-12-01",
}

CHANGE: Example = {
    "at": "2024-12-02T23:10:00Z",
    "by": "assay-train",
    "action": "publish",
    "why": "MLP passed the gate and is the champion.",
    "version": _NOW,
    **COINS_MODEL,
    "digest": _DIGEST,
    "replaced": _BEFORE,
    "replaced_digest": _DIGEST_BEFORE,
}

MODELS: Example = {
    "champion": _NOW,
    "rollback_to": _BEFORE,
    "versions": [
        _VERSION,
        _VERSION | {"version": _BEFORE, "digest": _DIGEST_BEFORE, "serves": False},
    ],
    "history": [CHANGE],
    "canary": {
        "share": 0.1,
        "challenger": _VERSION | {"version": _NEXT, "digest": _DIGEST_NEXT, "serves": False},
        "answers": True,
        "track_record": GOLD_TRACK_RECORD["summary"]
        | {"beside_champion": {"n": 1, "crps_skill": 0.011, "crps_p_value": None}},
        "problems": [],
    },
    "problems": [],
}

CHAMPION: Example = {
    "model_name": EVALUATION["model_name"],
    "model_type": EVALUATION["model_type"],
    "model_version": _NOW,
    "digest": _DIGEST,
    "created_at": "2024-12-02T23:10:00Z",
    "trained_from": "2000-08-30",
    "trained_to": "2024-12-02",
    "lookback": 20,
    "features": 40,
    "data_fingerprint": "03" * 32,
    "feature_fingerprint": "19" * 32,
    "libraries": {"numpy": "2.4.6", "onnxruntime": "1.31.1"},
    "skill": EVALUATION["skill"],
    "evaluation": {
        **{name: EVALUATION[name] for name in ("n", "start", "end", "champion", "rows")},
    },
    "promotion": EVALUATION["promotion"],
    "calibration": {
        "calibrated_to": "2024-12-02",
        "n": 250,
        "pit": [28, 24, 26, 22, 25, 27, 23, 24, 25, 26],
        "coverage": {"0.5": 0.484, "0.8": 0.784, "0.9": 0.892, "0.95": 0.948},
    },
    "volatility": {
        "version": "2024-12-01-b0b37fcc",
        "created_at": "2024-12-01T23:00:00Z",
        "trained_from": "2023-01-01",
        "trained_to": "2024-12-01",
        "coins": ["BTC hourly", "BTC daily", "ETH daily"],
        "held_out": None,
    },
}

ROLLBACK: Example = CHANGE | {
    "at": "2024-12-03T08:00:00Z",
    "by": "ada",
    "action": "rollback",
    "why": "its ranges were too narrow on Friday",
    "version": _BEFORE,
    "digest": _DIGEST_BEFORE,
    "replaced": _NOW,
    "replaced_digest": _DIGEST,
}
NOT_THE_KEY: Example = {
    "type": "urn:assay:problem:forbidden",
    "title": "Forbidden",
    "status": 403,
    "detail": "X-API-Key is not the administrator's key",
    "instance": "/v1/models/rollback",
    "request_id": "f3a91c04b7d2-21",
}
NO_SUCH_VERSION: Example = {
    "type": "urn:assay:problem:unknown-version",
    "title": "Unknown version",
    "status": 404,
    "detail": f"no version '2024-01-01'; kept are {_BEFORE}",
    "instance": "/v1/models/rollback",
    "request_id": "f3a91c04b7d2-20",
    "kept": [_BEFORE],
}
