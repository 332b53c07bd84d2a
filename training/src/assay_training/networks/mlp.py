"""MLP: two tanh layers over the flattened window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from assay_training.networks.base import COMMON_CHOICES, Hyperparameters
from assay_training.networks.layers import MemberDense


@dataclass(frozen=True, slots=True, kw_only=True)
class MLPHyperparameters(Hyperparameters):
    """`width` is the number of units in each of two layers."""

    family: ClassVar[str] = "MLP"
    simplicity: ClassVar[int] = 1
    choices: ClassVar[dict[str, tuple[float, ...]]] = COMMON_CHOICES | {
        "lookback": (1, 5, 10, 20),
        "width": (16, 32),
    }

    lookback: int = 1
    width: int = 32

    def body(self, windows: Any, members: int) -> Any:  # noqa: ANN401 - tensors
        shape = windows.shape
        hidden = ops.reshape(windows, (1, -1, shape[2] * shape[3]))
        for _ in range(2):
            hidden = ops.tanh(MemberDense(members, self.width)(hidden))
            hidden = keras.layers.Dropout(self.dropout)(hidden)
        return hidden
