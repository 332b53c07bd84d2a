"""A network as a recipe: its members averaged, and blended with log_linear_t."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from assay.features.windows import Windows
from assay.forecast.distribution import Floats
from assay.forecast.log_linear_t import LogLinearT, fit_log_linear_t
from assay.forecast.scale import DEGREES_OF_FREEDOM, LOG_SCALE
from assay_training.networks import hushed
from assay_training.networks.base import Hyperparameters, build_network
from assay_training.networks.trainer import LEAST_DF, Trainer, Weights, trainer_for


@dataclass(frozen=True, slots=True, eq=False)
class FittedNetwork:
    """Members and the log_linear_t beside them, blended in log scale and degrees of freedom."""

    linear: LogLinearT
    trainer: Trainer = field(repr=False)
    weights: Weights = field(repr=False)

    @property
    def hyperparameters(self) -> Hyperparameters:
        """What the members were fitted with."""
        return self.trainer.hyperparameters

    def predict(self, windows: Windows) -> Floats:
        """Log scale and degrees of freedom, shape (n, 2): the mean of the members."""
        result: Floats = self.members(windows).mean(axis=0)
        return result

    def members(self, windows: Windows) -> Floats:
        """What each member, blended with log_linear_t, predicts by itself: (members, n, 2)."""
        answer = self.trainer.members(self.weights, windows)
        answer[..., DEGREES_OF_FREEDOM] = LEAST_DF + np.exp(answer[..., DEGREES_OF_FREEDOM])
        share = self.hyperparameters.blend
        return share * answer + (1.0 - share) * self.linear.predict(windows)

    def write_onnx(self, path: Path) -> None:
        """Writes the whole of `predict` to `path` as an ONNX graph of one input and one output."""
        trainer = self.trainer
        network = build_network(self.hyperparameters, trainer.members_count, trainer.features)
        network.set_weights(self.weights)
        windows = keras.Input(network.input_shape[1:], dtype="float32", name="windows")
        blend = _Blend(self.linear, self.hyperparameters.blend)
        whole = keras.Model(windows, blend([windows, network(windows)]))
        signature = [keras.InputSpec(shape=whole.input_shape, dtype="float32", name="windows")]
        with hushed():
            whole.export(path, format="onnx", verbose=False, input_signature=signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRecipe:
    """How a network is fitted, in the form that the walk-forward takes.

    `seeds` give one member each; `refit_every` is in origins.
    """

    hyperparameters: Hyperparameters
    seeds: tuple[int, ...]
    refit_every: int = 250

    @property
    def name(self) -> str:
        """The family: MLP, CNN or LSTM."""
        return self.hyperparameters.family

    @property
    def lookback(self) -> int:
        """Sessions in a window."""
        return self.hyperparameters.lookback

    def fit(self, windows: Windows, z: Floats) -> FittedNetwork:
        """Fits log_linear_t on the last step of `windows` (n, lookback, k), and the members.

        Raises TrainingError where either ends on numbers that are not finite.
        """
        linear = fit_log_linear_t(windows[:, -1, :].astype(np.float64), z)
        trainer = trainer_for(self.hyperparameters, len(self.seeds), windows.shape[2])
        weights = trainer.fit(
            windows, z, degrees_of_freedom=linear.degrees_of_freedom, seeds=self.seeds
        )
        return FittedNetwork(linear, trainer, weights)


class _Blend(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """`FittedNetwork.predict` after the network, in the graph."""

    def __init__(self, linear: LogLinearT, share: float) -> None:
        super().__init__()
        self._linear, self._share = linear, share

    def call(self, inputs: Any) -> Any:  # noqa: ANN401 - tensors
        windows, answer = inputs
        coefficients = self._linear.coefficients.astype(np.float32)[:, None]
        log_scale = ops.matmul(windows[:, -1], coefficients) + self._linear.intercept
        own, tail = answer[..., :1], answer[..., 1:]
        tails = self._mix(LEAST_DF + ops.exp(tail), self._linear.degrees_of_freedom)
        parts = [self._mix(own, log_scale), tails]
        assert (LOG_SCALE, DEGREES_OF_FREEDOM) == (0, 1)  # noqa: S101 - the order of `parts`
        return ops.concatenate(parts, axis=-1)

    def _mix(self, network: Any, linear: Any) -> Any:  # noqa: ANN401 - tensors
        return self._share * ops.mean(network, axis=0) + (1.0 - self._share) * linear
