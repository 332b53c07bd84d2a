"""Training: one compiled loop for all members of one architecture, used again for every fold."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from assay.errors import TrainingError
from assay.features.windows import Windows
from assay.forecast.distribution import Floats
from assay.forecast.log_linear_t import recency_weights
from assay_training.networks.base import Hyperparameters, MemberHead, build_network
from assay_training.networks.layers import MemberLayer

LEAST_DF = 2.0
Weights = list[np.ndarray[Any, np.dtype[np.float32]]]


@lru_cache(maxsize=4)
def trainer_for(hyperparameters: Hyperparameters, members: int, features: int) -> Trainer:
    """The trainer of an architecture; kept, since tracing its graph costs more than a fold."""
    return Trainer(hyperparameters, members, features)


class Trainer:
    """Fits the members of one architecture. Each fit starts anew; nothing is left of the last.

    The graph has one set of variables, so fits and predictions take turns by a lock.
    """

    def __init__(self, hyperparameters: Hyperparameters, members: int, features: int) -> None:
        self.members_count, self.features = members, features
        tf.config.experimental.enable_op_determinism()
        self.hyperparameters = hyperparameters
        self.network = build_network(hyperparameters, members, features)
        self._optimizer = keras.optimizers.AdamW(
            learning_rate=hyperparameters.learning_rate,
            weight_decay=hyperparameters.weight_decay,
        )
        self._optimizer.exclude_from_weight_decay(var_names=["bias", "tail"])
        self._optimizer.build(self.network.trainable_variables)
        self._fresh = [variable.numpy() for variable in self._optimizer.variables]
        self._lock = threading.Lock()
        shape = (None, hyperparameters.lookback, features)
        self._inputs = tf.TensorSpec(shape, tf.float32)
        column = tf.TensorSpec((None,), tf.float32)
        order = tf.TensorSpec((hyperparameters.epochs, None), tf.int32)
        self._run = tf.function(self._epochs, input_signature=[self._inputs, column, column, order])
        self._forward = tf.function(self._answer, input_signature=[self._inputs])

    def fit(
        self, windows: Windows, z: Floats, *, degrees_of_freedom: float, seeds: tuple[int, ...]
    ) -> Weights:
        """The members' weights after exactly `epochs` epochs on `windows` (n, lookback, k), z (n,).

        `degrees_of_freedom` is where the tail starts. Raises TrainingError where a weight is not
        finite.
        """
        weights = recency_weights(len(z))
        weights = (weights / weights.mean()).astype(np.float32)
        shuffle = np.random.default_rng(seeds)
        epochs = self.hyperparameters.epochs
        order = np.stack([shuffle.permutation(len(z)) for _ in range(epochs)]).astype(np.int32)
        with self._lock:
            self._reset(seeds, degrees_of_freedom)
            self._run(windows, z.astype(np.float32), weights, order)
            fitted: Weights = self.network.get_weights()
        if not all(np.isfinite(weight).all() for weight in fitted):
            raise TrainingError(f"{self.hyperparameters} ended on weights that are not finite")
        return fitted

    def members(self, weights: Weights, windows: Windows) -> Floats:
        """What members of these `weights` answer: (members, n, 2), log scale and ln(nu - 2)."""
        with self._lock:
            self.network.set_weights(weights)
            return np.asarray(self._forward(windows), dtype=np.float64)

    def _reset(self, seeds: tuple[int, ...], degrees_of_freedom: float) -> None:
        generators = [np.random.default_rng(seed) for seed in seeds]
        for layer in self.network.layers:
            if isinstance(layer, MemberHead):
                layer.tail.assign(np.full(layer.tail.shape, np.log(degrees_of_freedom - LEAST_DF)))
            elif isinstance(layer, MemberLayer):
                layer.redraw(generators)
            elif isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
                layer.seed_generator.state.assign([seeds[0], 0])
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)

    def _answer(self, windows: Any) -> Any:  # noqa: ANN401 - tensors
        return self.network(windows, training=False)

    def _epochs(self, windows: Any, z: Any, weights: Any, order: Any) -> None:  # noqa: ANN401 - tensors
        rows = tf.shape(order)[1]
        for epoch in tf.range(self.hyperparameters.epochs):
            for start in tf.range(0, rows, self.hyperparameters.batch):
                batch = order[epoch, start : start + self.hyperparameters.batch]
                self._step(*(tf.gather(data, batch) for data in (windows, z, weights)))

    def _step(self, windows: Any, z: Any, weights: Any) -> None:  # noqa: ANN401 - tensors
        with tf.GradientTape() as tape:
            answer = self.network(windows, training=True)
            loss = _loss(answer[..., 0], LEAST_DF + tf.exp(answer[..., 1]), z)
            total = tf.reduce_sum(tf.reduce_mean(weights * loss, axis=1))
        variables = self.network.trainable_variables
        self._optimizer.apply(tape.gradient(total, variables), variables)


def _loss(log_scale: Any, df: Any, z: Any) -> Any:  # noqa: ANN401 - tensors
    """Student-t negative log likelihood, shape (members, n), without the constant ln(pi)/2."""
    half = (df + 1.0) / 2.0
    error = z * tf.exp(-log_scale)
    constant = tf.math.lgamma(half) - tf.math.lgamma(df / 2.0) - 0.5 * tf.math.log(df)
    return log_scale - constant + half * tf.math.log1p(error * error / df)
