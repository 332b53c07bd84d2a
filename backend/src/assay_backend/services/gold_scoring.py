"""A gold forecast of the ledger, scored by the close that came."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np

from assay.evaluation.outcomes import GoldOutcome, gold_outcome
from assay.forecast.distribution import Floats
from assay.market.series import Series

Document = dict[str, Any]


def gold_score(payload: bytes, gold: Series) -> Document | None:
    """What came of the forecast in `payload`, by the bar of its target session.

    None where `gold` has no such bar. Raises KeyError, TypeError or ValueError where the payload is
    no forecast that can be scored.
    """
    said: Document = json.loads(payload)
    actual = _close(gold, date.fromisoformat(said["predicted_date"]))
    if actual is None:
        return None
    grids = said["distribution"]
    rival = grids["random_walk"]
    outcome = gold_outcome(
        last_close=float(said["last_close"]),
        actual=actual,
        quantiles=_array(grids["log_returns"]),
        random_walk=None if rival is None else _array(rival),
    )
    return {"status": "scored", **_document(outcome)}


def _close(gold: Series, session: date) -> float | None:
    at = int(np.searchsorted(gold.bars.session, np.datetime64(session)))
    if at == len(gold.bars) or gold.bars.session[at] != np.datetime64(session):
        return None
    return float(gold.bars.close[at])


def _array(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _document(outcome: GoldOutcome) -> Document:
    return {
        "actual": outcome.actual,
        "log_return": outcome.log_return,
        "error": outcome.error,
        "random_walk_error": outcome.random_walk_error,
        "inside": {str(level): inside for level, inside in outcome.inside.items()},
        "direction_hit": outcome.direction_hit,
        "pit": outcome.pit,
        "crps": outcome.crps,
        "pinball": outcome.pinball,
        "random_walk_crps": outcome.random_walk_crps,
        "random_walk_pinball": outcome.random_walk_pinball,
    }
