from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from assay.features.spec import FEATURES
from assay.forecast.log_linear_t import _loss_and_gradient, fit_log_linear_t, recency_weights

K = len(FEATURES)


def planted(n: int, seed: int = 0):
    """Student-t(5) draws whose log scale is -0.2 + 0.5 x_3."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, K))
    z = rng.standard_t(5, n) * np.exp(-0.2 + 0.5 * x[:, 3])
    return x, z


def test_the_gradient_is_the_derivative_of_the_loss():
    x, z = planted(60)
    weights = recency_weights(60)
    theta = np.concatenate([[0.1, 0.05, 1.2], np.random.default_rng(1).normal(0, 0.1, K)])
    error = check_grad(
        lambda t: _loss_and_gradient(t, x, z, weights)[0],
        lambda t: _loss_and_gradient(t, x, z, weights)[1],
        theta,
    )
    assert error < 1e-3


def test_a_planted_scale_is_found():
    model = fit_log_linear_t(*planted(6000))
    assert model.coefficients[3] == pytest.approx(0.5, abs=0.15)
    assert np.abs(np.delete(model.coefficients, 3)).max() < 0.1
    assert model.intercept == pytest.approx(-0.2, abs=0.1)
    assert 3.5 < model.degrees_of_freedom < 8.0


def test_only_the_window_s_last_step_counts():
    model = fit_log_linear_t(*planted(1000))
    window = np.random.default_rng(2).normal(size=(4, 7, K)).astype(np.float32)
    np.testing.assert_array_equal(model.predict(window), model.predict(window[:, -1:, :]))


def test_weights_halve_every_thousand_sessions():
    weights = recency_weights(2001)
    assert weights[-1] == 1.0
    assert weights[1000] == pytest.approx(0.5)
    assert weights[0] == pytest.approx(0.25)
