from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.volatility.features import features_of
from assay.volatility.forecast import log_forecasts
from assay.volatility.hours import hours_of

HOURS = (1, 2, 3, 4, 5, 10, 24, 25, 72, 100, 168, 169, 336, 700, 720)


@pytest.fixture(scope="module")
def features(coin, model):
    return features_of(hours_of(coin(1200, seed=2)), model)


def direct(model, features, hours):
    """b0 + b x + lR + ln S without the running maximum."""
    at, known = np.log(hours), np.log(model.nodes)
    b = np.array([np.interp(at, known, model.coefficients[:, k]) for k in range(7)])
    season = np.log(features.seasons.sums_ahead(hours))
    return b[0] + features.x @ b[1:] + features.level + season


def test_a_forecast_is_the_largest_over_all_horizons_up_to_its_own(model, features):
    rows = np.arange(100, 1200, 7)
    highest = np.full(len(rows), -np.inf)
    found = {}
    for hours in range(1, 721):
        highest = np.maximum(highest, direct(model, features, hours)[rows])
        if hours in HOURS:
            found[hours] = highest.copy()
    for hours in HOURS:
        np.testing.assert_allclose(
            log_forecasts(model, features, hours, rows), found[hours], rtol=1e-12
        )


def test_variance_never_falls_with_the_horizon_however_fast_a_spell_fades(model, features):
    fading = replace(model, coefficients=model.coefficients.copy())
    fading.coefficients[0, 1:4] = 2.0  # the hour means all, the next hours nothing
    fading.coefficients[1:, 1:4] = -0.5
    rows = np.arange(100, 1200)
    surfaces = np.array([log_forecasts(fading, features, hours, rows) for hours in HOURS])
    assert (np.diff(surfaces, axis=0) >= 0.0).all()
    fell = direct(fading, features, 4)[rows] < direct(fading, features, 1)[rows]
    assert fell.mean() > 0.1  # else nothing was shown


def test_rows_with_too_little_behind_them_have_no_forecast(model, features):
    found = log_forecasts(model, features, 24)
    assert np.isnan(found[:49]).all()
    assert np.isfinite(found[49:]).all()
