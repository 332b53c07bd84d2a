"""The regime: where the coming week's forecast, its calendar taken out, stands in the past year."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from assay.volatility.features import Features
from assay.volatility.forecast import log_forecasts
from assay.volatility.hours import WEEK_HOURS, YEAR_HOURS, Positions
from assay.volatility.model import VolatilityModel
from assay.volatility.rolling import Bools, Floats, trailing_rank

CALM, NORMAL, TURBULENT, UNKNOWN = 0, 1, 2, -1
CALM_BELOW, CALM_UNTIL = 0.35, 0.65
TURBULENT_ABOVE, TURBULENT_UNTIL = 0.95, 0.75
LEAST_HOURS: Final = 720
# A week's forecast moves slowly: four a day say what stands where.
COMPARED_EVERY_HOURS: Final = 6
_RANKED_AT_ONCE = 168


def regimes_of(model: VolatilityModel, features: Features) -> NDArray[np.int8]:
    """0 calm, 1 normal, 2 turbulent at each row, -1 with under 30 days of forecasts to compare."""
    week, compared = _weeks(model, features)
    rank = trailing_rank(week, YEAR_HOURS, compared)
    rank[np.cumsum(np.isfinite(week)) < LEAST_HOURS] = np.nan
    return with_hysteresis(rank)


def newest_regime(model: VolatilityModel, features: Features) -> int:
    """`regimes_of` at the last row.

    Looks no further back than to the last percentile that settles the regime whatever it was.
    """
    week, compared = _weeks(model, features)
    known = np.flatnonzero(np.isfinite(week))[LEAST_HOURS - 1 :]
    if not len(known) or known[-1] != len(week) - 1:
        return UNKNOWN
    members = np.flatnonzero(compared & np.isfinite(week))
    rank = np.empty(0)
    for end in range(len(known), 0, -_RANKED_AT_ONCE):
        rows = known[max(end - _RANKED_AT_ONCE, 0) : end]
        rank = np.concatenate([_ranks(week, rows, members), rank])
        settled = np.flatnonzero(
            (rank < CALM_BELOW)
            | (rank > TURBULENT_ABOVE)
            | ((rank > CALM_UNTIL) & (rank < TURBULENT_UNTIL))
        )
        if len(settled):
            rank = rank[settled[-1] :]
            break
    return int(with_hysteresis(rank)[-1])


def _weeks(model: VolatilityModel, features: Features) -> tuple[Floats, Bools]:
    """Log forecasts of the coming week without its calendar (n,), and which rows are compared."""
    calendar = np.log(features.seasons.sums_ahead(WEEK_HOURS))
    compared: Bools = (features.hours.open_hours + 1) % COMPARED_EVERY_HOURS == 0
    return log_forecasts(model, features, WEEK_HOURS) - calendar, compared


def _ranks(values: Floats, rows: Positions, members: Positions) -> Floats:
    """`trailing_rank` over a year at `rows` alone, among rising `members`; all are finite."""
    near = members[(members > rows[0] - YEAR_HOURS) & (members <= rows[-1])]
    inside = (near <= rows[:, None]) & (near > rows[:, None] - YEAR_HOURS)
    own, others = values[rows][:, None], values[near]
    below, upto = ((inside & (others < own)).sum(axis=1), (inside & (others <= own)).sum(axis=1))
    with np.errstate(invalid="ignore"):  # where there is none to compare with it is NaN
        result: Floats = (below + upto) / (2 * inside.sum(axis=1))
    return result


def with_hysteresis(percentile: Floats) -> NDArray[np.int8]:
    """The regime along percentiles (n,), 0 to 1: entered at one bound, left at a nearer one.

    >>> with_hysteresis(np.array([0.5, 0.3, 0.6, 0.7, 0.96, 0.8, 0.7])).tolist()
    [1, 0, 0, 1, 2, 2, 1]
    """
    state = NORMAL
    states = []
    known = np.isfinite(percentile)
    for value in percentile[known].tolist():
        if value < CALM_BELOW:
            state = CALM
        elif value > TURBULENT_ABOVE:
            state = TURBULENT
        elif not (
            (state == CALM and value <= CALM_UNTIL)
            or (state == TURBULENT and value >= TURBULENT_UNTIL)
        ):
            state = NORMAL
        states.append(state)
    result = np.full(len(percentile), UNKNOWN, dtype=np.int8)
    result[known] = states
    return result
