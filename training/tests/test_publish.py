from __future__ import annotations

import numpy as np
import pytest

from assay.evaluation.walk_forward import WalkForward
from assay.forecast.calibration import WINDOW
from assay_training.steps.publish import EDGE_LEVEL, Evaluation, known_pits, skill


def row(name: str, *, ratio: float, p: float | None, crps: float = 0.005) -> dict:
    return {
        "name": name,
        "rmse_ratio_rw": ratio,
        "dm_p_rmse_vs_random_walk": p,
        "crps": crps,
        "dm_p_vs_random_walk": 0.001,
        "coverage": {"0.8": 0.8},
    }


def evaluation(*rows: dict) -> Evaluation:
    return Evaluation(
        1200, "2020-01-02", "2024-10-01", [row("random_walk", ratio=1.0, p=None), *rows]
    )


def test_calibration_starts_from_the_newest_known_outcomes():
    rng = np.random.default_rng(0)
    n = WINDOW + 40
    outcomes = rng.normal(0.0, 0.01, n)
    outcomes[-1] = np.nan
    parameters = np.column_stack([np.zeros(n), np.full(n, 5.0)])
    walk = WalkForward(np.arange(n), parameters, np.zeros(n), np.full(n, 0.01), outcomes)
    np.testing.assert_array_equal(known_pits(walk), walk.pits()[-WINDOW - 1 : -1])


@pytest.mark.parametrize(
    ("ratio", "p", "verdict"),
    [
        (0.99, EDGE_LEVEL / 2, "edge"),
        (0.99, EDGE_LEVEL * 2, "no_edge"),
        (1.01, EDGE_LEVEL / 2, "no_edge"),
        (1.0, None, "no_edge"),
    ],
)
def test_an_edge_is_a_smaller_error_of_the_median_that_chance_does_not_explain(ratio, p, verdict):
    found = skill(evaluation(row("MLP", ratio=ratio, p=p, crps=0.004)), "MLP")
    assert found["verdict"] == verdict
    assert found["p_value"] == p
    assert found["crps_vs_random_walk"] == pytest.approx(0.8)
    assert found["origins"] == 1200
