"""Whether the difference between two forecasts is more than luck."""

from __future__ import annotations

import numpy as np
from scipy.special import kolmogorov, stdtr

from assay.forecast.distribution import Floats


def diebold_mariano(
    losses: Floats, rival_losses: Floats, *, horizon: int = 1
) -> tuple[float, float] | None:
    """Statistic and two-sided p-value of equal expected loss, `horizon` origins ahead.

    Diebold and Mariano 1995 with the small-sample correction and t(n - 1) of Harvey, Leybourne and
    Newbold 1997. Negative where `losses` are the smaller ones. The variance of the mean takes in
    horizon - 1 autocovariances, with Bartlett's weights where they would make it negative. None
    where the losses never differ or n <= horizon. Shapes (n,), same origins, no NaN.
    """
    difference = losses - rival_losses
    n = len(difference)
    if n < max(2, horizon + 1):
        return None
    variance = _long_run_variance(difference, horizon)
    if variance <= 0.0:
        return None
    correction = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = float(difference.mean()) / np.sqrt(variance / n) * correction
    return float(statistic), float(2.0 * stdtr(n - 1, -abs(statistic)))


def _long_run_variance(values: Floats, horizon: int) -> float:
    """Variance of the mean, times n, of values that overlap over `horizon` rows."""
    centred, n = values - values.mean(), len(values)
    variance = float(values.var())
    lags = [2.0 * float(centred[k:] @ centred[:-k]) / n for k in range(1, horizon)]
    if variance + sum(lags) > 0.0:
        return variance + sum(lags)
    return variance + sum(gamma * (1.0 - k / horizon) for k, gamma in enumerate(lags, 1))


def better_p_value(losses: Floats, rival_losses: Floats) -> float:
    """One-sided p-value that `losses` are smaller than the rival's; 1 where they never differ."""
    found = diebold_mariano(losses, rival_losses)
    if found is None:
        return 1.0
    statistic, p = found
    return p / 2.0 if statistic < 0.0 else 1.0 - p / 2.0


def uniform_p(pits: Floats) -> float:
    """p-value that `pits` (n,) are uniform on [0, 1]: Kolmogorov-Smirnov, asymptotic in n."""
    ordered, n = np.sort(pits), len(pits)
    above = np.arange(1, n + 1) / n - ordered
    below = ordered - np.arange(n) / n
    distance = float(max(above.max(), below.max()))
    return float(kolmogorov(np.sqrt(n) * distance))


def pesaran_timmermann(forecasts: Floats, outcomes: Floats) -> float | None:
    """One-sided p-value of directional skill (Pesaran and Timmermann 1992), signs of both, (n,).

    None where the forecasts, or the outcomes, all have one sign: then there is nothing to test.
    """
    up, rose = forecasts > 0.0, outcomes > 0.0
    n, share_up, share_rose = len(up), float(up.mean()), float(rose.mean())
    hit = float((up == rose).mean())
    expected = share_up * share_rose + (1 - share_up) * (1 - share_rose)
    variance_hit = expected * (1 - expected) / n
    variance_expected = (
        (2 * share_rose - 1) ** 2 * share_up * (1 - share_up) / n
        + (2 * share_up - 1) ** 2 * share_rose * (1 - share_rose) / n
        + 4 * share_up * share_rose * (1 - share_up) * (1 - share_rose) / n**2
    )
    variance = variance_hit - variance_expected
    if variance <= 0.0:
        return None
    from_normal = (hit - expected) / np.sqrt(variance)
    return float(stdtr(1e9, -from_normal))
