"""The networks, on data whose scale is known."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from assay.errors import TrainingError
from assay.features.spec import FEATURES
from assay.forecast.log_linear_t import fit_log_linear_t
from assay_training.networks.base import build_network
from assay_training.networks.families import FAMILIES, hyperparameters_from_json
from assay_training.networks.layers import MemberConv, MemberDense, MemberLSTM
from assay_training.networks.recipe import NetworkRecipe
from assay_training.networks.trainer import trainer_for

LOOKBACK, K, DF = 4, len(FEATURES), 5.0
SEEDS = (1, 2, 3)
RNG = np.random.default_rng(0)

families = pytest.mark.parametrize("family", list(FAMILIES))


def planted(n: int, seed: int):
    """Windows, z, and the log scale that z has: it hangs on the step before the last."""
    rng = np.random.default_rng(seed)
    windows = rng.normal(size=(n, LOOKBACK, K)).astype(np.float32)
    log_scale = 0.6 * windows[:, -2, 0].astype(float)
    return windows, np.exp(log_scale) * rng.standard_t(DF, n), log_scale


def recipe(family: str, **choices) -> NetworkRecipe:
    small = {"lookback": LOOKBACK, "width": 8, "epochs": 3, **choices}
    return NetworkRecipe(hyperparameters=replace(FAMILIES[family], **small), seeds=SEEDS)


def mean_loss(parameters, z):
    """Student-t negative log likelihood without its constant, at the true degrees of freedom."""
    error = z * np.exp(-parameters[:, 0])
    return float(np.mean(parameters[:, 0] + (DF + 1) / 2 * np.log1p(error**2 / DF)))


@families
def test_a_scale_that_hangs_on_an_earlier_step_is_learned(family):
    windows, z, log_scale = planted(5000, seed=1)
    learner = recipe(family, epochs=20, batch=64, weight_decay=1.0, blend=1.0, dropout=0.0)
    past, ahead = slice(0, 4000), slice(4000, None)
    found = learner.fit(windows[past], z[past]).predict(windows[ahead])
    last_step = fit_log_linear_t(windows[past, -1].astype(float), z[past])
    blind = mean_loss(last_step.predict(windows[ahead]), z[ahead])
    best = mean_loss(np.column_stack([log_scale[ahead], np.full(1000, DF)]), z[ahead])
    assert blind - mean_loss(found, z[ahead]) > 0.5 * (blind - best)
    assert np.corrcoef(found[:, 0], log_scale[ahead])[0, 1] > 0.7


@families
def test_the_same_seeds_give_the_same_network_whatever_was_fitted_before(family):
    windows, z, _ = planted(800, seed=2)
    learner = recipe(family)
    first = learner.fit(windows, z).members(windows)
    learner.fit(windows[:500], 3.0 * z[:500])
    again = learner.fit(windows, z).members(windows)
    other = replace(learner, seeds=(7, 8, 9)).fit(windows, z).members(windows)
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_fit_keeps_its_answers_when_its_trainer_goes_on_to_the_next_fold():
    windows, z, _ = planted(800, seed=3)
    fitted = recipe("MLP").fit(windows[:600], z[:600])
    before = fitted.predict(windows)
    recipe("MLP").fit(windows, z)
    assert np.array_equal(fitted.predict(windows), before)


@families
def test_members_differ_and_the_prediction_is_their_mean(family):
    windows, z, _ = planted(800, seed=4)
    fitted = recipe(family).fit(windows, z)
    members = fitted.members(windows)
    assert members.shape == (len(SEEDS), 800, 2)
    assert np.array_equal(fitted.predict(windows), members.mean(axis=0))
    assert (members[..., 0].std(axis=0) > 0).all()
    assert (members[..., 1] > 2.0).all()


def test_without_a_share_in_the_blend_the_network_leaves_log_linear_t_as_it_is():
    windows, z, _ = planted(800, seed=5)
    fitted = recipe("MLP", blend=0.0).fit(windows, z)
    expected = fit_log_linear_t(windows[:, -1].astype(float), z).predict(windows)
    assert np.allclose(fitted.predict(windows), expected)


def test_more_decay_leaves_less_of_the_windows_in_the_log_scale():
    windows, z, _ = planted(800, seed=6)
    spread = [
        recipe("MLP", weight_decay=decay, blend=1.0).fit(windows, z).predict(windows)[:, 0].std()
        for decay in (0.0, 3.0, 30.0)
    ]
    assert spread[0] > spread[1] > spread[2]


def test_recent_rows_weigh_more():
    """Two regimes of 2,000 rows: the newer one, twice as wide, has most of the say."""
    windows, z, _ = planted(4000, seed=7)
    z = np.concatenate([z[:2000], 2.0 * z[2000:]])
    fitted = recipe("MLP", blend=1.0, epochs=10).fit(0.0 * windows, z)
    mean = fitted.predict(0.0 * windows[:1])[0, 0]
    reverse = recipe("MLP", blend=1.0, epochs=10).fit(0.0 * windows, z[::-1])
    assert mean > reverse.predict(0.0 * windows[:1])[0, 0] + 0.2


def test_numbers_that_are_not_finite_end_the_fit():
    windows, z, _ = planted(300, seed=8)
    z[7] = np.nan
    trainer = trainer_for(recipe("MLP").hyperparameters, 3, K)
    with pytest.raises(TrainingError, match="not finite"):
        trainer.fit(windows, z, degrees_of_freedom=5.0, seeds=SEEDS)


def test_one_architecture_is_traced_once():
    hyperparameters = recipe("MLP").hyperparameters
    assert trainer_for(hyperparameters, 3, K) is trainer_for(replace(hyperparameters), 3, K)


@families
def test_hyperparameters_survive_their_json(family):
    default = FAMILIES[family]
    assert hyperparameters_from_json(default.to_json()) == default


@pytest.mark.parametrize("data", [{}, {"family": "GRU"}, {"family": "MLP", "depth": 3}])
def test_foreign_hyperparameters_are_refused(data):
    with pytest.raises(ValueError, match=r"family|depth"):
        hyperparameters_from_json(data)


@families
def test_tuning_may_choose_the_default(family):
    default = FAMILIES[family]
    assert all(getattr(default, name) in values for name, values in default.choices.items())


@families
def test_the_log_scale_is_bounded(family):
    network = build_network(recipe(family).hyperparameters, 2, K)
    network.set_weights([100.0 + weight for weight in network.get_weights()])
    answer = np.asarray(network(np.ones((5, LOOKBACK, K), np.float32)))
    assert np.abs(answer[..., 0]).max() <= 3.0


@pytest.mark.parametrize(
    ("stacked", "single"),
    [
        (MemberDense(2, 6), keras.layers.Dense(6)),
        (MemberConv(2, 6, kernel_size=3), keras.layers.Conv1D(6, 3, padding="causal")),
        (MemberLSTM(2, 6), keras.layers.LSTM(6)),
    ],
    ids=["dense", "convolution", "lstm"],
)
def test_each_member_is_the_keras_layer_with_its_weights(stacked, single):
    x = RNG.normal(size=(7, 5, 3)).astype(np.float32)
    stacked(x[None])
    single(x)
    weights = [RNG.normal(size=weight.shape) for weight in stacked.get_weights()]
    stacked.set_weights(weights)
    answers = np.asarray(stacked(x[None]))
    for member in range(2):
        own = [weight[member] for weight in weights]
        single.set_weights(
            [a.reshape(b.shape) for a, b in zip(own, single.get_weights(), strict=True)]
        )
        assert np.allclose(answers[member], np.asarray(single(x)), atol=1e-5)


def test_members_start_from_their_own_seed_alone():
    layer = MemberDense(2, 6)
    layer.build((None, 5, 3))
    layer.redraw([np.random.default_rng(1), np.random.default_rng(2)])
    pair = layer.get_weights()[0]
    layer.redraw([np.random.default_rng(2), np.random.default_rng(1)])
    assert np.array_equal(pair[0], layer.get_weights()[0][1])
    assert not np.array_equal(pair[0], pair[1])
