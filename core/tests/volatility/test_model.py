from __future__ import annotations

import json
from copy import deepcopy

import numpy as np
import pytest

from assay.volatility.model import NAMES, VolatilityModel


def test_a_model_survives_json(model):
    again = VolatilityModel.from_json(json.loads(json.dumps(model.to_json(), allow_nan=False)))
    np.testing.assert_array_equal(again.season, model.season)
    np.testing.assert_array_equal(again.coefficients, model.coefficients)
    np.testing.assert_array_equal(again.tails, model.tails)
    assert again.level == pytest.approx(model.level)
    assert again.to_json() == model.to_json()


def test_between_nodes_coefficients_are_linear_in_the_log_of_the_horizon(model):
    np.testing.assert_array_equal(model.coefficients_at(24), model.coefficients[2])
    np.testing.assert_allclose(model.coefficients_at(2), model.coefficients[:2].mean(axis=0))


def test_residuals_are_those_of_the_horizons_measure(model):
    assert model.residuals_at(1) == (-0.5, 0.9, 0.3)
    assert model.residuals_at(24) == (-0.35, 0.8, 0.35)
    mean, deviation, _ = model.residuals_at(23)
    assert -0.3 < mean < -0.2
    assert 0.6 < deviation < 0.75


CHANGES = {
    "another format": lambda body: body.update(format=2),
    "a season too short": lambda body: body["season"].pop(),
    "a season of another mean": lambda body: body["season"].__setitem__(0, 9.0),
    "a dead hour": lambda body: body["season"].__setitem__(0, 0.0),
    "no b0": lambda body: body["nodes"][0].pop("b0"),
    "an infinite coefficient": lambda body: body["nodes"][0].update(x1=float("inf")),
    "a wild coefficient": lambda body: body["nodes"][0].update(x1=50.0),
    "horizons out of order": lambda body: body["nodes"].reverse(),
    "no node for an hour": lambda body: body["nodes"].pop(0),
    "no node for a month": lambda body: body["nodes"].pop(),
    "no deviation": lambda body: body["residuals"]["garman_klass"][0].update(deviation=0.0),
    "residuals of no measure": lambda body: body["residuals"].pop("squared_returns"),
    "quantiles that fall": lambda body: body["tails"][0]["quantiles"].reverse(),
    "a coin that never moves": lambda body: body["level"].update(annualized_volatility=0.0),
    "words": lambda body: body["level"].update(hours="many"),
    "no level": lambda body: body.pop("level"),
    "a list": lambda body: body.update(level=[1]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_cannot_be_a_model_is_refused(model, name):
    body = deepcopy(model.to_json())
    CHANGES[name](body)
    with pytest.raises((ValueError, KeyError, TypeError)):
        VolatilityModel.from_json(body)


def test_its_names_are_those_of_the_columns(model):
    assert list(model.to_json()["nodes"][0]) == ["hours", "b0", *NAMES]
