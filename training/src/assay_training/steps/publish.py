"""From a decision to a bundle on disk."""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.bundle.files import bundle_contents, load_bundle, write_bundle
from assay.bundle.metadata import ModelMetadata
from assay.bundle.onnx_predictor import OnnxPredictor
from assay.clock import Clock, iso_utc
from assay.evaluation.leaderboard import RANDOM_WALK, Row
from assay.evaluation.walk_forward import Fit, WalkForward
from assay.features.spec import FEATURE_NAMES, feature_fingerprint
from assay.forecast.calibration import WINDOW, CalibrationState
from assay.forecast.pipeline import Champion
from assay.market.bars import Bars
from assay_training.steps.gate import Decision
from assay_training.steps.publish_volatility import FittedVolatility

MODEL_NAME = "assay-gold"
EDGE_LEVEL = 0.05
_LIBRARIES = ("numpy", "scipy", "onnxruntime", "tensorflow", "keras", "arch")


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The leaderboard on one set of origins; dates bound the targets."""

    n: int
    start: str
    end: str
    rows: list[Row]

    def to_json(self, champion: str) -> dict[str, Any]:
        """As the bundle keeps it and the API tells it; `champion` names a row."""
        return {
            "n": self.n,
            "start": self.start,
            "end": self.end,
            "champion": champion,
            "rows": self.rows,
        }

    def row(self, name: str) -> dict[str, Any]:
        """The row of forecaster `name`."""
        return next(row for row in self.rows if row["name"] == name)


def publish(
    out: Path,
    *,
    decision: Decision,
    fit: Fit,
    model: bytes,
    gold: Bars,
    sp500: Bars,
    evaluation: Evaluation,
    recipe: dict[str, Any],
    clock: Clock,
    volatility: FittedVolatility | None = None,
) -> ModelMetadata:
    """Writes the winner of `decision`, fitted as `fit` and exported as `model`, to folder `out`.

    `volatility` goes into the same bundle, where there is one.
    Calibration starts from the winner's newest out-of-sample outcomes. The bundle is loaded back
    before this returns, so what was published can be served. Raises OSError or BundleError.
    """
    winner = decision.winner
    if winner is None:
        raise ValueError("nothing to publish: the decision has no winner")
    champion = Champion(
        predictor=fit.predictor,
        standardizer=fit.standardizer,
        lookback=winner.recipe.lookback,
        location=fit.location,
        calibration=CalibrationState(known_pits(winner.walk)),
        calibrated_to=gold.last_session,
    )
    metadata = _metadata(
        model,
        champion,
        winner=winner.name,
        decision=decision,
        gold=gold,
        sp500=sp500,
        evaluation=evaluation,
        recipe=recipe,
        clock=clock,
        volatility=volatility.section if volatility else {},
    )
    write_bundle(
        out,
        bundle_contents(
            model=model,
            champion=champion,
            metadata=metadata,
            volatility=volatility.model if volatility else None,
        ),
    )
    return load_bundle(out).metadata


def _metadata(
    model: bytes,
    champion: Champion,
    *,
    winner: str,
    decision: Decision,
    gold: Bars,
    sp500: Bars,
    evaluation: Evaluation,
    recipe: dict[str, Any],
    clock: Clock,
    volatility: dict[str, Any],
) -> ModelMetadata:
    return ModelMetadata(
        name=MODEL_NAME,
        type=winner,
        version=model_version(model, champion, gold),
        created_at=iso_utc(clock.now()),
        trained_from=str(gold.session[0]),
        trained_to=str(gold.last_session),
        data_fingerprint=data_fingerprint(gold, sp500),
        feature_fingerprint=feature_fingerprint(),
        lookback=champion.lookback,
        smoke_parameters=_smoke(model, champion.lookback),
        libraries={name: importlib.metadata.version(name) for name in _LIBRARIES},
        evaluation=evaluation.to_json(winner),
        skill=skill(evaluation, winner),
        promotion={
            "kind": decision.kind,
            "verdict": decision.verdict,
            "reasons": decision.reasons,
            "recipe": recipe,
        },
        volatility=volatility,
    )


def model_version(model: bytes, champion: Champion, gold: Bars) -> str:
    """The last session trained on, and a hash of everything that a forecast depends on."""
    digest = hashlib.sha256(model)
    scaler = champion.standardizer
    for numbers in (scaler.mean, scaler.scale, champion.calibration.pits):
        digest.update(np.ascontiguousarray(numbers).tobytes())
    digest.update(repr(champion.location).encode())
    return f"{gold.last_session}-{digest.hexdigest()[:8]}"


def _smoke(model: bytes, lookback: int) -> tuple[float, float]:
    """What the exported model answers to a window of zeros."""
    zeros = np.zeros((1, lookback, len(FEATURE_NAMES)), dtype=np.float32)
    log_scale, degrees_of_freedom = OnnxPredictor(model).predict(zeros)[0]
    return float(log_scale), float(degrees_of_freedom)


def known_pits(walk: WalkForward) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The newest out-of-sample PITs of `walk`, at most as many as calibration looks back on."""
    pits = walk.pits()
    return pits[np.isfinite(pits)][-WINDOW:]


def skill(evaluation: Evaluation, name: str) -> dict[str, Any]:
    """Row `name` beside the random walk's, as the API tells it.

    `verdict` and `p_value` speak of the median (squared error); `crps_p_value` of the whole
    distribution.
    """
    own, walk = evaluation.row(name), evaluation.row(RANDOM_WALK)
    p_value = own["dm_p_rmse_vs_random_walk"]
    better = own["rmse_ratio_rw"] < 1.0 and p_value is not None and p_value < EDGE_LEVEL
    return {
        "rmse_vs_random_walk": own["rmse_ratio_rw"],
        "crps_vs_random_walk": own["crps"] / walk["crps"],
        "p_value": p_value,
        "crps_p_value": own["dm_p_vs_random_walk"],
        "verdict": "edge" if better else "no_edge",
        "coverage": own["coverage"],
        "origins": evaluation.n,
        "evaluated_from": evaluation.start,
        "evaluated_to": evaluation.end,
    }


def data_fingerprint(gold: Bars, sp500: Bars) -> str:
    """SHA-256 over both series."""
    return hashlib.sha256(f"{gold.fingerprint()}{sp500.fingerprint()}".encode()).hexdigest()
