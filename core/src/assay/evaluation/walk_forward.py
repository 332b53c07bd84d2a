"""Rolling origins: fit on the past, forecast the block that follows, go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assay.errors import TooLittleHistory
from assay.evaluation.leaderboard import Origins
from assay.features.build import FeatureMatrix
from assay.features.scaling import Standardizer
from assay.features.windows import Windows, windows
from assay.forecast.calibration import CalibrationState
from assay.forecast.distribution import Floats
from assay.forecast.location import shrunk_drift
from assay.forecast.scale import ScalePredictor, pits, quantiles

LEAST_TRAINING_ROWS = 750


class Recipe(Protocol):
    """A way to fit a model of the spread; everything it learns comes from what `fit` is given."""

    @property
    def name(self) -> str: ...
    @property
    def lookback(self) -> int: ...
    @property
    def refit_every(self) -> int: ...

    def fit(self, windows: Windows, z: Floats) -> ScalePredictor:
        """Fits on standardised windows (n, lookback, k) and z = log return / sigma (n,), oldest
        first.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A recipe fitted on all rows up to one origin: what a champion is made of."""

    predictor: ScalePredictor
    standardizer: Standardizer
    location: float


@dataclass(frozen=True, slots=True, eq=False)
class WalkForward:
    """Out-of-sample parameters, shapes (n,) and (n, 2), at `rows` of the matrix.

    The last origin's outcome may be unknown; `outcomes` is NaN there.
    """

    rows: NDArray[np.intp]
    parameters: Floats
    location: Floats
    sigma: Floats
    outcomes: Floats

    def pits(self) -> Floats:
        """Out-of-sample probability integral transforms before calibration, shape (n,)."""
        return pits(self.parameters, self.sigma, self.location, self.outcomes)

    def quantiles(self) -> Floats:
        """Calibrated log-return quantiles, (n, 199): each origin by the outcomes before it."""
        state, levels = CalibrationState(np.empty(0)), []
        for outcome in self.pits().tolist():
            levels.append(state.levels())
            state = state.advanced(outcome)
        return quantiles(self.parameters, self.sigma, self.location, np.array(levels))


def origin_rows(matrix: FeatureMatrix, *, start: date, end: date) -> NDArray[np.intp]:
    """Rows whose target session, the next row's, lies within `start` and `end`, both included."""
    target = np.append(matrix.session[1:], np.datetime64("NaT"))
    return np.flatnonzero((target >= np.datetime64(start)) & (target <= np.datetime64(end)))


def origins_at(matrix: FeatureMatrix, rows: NDArray[np.intp]) -> Origins:
    """The origins at `rows`, each of which must have a following row."""
    return Origins(
        origin=matrix.session[rows],
        target=matrix.session[rows + 1],
        last_close=matrix.close[rows],
        actual=matrix.close[rows + 1],
    )


def fit_at(recipe: Recipe, matrix: FeatureMatrix, row: int) -> Fit:
    """Fits `recipe` as at origin `row`: on all targets known there, i.e. rows before it.

    Scaler, model and location see nothing later. Raises TooLittleHistory below 750 rows.
    """
    usable = np.flatnonzero(matrix.usable[:row])
    train = usable[recipe.lookback - 1 :]
    if len(train) < LEAST_TRAINING_ROWS:
        raise TooLittleHistory(
            f"{recipe.name} needs {LEAST_TRAINING_ROWS} sessions with features before its first "
            f"origin, there are {len(train)}",
            needed=LEAST_TRAINING_ROWS,
            available=len(train),
        )
    standardizer = Standardizer.fit(matrix.values[usable])
    scaled = standardizer.transform(matrix.values)
    returns = matrix.next_returns()[train]
    predictor = recipe.fit(windows(scaled, train, recipe.lookback), returns / matrix.sigma[train])
    return Fit(predictor, standardizer, shrunk_drift(returns))


def walk_forward(
    recipe: Recipe,
    matrix: FeatureMatrix,
    rows: NDArray[np.intp],
    *,
    on_fold: Callable[[int, int], None] = lambda done, of: None,
) -> WalkForward:
    """Refits `recipe` every `refit_every` origins of `rows` (consecutive) and forecasts between.

    A fold's training targets all lie at or before its first origin: the target of the last
    training row is that origin's own close, so nothing overlaps and the purge is complete.
    """
    starts = range(0, len(rows), recipe.refit_every)
    parameters, location = np.empty((len(rows), 2)), np.empty(len(rows))
    for number, start in enumerate(starts):
        block = rows[start : start + recipe.refit_every]
        fit = fit_at(recipe, matrix, int(block[0]))
        scaled = fit.standardizer.transform(matrix.values[: block[-1] + 1])
        parameters[start : start + len(block)] = fit.predictor.predict(
            windows(scaled, block, recipe.lookback)
        )
        location[start : start + len(block)] = fit.location
        on_fold(number + 1, len(starts))
    return WalkForward(rows, parameters, location, matrix.sigma[rows], matrix.next_returns()[rows])
