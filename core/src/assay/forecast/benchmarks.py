"""The rivals that need no model: random walk, and random walk with drift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.errors import TooLittleHistory
from assay.features.transforms import Floats, log_returns
from assay.forecast.distribution import LEVELS

SPREAD_SESSIONS = 500


def random_walk_quantiles(close: Floats, rows: NDArray[np.intp]) -> Floats:
    """The random walk's log-return quantiles at origins `rows`, shape (len(rows), 199).

    Centred on zero; the spread is that of the past 500 sessions. Raises TooLittleHistory.
    """
    if len(rows) and int(rows.min()) < SPREAD_SESSIONS:
        raise TooLittleHistory(
            f"the random walk's spread needs {SPREAD_SESSIONS} sessions before the first origin, "
            f"there are {int(rows.min())}",
            needed=SPREAD_SESSIONS,
            available=int(rows.min()),
        )
    returns = log_returns(close)
    past = np.lib.stride_tricks.sliding_window_view(returns, SPREAD_SESSIONS)
    spread = np.quantile(past[rows - SPREAD_SESSIONS + 1], LEVELS, axis=1).T
    result: Floats = spread - np.median(spread, axis=1, keepdims=True)
    return result


def random_walk_drift_quantiles(close: Floats, rows: NDArray[np.intp]) -> Floats:
    """As `random_walk_quantiles`, centred on the mean log return of all sessions up to each row."""
    returns = log_returns(close)
    means = np.cumsum(np.nan_to_num(returns)) / np.maximum(np.arange(len(close)), 1)
    return random_walk_quantiles(close, rows) + means[rows][:, None]
