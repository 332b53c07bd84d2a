"""Scores of quantile forecasts on a grid of levels; one value an origin unless said otherwise."""

from __future__ import annotations

import numpy as np

from assay.forecast.distribution import LEVELS, MEDIAN_AT, Floats, interval_indices


def pinball(quantiles: Floats, outcomes: Floats, levels: Floats) -> Floats:
    """Quantile loss, shape (n, m), for `quantiles` (n, m) at `levels` (m,) and `outcomes` (n,).

    max(p (y - q), (p - 1)(y - q)); Koenker and Bassett 1978. In the unit of the outcomes.
    """
    error = outcomes[:, None] - quantiles
    result: Floats = np.maximum(levels * error, (levels - 1.0) * error)
    return result


def crps(quantiles: Floats, outcomes: Floats) -> Floats:
    """Continuous ranked probability score, shape (n,), from quantiles at LEVELS, shape (n, 199).

    Twice the mean quantile loss over the grid (Laio and Tamea 2007); the same grid for every
    model, so that ratios compare like with like.
    """
    result: Floats = 2.0 * pinball(quantiles, outcomes, LEVELS).mean(axis=1)
    return result


def covered(
    quantiles: Floats, outcomes: Floats, level: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each outcome lies in the central interval of `level`, ends included, shape (n,)."""
    lower, upper = interval_indices(level)
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = (outcomes >= quantiles[:, lower]) & (
        outcomes <= quantiles[:, upper]
    )
    return result


def winkler(quantiles: Floats, outcomes: Floats, level: float) -> Floats:
    """Interval score of the central interval of `level`, shape (n,); Winkler 1972.

    Width plus 2/alpha times the distance by which the outcome misses, alpha = 1 - level.
    """
    lower, upper = interval_indices(level)
    low, high = quantiles[:, lower], quantiles[:, upper]
    missed = np.maximum(low - outcomes, 0.0) + np.maximum(outcomes - high, 0.0)
    result: Floats = (high - low) + 2.0 / (1.0 - level) * missed
    return result


def pit(quantiles: Floats, outcomes: Floats) -> Floats:
    """Probability integral transform by linear interpolation on the grid, within [.005, .995]."""
    return np.array(
        [
            float(np.interp(outcome, row, LEVELS))
            for outcome, row in zip(outcomes, quantiles, strict=True)
        ]
    )


def squared_error(quantiles: Floats, outcomes: Floats) -> Floats:
    """Squared error of the median, shape (n,)."""
    result: Floats = (outcomes - quantiles[:, MEDIAN_AT]) ** 2
    return result
