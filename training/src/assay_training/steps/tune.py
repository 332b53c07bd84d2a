"""Tuning: Hyperopt over a family's choices, judged on origins before those of the evaluation."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from hyperopt import STATUS_OK, fmin, hp, tpe
from numpy.typing import NDArray

from assay.errors import TooLittleHistory
from assay.evaluation import scores
from assay.evaluation.walk_forward import LEAST_TRAINING_ROWS, walk_forward
from assay.features.build import FeatureMatrix
from assay.forecast.distribution import Floats
from assay_training.networks.base import Hyperparameters
from assay_training.networks.recipe import NetworkRecipe

PURGED_SESSIONS = 1
LEAST_TUNING_ORIGINS = 100
# TPE's own default of 20 random trials is more than is tried here at all.
_RANDOM_TRIALS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One configuration tried: its mean CRPS, and the losses (n,) at the tuning origins."""

    family: str
    hyperparameters: Hyperparameters
    crps: float
    losses: Floats


def tuning_rows(
    matrix: FeatureMatrix, first: int, *, origins: int, lookback: int
) -> NDArray[np.intp]:
    """The last `origins` rows whose targets lie before the evaluation's first origin, row `first`.

    Fewer where history is short: each keeps 750 rows with windows of `lookback` before it. Raises
    TooLittleHistory below 100.
    """
    last = first - PURGED_SESSIONS - 1
    usable = np.flatnonzero(matrix.usable)
    start = max(last - origins + 1, int(usable[0]) + lookback - 1 + LEAST_TRAINING_ROWS)
    rows = np.arange(start, last + 1)
    if len(rows) < LEAST_TUNING_ORIGINS:
        needed = LEAST_TUNING_ORIGINS + LEAST_TRAINING_ROWS + lookback
        raise TooLittleHistory(
            f"tuning needs {needed} sessions with features before {matrix.session[first]}, "
            f"there are {first - int(usable[0])}",
            needed=needed,
            available=first - int(usable[0]),
        )
    return rows


def tune(
    default: Hyperparameters,
    matrix: FeatureMatrix,
    rows: NDArray[np.intp],
    *,
    max_evals: int,
    recipe: NetworkRecipe,
    seed: int,
    on_trial: Callable[[int, int], None] = lambda done, of: None,
) -> list[Trial]:
    """Tries `max_evals` configurations of `default`'s family, `default` first; every one of them.

    Each is walked forward over `rows` as `recipe` says (seeds, refits). The same `seed` tries the
    same configurations. A configuration drawn twice is fitted once and listed once.
    """
    tried: dict[Hyperparameters, Trial] = {}
    evaluated = itertools.count(1)

    def objective(sample: dict[str, Any]) -> dict[str, Any]:
        hyperparameters = replace(default, **sample)
        if hyperparameters not in tried:
            tried[hyperparameters] = _try(hyperparameters, matrix, rows, recipe)
        on_trial(next(evaluated), max_evals)
        return {"loss": tried[hyperparameters].crps, "status": STATUS_OK}

    if max_evals == 1:
        objective({})
        return list(tried.values())
    choices = default.choices
    fmin(
        objective,
        {name: hp.choice(name, values) for name, values in choices.items()},
        algo=partial(tpe.suggest, n_startup_jobs=_RANDOM_TRIALS),
        max_evals=max_evals - 1,  # hyperopt does not count the points it is given
        points_to_evaluate=[
            {name: values.index(getattr(default, name)) for name, values in choices.items()}
        ],
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
    )
    return list(tried.values())


def best(trials: list[Trial]) -> Trial:
    """The trial with the smallest mean CRPS, the earlier one of two equals."""
    return min(trials, key=lambda trial: trial.crps)


def _try(
    hyperparameters: Hyperparameters,
    matrix: FeatureMatrix,
    rows: NDArray[np.intp],
    recipe: NetworkRecipe,
) -> Trial:
    walk = walk_forward(replace(recipe, hyperparameters=hyperparameters), matrix, rows)
    losses = scores.crps(walk.quantiles(), walk.outcomes)
    return Trial(hyperparameters.family, hyperparameters, float(losses.mean()), losses)
