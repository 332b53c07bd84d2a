"""The forecast variance over any number of whole hours ahead, for every row at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from assay.volatility.features import Features
from assay.volatility.hours import Positions
from assay.volatility.model import VolatilityModel
from assay.volatility.rolling import Bools, Floats

# So that a table of rows by hours stays within some megabytes.
_ROWS_AT_ONCE = 2_000


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
    nodes = [int(node) for node in model.nodes if node < hours]
    falls = _may_fall(model, features, len(nodes), rows)
    for at, (first, end) in enumerate(pairwise([*nodes, hours])):
        unsure = np.flatnonzero(falls[at])
        for start in range(0, len(unsure), _ROWS_AT_ONCE):
            part = unsure[start : start + _ROWS_AT_ONCE]
            shorter = _highest(model, features, np.arange(first, end), rows[part])
            result[part] = np.maximum(result[part], shorter)
    result[~features.usable[rows]] = np.nan
    return result


def _direct(model: VolatilityModel, features: Features, hours: int, rows: Positions) -> Floats:
    b = model.coefficients_at(hours)
    log_season = np.log(features.seasons.sums_ahead(hours, rows))
    return _log_linear(b, features.x[rows], features.level[rows], log_season)


def _highest(
    model: VolatilityModel, features: Features, hours: Positions, rows: Positions
) -> Floats:
    """The largest ln f over any of `hours`, at `rows`."""
    b = model.coefficients_at_each(hours)
    log_season = np.log(features.seasons.sums_ahead_each(hours, rows))
    x, level = features.x[rows][:, :, None], features.level[rows][:, None]
    over = _log_linear(b.T, x, level, log_season)
    result: Floats = over.max(axis=1)
    return result


def _log_linear(b: Floats, x: Floats, level: Floats, log_season: Floats) -> Floats:
    """b0 + b x + level + ln S; added in one order, so that equal inputs give equal bits."""
    result: Floats = b[0] + level + log_season
    for column in range(x.shape[1]):
        result = result + b[1 + column] * x[:, column]
    return result


def _may_fall(model: VolatilityModel, features: Features, nodes: int, rows: Positions) -> Bools:
    """Where f might fall from hour to hour after each of the first `nodes` nodes, (nodes, n).

    False is a proof that it does not: from H on, an hour more adds at least ln(1 + 1/H) times the
    least of the season over its mean of the H hours.
    """
    known = model.nodes[: nodes + 1]
    steps = np.diff(np.log(known))[:, None]
    slopes = np.diff(model.coefficients[: nodes + 1], axis=0) / steps
    by_hour = slopes[:, :1] + slopes[:, 1:] @ features.x[rows].T
    least = features.seasons.least_growth(known[: len(slopes)])
    found: Bools = by_hour < -least[:, features.seasons.version[rows]]
    return found
