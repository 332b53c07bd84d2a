"""The predictive distribution of a log return, as quantiles on a fixed grid of levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

Floats = NDArray[np.float64]

LEVELS: Floats = np.arange(1, 200) / 200.0
MEDIAN_AT = 99
INTERVAL_LEVELS = (0.5, 0.8, 0.9, 0.95)
REPORTED_LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)


def level_index(level: float) -> int:
    """Where `level` stands in LEVELS; ValueError unless it is one of them.

    >>> float(LEVELS[level_index(0.975)])
    0.975
    """
    index = round(level * 200) - 1
    if not 0 <= index < len(LEVELS) or abs(LEVELS[index] - level) > 1e-9:
        raise ValueError(f"level {level} is not a multiple of 0.005 between 0.005 and 0.995")
    return index


def interval_indices(level: float) -> tuple[int, int]:
    """Where the central interval of `level` has its lower and upper quantile in LEVELS."""
    return level_index(round((1.0 - level) / 2.0, 6)), level_index(round((1.0 + level) / 2.0, 6))


def student_t_quantiles(levels: Floats, df: Floats | float) -> Floats:
    """Quantiles of the standard Student-t (not rescaled to unit variance), broadcasting."""
    result: Floats = stdtrit(df, levels)
    return result


def student_t_cdf(x: Floats, df: Floats | float) -> Floats:
    """CDF of the standard Student-t, broadcasting."""
    result: Floats = stdtr(df, x)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class ReturnDistribution:
    """The distribution of one log return: its `quantiles` at LEVELS, shape (199,), increasing."""

    quantiles: Floats

    @property
    def median(self) -> float:
        """The 50 % quantile, a log return."""
        return float(self.quantiles[MEDIAN_AT])

    @property
    def probability_up(self) -> float:
        """P(log return > 0), linear between grid points, within [0.005, 0.995]."""
        return 1.0 - float(np.interp(0.0, self.quantiles, LEVELS))

    def interval(self, level: float) -> tuple[float, float]:
        """Lower and upper end of the central prediction interval at `level`, log returns."""
        lower, upper = interval_indices(level)
        return float(self.quantiles[lower]), float(self.quantiles[upper])
