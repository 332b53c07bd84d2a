from __future__ import annotations

import numpy as np
import pytest

from assay.volatility.features import features_of
from assay.volatility.hours import hours_of
from assay.volatility.past import Past, midnights_until, realized_until, returns_until
from assay.volatility.risk import running_residuals
from assay.volatility.tails import distributions

N = 1_500


@pytest.fixture(scope="module")
def features(coin, model):
    bars = coin(N, seed=21, start=np.datetime64("2023-03-01T05", "ms"))
    return features_of(hours_of(bars), model)


@pytest.mark.parametrize("horizon", [1, 6, 24, 100])
def test_residuals_set_what_came_beside_what_was_forecast_then(features, model, horizon):
    past = Past(model, features, horizon)
    variance = features.hours.garman_klass if horizon < 24 else features.hours.squared
    e = np.full(N, np.nan)
    for at in range(horizon, N):
        realized = variance[at - horizon + 1 : at + 1].sum()
        e[at] = np.log(realized) - past.log_forecast[at - horizon]
    assert np.isfinite(e).sum() > 1000
    np.testing.assert_allclose(past.residuals, running_residuals(model, horizon, e), rtol=1e-9)


@pytest.mark.parametrize("horizon", [1, 6, 24, 100])
def test_tails_are_of_returns_over_the_forecast_made_before_them(features, model, horizon):
    past = Past(model, features, horizon)
    hours = features.hours
    closes = hours.open_hours + 1
    zeta, day = [], []
    for at in range(horizon, N):
        if closes[at] % 6 == 0:
            moved = hours.log_close[at] - hours.log_close[at - horizon]
            zeta.append(moved / np.exp(0.5 * past.log_forecast[at - horizon]))
            day.append(sum(1 for c in closes[:N] if c % 24 == 0 and c < closes[at]) + 1)
    days = int(np.sum(closes % 24 == 0)) + 1
    kept = np.array(day) < days  # the rest become known after the last midnight
    expected = distributions(model, horizon, np.array(zeta)[kept], np.array(day)[kept], days)
    np.testing.assert_allclose(past.tail_masses(), expected, atol=1e-12)
    np.testing.assert_allclose(past.tail_masses(newest_only=True)[0], expected[-1], atol=1e-12)
    midnight = np.flatnonzero(closes % 24 == 0)[3]
    np.testing.assert_array_equal(midnights_until(hours)[midnight - 1 : midnight + 1], [3, 4])


@pytest.mark.parametrize(("horizon", "apart"), [(1, 1), (5, 1), (24, 24), (100, 24)])
def test_a_threshold_is_the_80th_percentile_of_the_windows_of_the_same_hour(
    features, model, horizon, apart
):
    past = Past(model, features, horizon)
    found, share = past.thresholds()
    for row in (horizon + 30 * 24, N - 1):
        windows = past.realized[row::-apart][: 8760 // apart]
        known = windows[np.isfinite(windows)]
        assert found[row] == pytest.approx(np.log(np.quantile(known, 0.8)))
        assert share[row] == pytest.approx(len(known) / (8760 // apart))
    at_end = past.threshold_at_end()
    assert at_end == pytest.approx((found[-1], share[-1]))


def test_a_window_with_a_tenth_of_its_hours_missing_is_not_realized(coin):
    bars = coin(200)
    kept = np.ones(200, dtype=bool)
    kept[[50, 100, 101, 102]] = False
    hours = hours_of(bars.take(kept))
    day, four = realized_until(hours, 24), realized_until(hours, 4)
    assert np.isfinite(day[60])  # one of 24 hours
    assert np.isnan(day[110])  # three
    assert np.isnan(four[52])
    assert np.isfinite(four[54])
    moved = returns_until(hours, 24)
    assert np.isnan(moved[[50, 74]]).all()
    assert moved[75] == pytest.approx(np.log(bars.close[75] / bars.close[51]))


def test_missing_hours_of_a_short_window_count_as_the_others(coin):
    bars = coin(200)
    kept = np.ones(200, dtype=bool)
    kept[100] = False
    hours = hours_of(bars.take(kept))
    whole = hours_of(bars).garman_klass
    window = np.delete(whole[90:110], 10)
    assert realized_until(hours, 20)[109] == pytest.approx(window.sum() * 20 / 19)
