from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest

from assay.bundle.onnx_predictor import OnnxPredictor
from assay.errors import TrainingError
from assay.evaluation.walk_forward import fit_at
from assay.features.windows import windows
from assay_training.networks.families import FAMILIES
from assay_training.networks.recipe import FittedNetwork, NetworkRecipe
from assay_training.steps import export_network as step
from assay_training.steps.export_network import export_network

pytestmark = pytest.mark.filterwarnings(
    # Keras' patch of tf2onnx asks numpy for a name that numpy 2 means to give a new meaning
    "ignore:In the future `np.object` will be defined:FutureWarning"
)


@pytest.fixture(scope="module", params=list(FAMILIES))
def exported(request, simulated_matrix):
    """A fitted network of each family, windows of the market it was fitted on, and its graph."""
    hyperparameters = replace(FAMILIES[request.param], epochs=2, blend=0.75)
    recipe = NetworkRecipe(hyperparameters=hyperparameters, seeds=(1, 2, 3, 4, 5))
    last = len(simulated_matrix) - 1
    fit = fit_at(recipe, simulated_matrix, last)
    scaled = fit.standardizer.transform(simulated_matrix.values)
    sample = windows(scaled, np.arange(last - 300, last + 1), recipe.lookback)
    return fit.predictor, sample, export_network(fit.predictor, sample)


def test_onnx_equals_keras_on_every_window(exported):
    fitted, sample, model = exported
    answer = OnnxPredictor(model).predict(sample)
    assert answer.shape == (len(sample), 2)
    assert np.abs(answer - fitted.predict(sample)).max() < 1e-5
    assert answer[:, 0].std() > 0.01


def test_a_window_alone_gets_the_answer_it_gets_among_others(exported):
    _, sample, model = exported
    predictor = OnnxPredictor(model)
    together = predictor.predict(sample)
    for row in (0, 150, len(sample) - 1):
        alone = predictor.predict(sample[row : row + 1])
        assert np.allclose(alone, together[row], atol=1e-6)


def test_names_and_size_are_those_of_a_bundle(exported):
    _, sample, model = exported
    graph = onnx.load_from_string(model).graph
    assert [value.name for value in (*graph.input, *graph.output)] == ["windows", "parameters"]
    shape = [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim]
    assert shape == [0, *sample.shape[1:]]
    assert len(model) < 300_000


def test_equal_weights_give_equal_bytes(exported):
    fitted, sample, model = exported
    assert export_network(fitted, sample) == model


class Elsewhere(FittedNetwork):
    """A network whose graph is not what it answers."""

    def predict(self, windows):
        return super().predict(windows) + 1e-4


def test_a_graph_that_answers_otherwise_is_refused(exported):
    fitted, sample, _ = exported
    wrong = Elsewhere(fitted.linear, fitted.trainer, fitted.weights)
    with pytest.raises(TrainingError, match=r"ONNX and Keras differ by 0\.0001"):
        export_network(wrong, sample)


def test_a_graph_too_large_for_a_bundle_is_refused(exported, monkeypatch):
    fitted, sample, model = exported
    monkeypatch.setattr(step, "MOST_BYTES", 1000)
    with pytest.raises(TrainingError, match=f"{len(model)} bytes, more than 1000"):
        export_network(fitted, sample)
