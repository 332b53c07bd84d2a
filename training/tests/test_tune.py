from __future__ import annotations

import numpy as np
import pytest

from assay.errors import TooLittleHistory
from assay.evaluation import scores
from assay.evaluation.walk_forward import walk_forward
from assay.forecast.log_linear_t import LogLinearTRecipe
from assay_training.networks.mlp import MLPHyperparameters
from assay_training.networks.recipe import NetworkRecipe
from assay_training.steps.fit_network import walk_network
from assay_training.steps.tune import Trial, best, tune, tuning_rows

DEFAULT = MLPHyperparameters(epochs=5)
RECIPE = NetworkRecipe(hyperparameters=DEFAULT, seeds=(1, 2), refit_every=200)


@pytest.fixture(scope="module")
def rows(simulated_matrix):
    return tuning_rows(simulated_matrix, 1400, origins=200, lookback=20)


@pytest.fixture(scope="module")
def trials(simulated_matrix, rows):
    return tune(DEFAULT, simulated_matrix, rows, max_evals=3, recipe=RECIPE, seed=0)


def test_every_configuration_is_listed_once_the_default_first(trials, rows):
    assert trials[0].hyperparameters == DEFAULT
    assert len({trial.hyperparameters for trial in trials}) == len(trials) >= 2
    for trial in trials:
        assert trial.family == "MLP"
        assert trial.losses.shape == rows.shape
        assert trial.crps == pytest.approx(trial.losses.mean())


def test_only_choices_of_the_family_are_tried(trials):
    for trial in trials[1:]:
        for name, values in DEFAULT.choices.items():
            assert getattr(trial.hyperparameters, name) in values


def test_the_same_seed_tries_the_same(simulated_matrix, rows, trials):
    reports = []
    again = tune(
        DEFAULT,
        simulated_matrix,
        rows,
        max_evals=3,
        recipe=RECIPE,
        seed=0,
        on_trial=lambda done, of: reports.append((done, of)),
    )
    assert [(one.hyperparameters, one.crps) for one in again] == [
        (one.hyperparameters, one.crps) for one in trials
    ]
    assert reports == [(1, 3), (2, 3), (3, 3)]


def test_one_evaluation_is_the_default_alone(simulated_matrix, rows, trials):
    (only,) = tune(DEFAULT, simulated_matrix, rows, max_evals=1, recipe=RECIPE, seed=0)
    assert only.hyperparameters == DEFAULT
    assert only.crps == trials[0].crps


def test_a_trial_is_a_walk_forward_by_crps(simulated_matrix, rows, trials):
    walk = walk_forward(RECIPE, simulated_matrix, rows)
    expected = scores.crps(walk.quantiles(), walk.outcomes)
    assert np.array_equal(trials[0].losses, expected)


def test_the_best_is_the_earliest_of_the_smallest():
    trials = [Trial("MLP", DEFAULT, crps, np.zeros(1)) for crps in (0.3, 0.1, 0.1)]
    assert best(trials) is trials[1]


def test_no_target_of_tuning_reaches_the_evaluation(simulated_matrix):
    rows = tuning_rows(simulated_matrix, 1400, origins=200, lookback=20)
    assert len(rows) == 200
    assert rows[-1] + 1 < 1400


def test_a_short_history_gives_fewer_tuning_origins_and_in_the_end_none(simulated_matrix):
    usable = int(np.flatnonzero(simulated_matrix.usable)[0])
    rows = tuning_rows(simulated_matrix, usable + 1000, origins=500, lookback=20)
    assert 100 <= len(rows) < 500
    assert rows[0] - usable >= 750
    with pytest.raises(TooLittleHistory, match="tuning needs 870 sessions"):
        tuning_rows(simulated_matrix, usable + 800, origins=500, lookback=20)


def test_members_of_a_walk_average_to_it(simulated_matrix, rows):
    found = walk_network(RECIPE, simulated_matrix, rows)
    stacked = np.stack([member.parameters for member in found.members])
    assert stacked.shape == (2, len(rows), 2)
    assert np.allclose(stacked.mean(axis=0), found.walk.parameters)
    linear = walk_forward(LogLinearTRecipe(refit_every=200), simulated_matrix, rows)
    assert np.array_equal(found.walk.location, linear.location)
