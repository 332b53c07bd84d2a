"""Scores of probabilities of a yes or no: are they true, and do they tell days apart.

`probability` (n,) within [0, 1], `happened` (n,) of bool, same origins, no NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assay.forecast.distribution import Floats

Happened = NDArray[np.bool_]

BINS = 10
_MOST_STEPS = 50
# Slopes beyond stand for separation: no finite one is likeliest.
_STEEPEST = 50.0
_WORST_CONDITION = 1e12
_CLIP = 1e-6


@dataclass(frozen=True, slots=True)
class Murphy:
    """brier = reliability - resolution + uncertainty + within, exactly; Murphy 1973.

    Over ten bins of equal width; `within` is what the bins hide (Stephenson et al. 2008), 0 where
    all forecasts of a bin are the same.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


class Calibration(NamedTuple):
    """log-odds(happened) = intercept + slope log-odds(said); 0 and 1 are right."""

    intercept: float
    slope: float


class ReliabilityBin(NamedTuple):
    """Forecasts of one tenth of the scale: how many, what they said and what happened, in mean."""

    origins: int
    said: float
    happened: float


def brier(probability: Floats, happened: Happened) -> float:
    """Mean of (p - y)^2, 0 to 1, less is better; Brier 1950.

    >>> brier(np.array([0.5, 0.5]), np.array([True, False]))
    0.25
    """
    return float(np.mean((probability - happened) ** 2))


def brier_skill(probability: Floats, happened: Happened) -> float | None:
    """1 - brier / base rate (1 - base rate): against saying the outcomes' own share every day.

    None where it always or never happened.
    """
    share = float(happened.mean()) if len(happened) else 0.0
    uncertainty = share * (1.0 - share)
    return 1.0 - brier(probability, happened) / uncertainty if uncertainty > 0.0 else None


def reliability_table(probability: Floats, happened: Happened) -> list[ReliabilityBin]:
    """The bins of equal width that hold a forecast, lowest first; 1 falls into the last."""
    return [
        ReliabilityBin(int(n), float(said / n), float(yes / n))
        for n, said, yes in zip(*_bins(probability, happened), strict=True)
        if n
    ]


def murphy(probability: Floats, happened: Happened) -> Murphy:
    """The Brier score taken apart; see `Murphy`."""
    table = reliability_table(probability, happened)
    n, share = len(happened), float(happened.mean())
    reliability = sum(b.origins * (b.said - b.happened) ** 2 for b in table) / n
    resolution = sum(b.origins * (b.happened - share) ** 2 for b in table) / n
    uncertainty = share * (1.0 - share)
    rest = brier(probability, happened) - (reliability - resolution + uncertainty)
    return Murphy(reliability, resolution, uncertainty, rest)


def ece(probability: Floats, happened: Happened) -> float | None:
    """Expected calibration error: mean over origins of |said - happened| of their bin, 0 to 1.

    Ten bins of equal width (Naeini et al. 2015). None where there is no origin.

    >>> round(ece(np.array([0.21, 0.29, 0.9]), np.array([True, False, True])), 6)
    0.2
    """
    counts, said, yes = _bins(probability, happened)
    return float(np.abs(said - yes).sum() / counts.sum()) if counts.sum() else None


def auc(probability: Floats, happened: Happened) -> float | None:
    """Chance that a day it happened on was given more than one it did not, ties half.

    The area under the ROC curve by ranks (Mann and Whitney 1947). None where it always or never
    happened.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    yes = int(happened.sum())
    no = len(happened) - yes
    if not yes or not no:
        return None
    _, where, counts = np.unique(probability, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2.0
    return float((mean_rank[where][happened].sum() - yes * (yes + 1) / 2.0) / (yes * no))


def calibration(probability: Floats, happened: Happened) -> Calibration | None:
    """Logistic regression of what happened on the log-odds said (Cox 1958), by Newton's steps.

    None where no finite fit exists: one outcome only, forecasts that never differ, or a perfect
    split. Probabilities are clipped at a millionth.
    """
    clipped = np.clip(probability, _CLIP, 1.0 - _CLIP)
    x, y = np.log(clipped / (1.0 - clipped)), happened.astype(np.float64)
    if not len(x) or y.min() == y.max() or np.ptp(x) < _CLIP:
        return None
    return _logistic(np.column_stack([np.ones(len(x)), x]), y)


def _logistic(design: Floats, y: Floats) -> Calibration | None:
    """Most likely weights; each Newton step is halved until the likelihood does not fall."""
    weights = np.zeros(2)
    likelihood = _log_likelihood(design, y, weights)
    for _ in range(_MOST_STEPS):
        p = 0.5 * (1.0 + np.tanh(0.5 * design @ weights))
        curvature = design.T @ (design * (p * (1.0 - p))[:, None])
        if np.linalg.cond(curvature) > _WORST_CONDITION or abs(weights[1]) > _STEEPEST:
            return None
        step = np.linalg.solve(curvature, design.T @ (y - p))
        while (found := _log_likelihood(design, y, weights + step)) < likelihood - 1e-9:
            step = step / 2.0
        weights, likelihood = weights + step, found
        if np.abs(step).max() < 1e-9:
            return Calibration(float(weights[0]), float(weights[1]))
    return None


def _log_likelihood(design: Floats, y: Floats, weights: Floats) -> float:
    log_odds = design @ weights
    return float((y * log_odds - np.logaddexp(0.0, log_odds)).sum())


def _bins(probability: Floats, happened: Happened) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Counts, sums of what was said, and of what happened, of each bin, shape (10,) each."""
    bin_of = np.minimum((probability * BINS).astype(np.intp), BINS - 1)
    counts = np.bincount(bin_of, minlength=BINS)
    said = np.zeros(BINS)
    yes = np.zeros(BINS)
    np.add.at(said, bin_of, probability)
    np.add.at(yes, bin_of, happened)
    return counts, said, yes
