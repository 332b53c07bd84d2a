"""Where the distribution is centred: the drift, as far as it can be told from zero."""

from __future__ import annotations

from assay.forecast.distribution import Floats


def shrunk_drift(returns: Floats) -> float:
    """The mean log return, shrunk towards zero by max(0, 1 - 1/t²), t its t-statistic.

    The positive-part James-Stein factor (James and Stein 1961): zero where the mean is within one
    standard error of zero. `returns` has shape (n,), n >= 2, no NaN.
    """
    mean = float(returns.mean())
    error_squared = float(returns.var(ddof=1)) / len(returns)
    if mean * mean <= error_squared:
        return 0.0
    return mean * (1.0 - error_squared / (mean * mean))
