"""Layers that hold the weights of all members at once, stacked on a leading axis.

Members are the same network from different seeds. Stacked, a step of all of them is one matrix
product instead of one a member. Tensors between these layers have shape (members or 1, n, ..., k);
the 1 stands for an input that all members share.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

Generators = list[np.random.Generator]
_FORGET_BIAS = 1.0


class MemberLayer(keras.layers.Layer):  # type: ignore[misc]  # keras ships no types
    """A layer of `members` independent copies, each drawn anew from its own generator."""

    def __init__(self, members: int, units: int, **kwargs: Any) -> None:  # noqa: ANN401 - keras'
        super().__init__(**kwargs)
        self.members, self.units = members, units

    def redraw(self, generators: Generators) -> None:
        """Sets all weights to their start, member by member."""
        raise NotImplementedError


class MemberDense(MemberLayer):
    """The map x W_m + b_m for each member m, on the last axis."""

    def __init__(self, members: int, units: int, *, bias: bool = True, zero: bool = False) -> None:
        super().__init__(members, units)
        self.has_bias, self.starts_at_zero = bias, zero

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (self.members, input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, initializer="zeros", name="kernel")
        if self.has_bias:
            self.bias = self.add_weight(
                shape=(self.members, 1, self.units), initializer="zeros", name="bias"
            )

    def call(self, inputs: Any) -> Any:  # noqa: ANN401 - a tensor, which has no type here
        product = member_product(inputs, self.kernel)
        return product + _match(self.bias, product) if self.has_bias else product

    def redraw(self, generators: Generators) -> None:
        if self.starts_at_zero:
            self.kernel.assign(np.zeros(self.kernel.shape))
        else:
            self.kernel.assign(_glorot(generators, self.kernel.shape))
        if self.has_bias:
            self.bias.assign(np.zeros(self.bias.shape))


class MemberConv(MemberDense):
    """A causal convolution along the time axis, (m, n, time, k) to (m, n, time, units)."""

    def __init__(self, members: int, units: int, *, kernel_size: int) -> None:
        super().__init__(members, units)
        self.kernel_size = kernel_size

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        *leading, features = input_shape
        assert features is not None  # noqa: S101 - the graph fixes the number of features
        super().build((*leading, features * self.kernel_size))

    def call(self, inputs: Any) -> Any:  # noqa: ANN401 - a tensor
        steps = inputs.shape[2]
        padded = ops.pad(inputs, [[0, 0], [0, 0], [self.kernel_size - 1, 0], [0, 0]])
        shifted = [padded[:, :, lag : lag + steps] for lag in range(self.kernel_size)]
        return super().call(ops.concatenate(shifted, axis=-1))


class MemberLSTM(MemberLayer):
    """Hochreiter and Schmidhuber's LSTM, (m, n, time, k) to its last state (m, n, units).

    Unrolled over the window's steps, with a forget bias of one.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        gates = 4 * self.units
        self.kernel = self.add_weight(
            shape=(self.members, input_shape[-1], gates), initializer="zeros", name="kernel"
        )
        self.recurrent = self.add_weight(
            shape=(self.members, self.units, gates), initializer="zeros", name="recurrent_kernel"
        )
        self.bias = self.add_weight(
            shape=(self.members, 1, gates), initializer="zeros", name="bias"
        )

    def call(self, inputs: Any) -> Any:  # noqa: ANN401 - a tensor
        driven = member_product(inputs, self.kernel)
        driven = driven + _match(self.bias, driven)
        hidden, cell = None, None
        for step in range(inputs.shape[2]):
            gates = driven[:, :, step]
            if hidden is not None:
                gates = gates + ops.matmul(hidden, self.recurrent)
            entry, forget, fresh, leave = ops.split(gates, 4, axis=-1)
            kept = ops.sigmoid(entry) * ops.tanh(fresh)
            cell = kept if cell is None else ops.sigmoid(forget) * cell + kept
            hidden = ops.sigmoid(leave) * ops.tanh(cell)
        return hidden

    def redraw(self, generators: Generators) -> None:
        self.kernel.assign(_glorot(generators, self.kernel.shape))
        self.recurrent.assign(_glorot(generators, self.recurrent.shape))
        bias = np.zeros(self.bias.shape)
        bias[..., self.units : 2 * self.units] = _FORGET_BIAS
        self.bias.assign(bias)


def member_product(inputs: Any, kernel: Any) -> Any:  # noqa: ANN401 - tensors
    """The product x W_m for (members or 1, n, ..., k) and (members, k, units).

    The axes between are folded into n: one large product a member, where broadcasting would make
    many small ones.
    """
    inner = inputs.shape[2:-1]
    folded = ops.reshape(inputs, (inputs.shape[0], -1, inputs.shape[-1]))
    members, _, units = kernel.shape
    return ops.reshape(ops.matmul(folded, kernel), (members, -1, *inner, units))


def _match(bias: Any, tensor: Any) -> Any:  # noqa: ANN401 - tensors
    """`bias` (members, 1, units) with as many axes as `tensor`."""
    between = (1,) * (len(tensor.shape) - 2)
    return ops.reshape(bias, (bias.shape[0], *between, bias.shape[-1]))


def _glorot(generators: Generators, shape: tuple[int, int, int]) -> Any:  # noqa: ANN401 - array
    """Uniform within sqrt(6 / (fan in + fan out)); Glorot and Bengio 2010."""
    _, fan_in, fan_out = shape
    limit = np.sqrt(6.0 / (fan_in + fan_out))
    return np.stack([draw.uniform(-limit, limit, (fan_in, fan_out)) for draw in generators])
