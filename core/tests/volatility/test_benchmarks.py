from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from assay.volatility import benchmarks
from assay.volatility.benchmarks import (
    LEAST_DAYS,
    ewma94,
    filtered_tail,
    har_ols,
    log_har,
    normal_tail,
    student_t_tail,
    yesterday,
)


def clustered(n=250, seed=0):
    """Realized variances whose logarithm reverts to its mean, and returns of that variance."""
    rng = np.random.default_rng(seed)
    log_v = np.zeros(n)
    for t in range(1, n):
        log_v[t] = 0.9 * log_v[t - 1] + 0.4 * rng.standard_normal()
    realized = 0.0009 * np.exp(log_v) * rng.chisquare(24, n) / 24.0
    return realized, np.sqrt(realized) * rng.standard_normal(n)


def naive_har(realized, *, logs):
    """Refitted by an independent solver at each day, one after the other."""
    values = np.log(realized) if logs else realized
    n = len(values)
    found = np.full(n, np.nan)
    for t in range(LEAST_DAYS - 1, n):
        rows, targets = [], []
        for s in range(29, t):
            past = values[: s + 1]
            rows.append([1.0, past[-1], past[-7:].mean(), past[-30:].mean()])
            targets.append(values[s + 1])
        fit = np.linalg.lstsq(np.array(rows), np.array(targets), rcond=None)[0]
        past = values[: t + 1]
        said = float(np.dot(fit, [1.0, past[-1], past[-7:].mean(), past[-30:].mean()]))
        if logs:
            errors = np.array(targets) - np.array(rows) @ fit
            found[t] = np.exp(said) * np.exp(errors).mean()
        else:
            found[t] = max(said, min(targets))
    return found


@pytest.mark.parametrize(("model", "logs"), [(har_ols, False), (log_har, True)])
def test_har_equals_a_refit_at_each_day_by_an_independent_solver(model, logs):
    realized, _ = clustered()
    np.testing.assert_allclose(model(realized), naive_har(realized, logs=logs), rtol=1e-7)
    assert np.isnan(model(realized)).sum() == LEAST_DAYS - 1 == 89


def test_har_ols_never_falls_below_what_it_was_fitted_on():
    """A month of storms, then calm: the line extrapolates below zero."""
    realized, _ = clustered(120, seed=2)
    realized[:60] *= 40.0
    realized[60:] = 0.0005 + 1e-6 * np.arange(60)
    assert har_ols(realized)[LEAST_DAYS:].min() >= realized[30:].min() * (1 - 1e-9)


def test_by_hand():
    """(.04 + .94 x .01) / 1.94; and tomorrow as today."""
    np.testing.assert_allclose(ewma94(np.array([0.1, -0.2])), [0.01, 0.0494 / 1.94])
    assert yesterday(np.array([1.0, 3.0])).tolist() == [1.0, 3.0]


@pytest.mark.parametrize("model", [har_ols, log_har, yesterday, ewma94])
def test_later_days_change_no_forecast(model):
    values, _ = clustered(160)
    changed = values.copy()
    changed[130:] *= 7.0
    np.testing.assert_allclose(model(changed)[:130], model(values)[:130], rtol=1e-9)
    assert model(changed)[130] != pytest.approx(model(values)[130])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.floats(1e-4, 1e4))
def test_forecasts_are_positive_and_follow_the_unit(seed, unit):
    realized, returns = clustered(120, seed=seed)
    for model in (har_ols, log_har, yesterday):
        found = model(realized)
        assert (found[np.isfinite(found)] > 0.0).all()
        np.testing.assert_allclose(model(realized * unit), found * unit, rtol=1e-6)
    np.testing.assert_allclose(ewma94(returns * unit), ewma94(returns) * unit**2, rtol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 29, 30, 31, LEAST_DAYS - 1, LEAST_DAYS])
def test_few_days_give_nan_and_no_error(n):
    realized, _ = clustered(n) if n > 1 else (np.full(n, 0.1), None)
    for model in (har_ols, log_har):
        found = model(realized)
        assert len(found) == n
        assert np.isfinite(found).sum() == max(0, n - LEAST_DAYS + 1)


def test_a_variance_that_never_moves_is_forecast_as_it_is():
    still = np.full(130, 0.002)
    for model in (har_ols, log_har):
        np.testing.assert_allclose(model(still)[LEAST_DAYS:], 0.002, rtol=1e-6)


@pytest.mark.parametrize("level", [0.01, 0.05])
def test_tails_equal_integrals_of_the_density(level):
    variance = np.array([0.0009])
    for tail, law in (
        (normal_tail(variance, level), stats.norm(scale=0.03)),
        (
            student_t_tail(variance, np.array([4.5]), level),
            stats.t(4.5, scale=0.03 * np.sqrt(2.5 / 4.5)),
        ),
    ):
        assert tail.quantile[0] == pytest.approx(law.ppf(level))
        area = integrate.quad(lambda x, law=law: x * law.pdf(x), -np.inf, law.ppf(level))[0]
        assert tail.mean[0] == pytest.approx(area / level, rel=1e-6)


def test_a_filtered_tail_equals_a_naive_loop():
    realized, returns = clustered(640)
    variance = log_har(realized)
    found = filtered_tail(returns, variance, 0.05)
    for t in (LEAST_DAYS + 98, LEAST_DAYS + 99, 300, 639):
        past = [
            returns[s + 1] / np.sqrt(variance[s])
            for s in range(max(0, t - 500), t)
            if np.isfinite(variance[s])
        ]
        if len(past) < 100:
            assert np.isnan(found.quantile[t])
            continue
        cut = np.quantile(past, 0.05)
        assert found.quantile[t] == pytest.approx(cut * np.sqrt(variance[t]))
        below = [z for z in past if z <= cut]
        assert found.mean[t] == pytest.approx(sum(below) / len(below) * np.sqrt(variance[t]))


def test_a_filtered_tail_sees_nothing_of_the_next_day():
    realized, returns = clustered(300)
    changed = returns.copy()
    changed[251:] *= 9.0
    for before, after in zip(
        filtered_tail(returns, realized, 0.05), filtered_tail(changed, realized, 0.05), strict=True
    ):
        np.testing.assert_array_equal(before[:251], after[:251])


def test_the_examples_are_true():
    found = doctest.testmod(benchmarks)
    assert found.failed == 0
    assert found.attempted >= 3
