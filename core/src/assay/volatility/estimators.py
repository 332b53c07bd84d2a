"""How much a price moved: estimators of variance from closes, from ranges, and from both.

All take columns of bars, shape (n,), oldest first, and return variances of log returns, shape (n,),
in squared log return for each bar, or for the whole window where they say so. A standard deviation
is the root; annualize by the bars a year, 365 x 24 for hourly bars of a coin. Prices are positive;
where one is NaN, so is every result that needs it. Rolling estimators are NaN until their window is
full. Multiplying all prices by a constant changes nothing.

Estimators of open, high, low and close first widen high and low to hold the other two, which
rounding may put outside.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from assay.features.transforms import Floats, ewma, garman_klass, lag, log_returns, rolling_sum

__all__ = [
    "bipower_variation",
    "close_to_close",
    "ewma_variance",
    "garman_klass",
    "jump_statistic",
    "jump_variation",
    "parkinson",
    "realized_variance",
    "rogers_satchell",
    "yang_zhang",
]

RISKMETRICS_DECAY: Final = 0.94

# E|Z|^(4/3) of a standard normal: 2^(2/3) gamma(7/6) / gamma(1/2).
_FOUR_THIRDS_MOMENT: Final = 0.8308609


def close_to_close(close: Floats, window: int) -> Floats:
    """Sample variance (about the mean, n - 1) of the last `window` log returns, a bar.

    sum (r - mean r)^2 / (window - 1), r = ln(c_t / c_{t-1}). Raises ValueError below 2 returns.

    >>> close_to_close(np.exp([0.0, 0.1, 0.0]), 2).round(6).tolist()
    [nan, nan, 0.02]
    """
    return _sample_variance(log_returns(close), window)


def ewma_variance(close: Floats, decay: float = RISKMETRICS_DECAY) -> Floats:
    """Exponentially weighted mean of squared log returns, a bar; J. P. Morgan's RiskMetrics 1996.

    v_t = decay v_{t-1} + (1 - decay) r_t^2 with weights made to sum to one over the returns there
    are, so no seed is needed. As a forecast it is the next bar's. NaN returns carry no weight; NaN
    before the first.

    >>> ewma_variance(np.exp([0.0, 0.1, 0.1]), 0.5).round(6).tolist()
    [nan, 0.01, 0.003333]
    """
    result: Floats = np.array(ewma(log_returns(close) ** 2, [decay])[:, 0])
    return result


def parkinson(high: Floats, low: Floats) -> Floats:
    """ln^2(h / l) / (4 ln 2), of each bar; Parkinson 1980.

    For a driftless diffusion without gaps; on discrete prices it sees less than there was.

    >>> parkinson(np.array([np.e]), np.array([1.0])).round(6).tolist()
    [0.360674]
    """
    result: Floats = (np.log(high) - np.log(low)) ** 2 / (4.0 * np.log(2.0))
    return result


def rogers_satchell(open_: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """ln(h/c) ln(h/o) + ln(l/c) ln(l/o), of each bar; Rogers and Satchell 1991. True at any drift.

    >>> prices = np.exp([[0.0], [0.3], [-0.1], [0.2]])
    >>> rogers_satchell(*prices).round(6).tolist()
    [0.06]
    """
    opened, closed = np.log(open_), np.log(close)
    top = np.log(np.maximum.reduce([high, open_, close]))
    bottom = np.log(np.minimum.reduce([low, open_, close]))
    result: Floats = (top - closed) * (top - opened) + (bottom - closed) * (bottom - opened)
    return result


def yang_zhang(open_: Floats, high: Floats, low: Floats, close: Floats, window: int) -> Floats:
    """Of the gap, the session and Rogers-Satchell, over the last `window` bars, a bar.

    v_o + k v_c + (1 - k) mean(rs), k = .34 / (1.34 + (window + 1) / (window - 1)), with v_o and v_c
    the sample variances of ln(o_t / c_{t-1}) and ln(c_t / o_t); Yang and Zhang 2000. True at any
    drift, and with gaps. Raises ValueError below 2 bars.

    >>> still, up = np.zeros(3), np.array([0.0, 0.1, 0.1])
    >>> yang_zhang(*np.exp([still, up, still, up]), 2).round(6).tolist()
    [nan, nan, 0.005]
    """
    opened, closed = np.log(open_), np.log(close)
    gap, session = opened - lag(closed, 1), closed - opened
    k = 0.34 / (1.34 + (window + 1) / max(window - 1, 1))
    inside = rolling_sum(rogers_satchell(open_, high, low, close), window) / window
    result: Floats = (
        _sample_variance(gap, window) + k * _sample_variance(session, window) + (1.0 - k) * inside
    )
    return result


def realized_variance(close: Floats, window: int) -> Floats:
    """Sum of the last `window` squared log returns, of the whole window; Andersen et al. 2001.

    >>> realized_variance(np.exp([0.0, 0.1, 0.3]), 2).round(6).tolist()
    [nan, nan, 0.05]
    """
    return rolling_sum(log_returns(close) ** 2, window)


def bipower_variation(close: Floats, window: int) -> Floats:
    """Realized variance without jumps, of the whole window of `window` log returns.

    (pi / 2) window / (window - 1) sum |r_i| |r_{i-1}|; Barndorff-Nielsen and Shephard 2004. One
    large return multiplies small ones only. Raises ValueError below 2 returns.

    >>> bipower_variation(np.exp([0.0, 0.1, 0.3]), 2).round(6).tolist()
    [nan, nan, 0.062832]
    """
    _check_window(window, least=2)
    size = np.abs(log_returns(close))
    scale = np.pi / 2.0 * window / (window - 1)
    result: Floats = scale * rolling_sum(size * lag(size, 1), window - 1)
    return result


def jump_variation(close: Floats, window: int) -> Floats:
    """The part of realized variance that jumps made: max(realized - bipower, 0), of the window.

    >>> jump_variation(np.exp([0.0, 0.1, 0.1]), 2).round(6).tolist()
    [nan, nan, 0.01]
    """
    excess = realized_variance(close, window) - bipower_variation(close, window)
    result: Floats = np.maximum(excess, 0.0)
    return result


def jump_statistic(close: Floats, window: int) -> Floats:
    """How sure it is that the window holds a jump: standard normal where it holds none.

    (1 - bv / rv) / sqrt((pi^2 / 4 + pi - 5) / window max(1, tq / bv^2)), the ratio statistic of
    Huang and Tauchen 2005, tq their tripower quarticity; large means a jump. NaN where bipower
    variation is 0. Raises ValueError below 3 returns.

    >>> moves = np.array([0.01, -0.01] * 12)
    >>> moves[20] = 0.2
    >>> bool(jump_statistic(np.exp(np.append(0.0, moves).cumsum()), 24)[-1] > 3.0)
    True
    """
    _check_window(window, least=3)
    rv, bv = realized_variance(close, window), bipower_variation(close, window)
    power = np.abs(log_returns(close)) ** (4.0 / 3.0)
    triples = rolling_sum(power * lag(power, 1) * lag(power, 2), window - 2)
    tripower = window * _FOUR_THIRDS_MOMENT**-3 * (window / (window - 2)) * triples
    known = bv > 0.0  # False for NaN
    bv_squared = np.where(known, bv, 1.0) ** 2
    spread = (np.pi**2 / 4.0 + np.pi - 5.0) / window * np.maximum(1.0, tripower / bv_squared)
    share = 1.0 - bv / np.where(rv > 0.0, rv, 1.0)
    result: Floats = np.where(known, share / np.sqrt(spread), np.nan)
    return result


def _sample_variance(values: Floats, window: int) -> Floats:
    """Variance about the mean of each window, n - 1; NaN where any value is."""
    _check_window(window, least=2)
    result = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        result[window - 1 :] = windows.var(axis=1, ddof=1)
    return result


def _check_window(window: int, *, least: int) -> None:
    if window < least:
        raise ValueError(f"a window of {window} returns is too short: at least {least} are needed")
