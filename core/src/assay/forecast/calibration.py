"""Distributional conformal calibration: levels corrected by how past forecasts came out.

Level p is asked of the model's distribution at (1 - weight) p + weight q(p), q the p-quantile of
the last `window` out-of-sample probability integral transforms (half-weight filtered historical
simulation; Chernozhukov, Wuethrich and Zhu 2021 give the conformal reading). The correction is
anchored so that the median stays the model's: a year of outcomes says a lot about the spread, and
next to nothing about the median (docs/adr/0005-calibration.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.forecast.distribution import LEVELS, MEDIAN_AT, Floats

WINDOW = 250
WEIGHT = 0.5
LEAST = 100
_OUTERMOST = 1e-4
_TENT = 2.0 * np.minimum(LEVELS, 1.0 - LEVELS)


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationState:
    """The newest out-of-sample PITs, oldest first, at most `WINDOW`, each in [0, 1]."""

    pits: Floats

    def advanced(self, pit: float) -> CalibrationState:
        """The state once one more outcome is known."""
        return CalibrationState(np.append(self.pits, pit)[-WINDOW:])

    def levels(self) -> Floats:
        """The levels at which to ask the model for LEVELS, shape (199,), never decreasing.

        With fewer than `LEAST` outcomes the model is taken at its word.
        """
        return corrected_levels(self.pits)


def corrected_levels(pits: Floats, *, weight: float = WEIGHT, anchored: bool = True) -> Floats:
    """LEVELS corrected by `pits` (n,) with `weight`, shape (199,); LEVELS where n < `LEAST`.

    The k-th smallest PIT stands for k / (n + 1), as in conformal prediction: exact for exchangeable
    outcomes, where k / n would be too narrow.
    """
    if len(pits) < LEAST:
        return LEVELS
    ordered = np.sort(pits)
    positions = np.arange(1, len(ordered) + 1) / (len(ordered) + 1)
    observed = np.interp(LEVELS, positions, ordered)
    if anchored:
        observed = observed - (observed[MEDIAN_AT] - 0.5) * _TENT
    mixed = (1.0 - weight) * LEVELS + weight * np.maximum.accumulate(observed)
    return np.clip(mixed, _OUTERMOST, 1.0 - _OUTERMOST)
