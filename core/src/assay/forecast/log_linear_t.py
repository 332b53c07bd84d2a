"""`log_linear_t`: a Student-t whose log scale is linear in the features.

    z_t = return / sigma_t ~ m + exp(a + x_t b) t_nu

fitted by weighted maximum likelihood (half-life 1,000 sessions) with a ridge on b, by L-BFGS.
It is the benchmark that the networks have to beat, and their starting point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from assay.errors import TrainingError
from assay.features.spec import FEATURES
from assay.features.windows import Windows
from assay.forecast.distribution import Floats

HALF_LIFE_SESSIONS = 1000
RIDGE = 200.0
EVENT_RIDGE = 20.0
_RIDGE = np.array([EVENT_RIDGE if feature.kind == "event" else RIDGE for feature in FEATURES])
_LEAST_DF = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class LogLinearT:
    """The fitted model; `coefficients` has shape (k,)."""

    intercept: float
    coefficients: Floats
    degrees_of_freedom: float

    def predict(self, windows: Windows) -> Floats:
        """Shape (n, 2): log scale and degrees of freedom; only each window's last step is used."""
        log_scale = self.intercept + windows[:, -1, :].astype(np.float64) @ self.coefficients
        return np.column_stack([log_scale, np.full(len(windows), self.degrees_of_freedom)])


@dataclass(frozen=True, slots=True)
class LogLinearTRecipe:
    """How `LogLinearT` is fitted, in the form that the walk-forward takes."""

    name: str = "log_linear_t"
    lookback: int = 1
    refit_every: int = 60

    def fit(self, windows: Windows, z: Floats) -> LogLinearT:
        """Fits on standardised `windows` (n, lookback, k) and z (n,), oldest first."""
        return fit_log_linear_t(windows[:, -1, :].astype(np.float64), z)


def recency_weights(n: int) -> Floats:
    """Weights that halve every 1,000 sessions, the newest (last) being 1, shape (n,)."""
    weights: Floats = 0.5 ** ((n - 1 - np.arange(n)) / HALF_LIFE_SESSIONS)
    return weights


def fit_log_linear_t(x: Floats, z: Floats) -> LogLinearT:
    """Fits on standardised features `x` (n, k) and z (n,), oldest first.

    Raises TrainingError where the optimiser ends on numbers that are not finite.
    """
    weights = recency_weights(len(z))
    start = np.concatenate([[0.0, 0.0, np.log(3.0)], np.zeros(x.shape[1])])
    # A line search may step where the likelihood overflows; it then steps back.
    with np.errstate(over="ignore", invalid="ignore"):
        found = minimize(
            _loss_and_gradient,
            start,
            args=(x, z, weights),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 500},
        )
    if not np.isfinite(found.x).all():
        raise TrainingError("log_linear_t: the fit ended on numbers that are not finite")
    return LogLinearT(float(found.x[0]), found.x[3:], _LEAST_DF + float(np.exp(found.x[2])))


def _loss_and_gradient(
    theta: Floats, x: Floats, z: Floats, weights: Floats
) -> tuple[float, Floats]:
    """Penalised negative log likelihood and its gradient in (a, m, ln(nu - 2), b)."""
    intercept, centre, b = theta[0], theta[1], theta[3:]
    df = _LEAST_DF + np.exp(theta[2])
    log_scale = intercept + x @ b
    error = (z - centre) * np.exp(-log_scale)
    ratio = error * error / df
    constant = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(df * np.pi)
    loss = np.sum(weights * (log_scale - constant + (df + 1) / 2 * np.log1p(ratio)))
    pull = (df + 1) * ratio / (1 + ratio)
    by_log_scale = weights * (1.0 - pull)
    by_centre = -weights * (df + 1) / df * error / (1 + ratio) * np.exp(-log_scale)
    by_df = weights * 0.5 * (
        digamma(df / 2) - digamma((df + 1) / 2) + 1 / df + np.log1p(ratio) - pull / df
    )  # fmt: skip
    gradient = np.concatenate(
        [
            [by_log_scale.sum(), by_centre.sum(), by_df.sum() * np.exp(theta[2])],
            x.T @ by_log_scale + 2.0 * _RIDGE * b,
        ]
    )
    return float(loss + np.sum(_RIDGE * b * b)), gradient
