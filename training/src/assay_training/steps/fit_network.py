"""A network through the walk-forward, with each of its members kept apart as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from assay.evaluation.walk_forward import WalkForward, walk_forward
from assay.features.build import FeatureMatrix
from assay.features.windows import Windows
from assay.forecast.distribution import Floats
from assay_training.networks.recipe import FittedNetwork, NetworkRecipe


@dataclass(frozen=True, slots=True, eq=False)
class NetworkWalk:
    """The averaged network's forecasts, and those of each member by itself."""

    walk: WalkForward
    members: tuple[WalkForward, ...]


def walk_network(
    recipe: NetworkRecipe,
    matrix: FeatureMatrix,
    rows: NDArray[np.intp],
    *,
    on_fold: Callable[[int, int], None] = lambda done, of: None,
) -> NetworkWalk:
    """Walks `recipe` forward over `rows`; one fit a fold serves the mean and the members."""
    watched = _Watched(recipe)
    walk = walk_forward(watched, matrix, rows, on_fold=on_fold)
    parameters = np.concatenate(watched.answers, axis=1)
    return NetworkWalk(walk, tuple(replace(walk, parameters=member) for member in parameters))


@dataclass(slots=True, eq=False)
class _Watched:
    """`recipe`, noting what the members of each fold answer."""

    recipe: NetworkRecipe
    answers: list[Floats] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def lookback(self) -> int:
        return self.recipe.lookback

    @property
    def refit_every(self) -> int:
        return self.recipe.refit_every

    def fit(self, windows: Windows, z: Floats) -> _WatchedFit:
        return _WatchedFit(self.recipe.fit(windows, z), self.answers)


@dataclass(frozen=True, slots=True, eq=False)
class _WatchedFit:
    fitted: FittedNetwork
    answers: list[Floats]

    def predict(self, windows: Windows) -> Floats:
        members = self.fitted.members(windows)
        self.answers.append(members)
        mean: Floats = members.mean(axis=0)
        return mean
