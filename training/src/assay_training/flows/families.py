"""One family's share of the work: tune it, then walk its best configuration forward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.walk_forward import Recipe
from assay.features.build import FeatureMatrix
from assay_training.flows.plan import LONGEST_LOOKBACK, Plan
from assay_training.networks.base import Hyperparameters
from assay_training.networks.families import hyperparameters_from_json
from assay_training.networks.recipe import NetworkRecipe
from assay_training.steps.fit_network import NetworkWalk, walk_network
from assay_training.steps.gate import Candidate
from assay_training.steps.tune import Trial, best, tune, tuning_rows

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class FamilyResult:
    """Every configuration tried, the one chosen, and its forecasts at the evaluation's origins."""

    trials: tuple[Trial, ...]
    recipe: NetworkRecipe
    walk: NetworkWalk

    def candidate(self) -> Candidate:
        """The family as the gate takes it."""
        walk, members = self.walk.walk, self.walk.members
        grids = tuple(member.quantiles() for member in members)
        return Candidate(self.recipe.name, self.recipe, walk, walk.quantiles(), grids)

    def __str__(self) -> str:
        chosen = self.recipe.hyperparameters
        return f"{self.recipe.name}: {len(self.trials)} configurations tried, chosen: {chosen}"


def search_family(
    default: Hyperparameters,
    matrix: FeatureMatrix,
    rows: NDArray[np.intp],
    plan: Plan,
    *,
    seed: int,
    kept: dict[str, Any] | None = None,
    on_start: Callable[[str], None] | None = None,
    on_progress: Report | None = None,
) -> FamilyResult:
    """Tunes `default`'s family before `rows` and walks the best configuration forward over them.

    Where `kept`, the champion's recipe, is of this family, it is walked forward as it is: its
    refit is what a scheduled retrain is about. Raises TooLittleHistory or TrainingError.
    """
    name = default.family
    if on_start:
        on_start(f"tune and walk forward {name}")
    report: Report = on_progress or (lambda what, done, of: None)
    recipe = _kept_recipe(name, kept)
    trials: list[Trial] = []
    if recipe is None:
        recipe = NetworkRecipe(
            hyperparameters=default,
            seeds=member_seeds(seed, plan.tuning_members),
            refit_every=plan.refit_every,
        )
        trials = tune(
            default,
            matrix,
            tuning_rows(
                matrix, int(rows[0]), origins=plan.tuning_origins, lookback=LONGEST_LOOKBACK
            ),
            max_evals=plan.max_evals,
            recipe=recipe,
            seed=seed,
            on_trial=partial(report, f"{name}, trials"),
        )
        recipe = NetworkRecipe(
            hyperparameters=best(trials).hyperparameters,
            seeds=member_seeds(seed, plan.members),
            refit_every=plan.refit_every,
        )
    walk = walk_network(recipe, matrix, rows, on_fold=partial(report, f"{name}, folds"))
    return FamilyResult(tuple(trials), recipe, walk)


def member_seeds(seed: int, members: int) -> tuple[int, ...]:
    """One seed a member, told apart for every `seed`."""
    return tuple(int(one) for one in np.random.SeedSequence(seed).generate_state(members))


def recipe_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as the bundle's metadata keeps it."""
    common = {
        "name": recipe.name,
        "lookback": recipe.lookback,
        "refit_every": recipe.refit_every,
    }
    if isinstance(recipe, NetworkRecipe):
        common |= {
            "hyperparameters": recipe.hyperparameters.to_json(),
            "seeds": list(recipe.seeds),
        }
    return common


def _kept_recipe(family: str, kept: dict[str, Any] | None) -> NetworkRecipe | None:
    if not kept or kept.get("name") != family:
        return None
    return NetworkRecipe(
        hyperparameters=hyperparameters_from_json(kept["hyperparameters"]),
        seeds=tuple(kept["seeds"]),
        refit_every=int(kept["refit_every"]),
    )
