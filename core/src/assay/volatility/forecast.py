"""The forecast variance over any number of whole hours ahead, for every row at once."""

from __future__ import annotations

import numpy as np

from assay.volatility.features import Features
from assay.volatility.hours import Bools, Positions
from assay.volatility.model import VolatilityModel
from assay.volatility.rolling import Floats


def log_forecasts(
    model: VolatilityModel, features: Features, hours: int, rows: Positions | None = None
) -> Floats:
    """The log of f_H at `rows` (all unless given), shape (n,), NaN where a row is not usable.

    Coefficients are linear in ln H between nodes. f never falls as H grows: where a spell is
    expected to fade faster than time adds variance, f is the largest of the shorter horizons'.
    """
    if rows is None:
        rows = np.arange(len(features.hours))
    result = _direct(model, features, hours, rows)
    unsure = np.flatnonzero(_may_fall(model, features, hours, rows))
    if len(unsure):
        highest = result[unsure]
        for shorter in range(1, hours):
            highest = np.maximum(highest, _direct(model, features, shorter, rows[unsure]))
        result[unsure] = highest
    result[~features.usable[rows]] = np.nan
    return result


def _direct(model: VolatilityModel, features: Features, hours: int, rows: Positions) -> Floats:
    b = model.coefficients_at(hours)
    log_season = np.log(features.seasons.sums_ahead(hours, rows))
    result: Floats = b[0] + features.x[rows] @ b[1:] + features.level[rows] + log_season
    return result


def _may_fall(model: VolatilityModel, features: Features, hours: int, rows: Positions) -> Bools:
    """Where f might fall between two horizons up to `hours`; False is a proof that it does not.

    An hour more adds at least ln(1 + 1/H) times the season's least over its largest value.
    """
    begins = int(np.count_nonzero(model.nodes < hours))
    slopes = np.diff(model.coefficients[: begins + 1], axis=0)
    slopes = slopes / np.diff(np.log(model.nodes[: begins + 1]))[:, None]
    if not len(slopes):
        return np.zeros(len(rows), dtype=np.bool_)
    profiles = features.seasons.profiles
    adds = (profiles.min(axis=1) / profiles.max(axis=1))[features.seasons.version[rows]]
    steepest = (slopes[:, :1].T + features.x[rows] @ slopes[:, 1:].T).min(axis=1)
    found: Bools = steepest < -adds
    return found
