"""What a model of the spread is: windows of features in, log scale and tail out."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from assay.features.windows import Windows
from assay.forecast.distribution import Floats, student_t_cdf, student_t_quantiles

LOG_SCALE, DEGREES_OF_FREEDOM = 0, 1


class ScalePredictor(Protocol):
    """Predicts, for z = log return / sigma, a Student-t's log scale and degrees of freedom."""

    def predict(self, windows: Windows) -> Floats:
        """Shape (n, 2) for `windows` of shape (n, lookback, k): log scale, degrees of freedom."""
        ...


def quantiles(parameters: Floats, sigma: Floats, location: Floats, levels: Floats) -> Floats:
    """Log-return quantiles, shape (n, m): location + sigma exp(log scale) t_df at `levels`.

    `parameters` (n, 2), `sigma` and `location` (n,), `levels` (m,) or (n, m).
    """
    scale = sigma * np.exp(parameters[:, LOG_SCALE])
    unit = student_t_quantiles(levels, parameters[:, DEGREES_OF_FREEDOM][:, None])
    result: Floats = location[:, None] + scale[:, None] * unit
    return result


def pits(parameters: Floats, sigma: Floats, location: Floats, outcomes: Floats) -> Floats:
    """Probability integral transforms of `outcomes` (n,), log returns; NaN stays NaN."""
    scale = sigma * np.exp(parameters[:, LOG_SCALE])
    return student_t_cdf((outcomes - location) / scale, parameters[:, DEGREES_OF_FREEDOM])
