from __future__ import annotations

import numpy as np
import pytest

from assay.volatility.features import features_of
from assay.volatility.hours import hours_of
from assay.volatility.regime import LEAST_HOURS, newest_regime, regimes_of, with_hysteresis


@pytest.mark.parametrize(
    ("percentiles", "expected"),
    [
        ([0.5, 0.36, 0.34, 0.64, 0.66, 0.5], [1, 1, 0, 0, 1, 1]),
        ([0.94, 0.96, 0.76, 0.74, 0.96], [1, 2, 2, 1, 2]),
        ([0.96, 0.34, 0.96], [2, 0, 2]),
        ([0.1, 0.7, 0.1], [0, 1, 0]),
        ([np.nan, 0.1, np.nan, 0.5], [-1, 0, -1, 0]),
    ],
)
def test_a_regime_is_left_at_a_nearer_bound_than_it_is_entered(percentiles, expected):
    assert with_hysteresis(np.array(percentiles)).tolist() == expected


def test_a_regime_needs_a_month_of_forecasts(coin, model):
    found = regimes_of(model, features_of(hours_of(coin(49 + LEAST_HOURS + 10)), model))
    assert (found[: 49 + LEAST_HOURS - 1] == -1).all()
    assert (found[49 + LEAST_HOURS - 1 :] >= 0).all()


def test_a_weekend_is_calm_no_more_often_than_a_weekday(coin, model):
    hours = hours_of(coin(9000, seed=11))
    found = regimes_of(model, features_of(hours, model))
    seen = found >= 0
    weekend = (hours.phase >= 120) & seen
    calm_weekend, calm_weekday = (found[weekend] == 0).mean(), (found[~weekend & seen] == 0).mean()
    assert 0.2 < calm_weekday < 0.7
    assert calm_weekend == pytest.approx(calm_weekday, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_the_newest_alone_is_what_it_is_along_the_past(coin, model, seed):
    """However far back the row lies that settled it."""
    whole = coin(9_600, seed=seed)
    lengths = (60, 768, 769, 900, 2_000, 4_321, 7_000, 9_013, 9_600)
    each = [features_of(hours_of(whole.take(slice(n))), model) for n in lengths]
    found = [newest_regime(model, features) for features in each]
    assert found == [int(regimes_of(model, features)[-1]) for features in each]
    assert found[:2] == [-1, -1]
    assert len(set(found)) > 2
