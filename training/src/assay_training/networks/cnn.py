"""CNN: two causal convolutions along the window's time axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from assay_training.networks.base import COMMON_CHOICES, Hyperparameters
from assay_training.networks.layers import MemberConv


@dataclass(frozen=True, slots=True, kw_only=True)
class CNNHyperparameters(Hyperparameters):
    """`width` is the number of filters, `kernel_size` their length in sessions."""

    family: ClassVar[str] = "CNN"
    simplicity: ClassVar[int] = 2
    choices: ClassVar[dict[str, tuple[float, ...]]] = COMMON_CHOICES | {
        "lookback": (10, 20, 40),
        "width": (8, 16),
    }

    lookback: int = 10
    width: int = 16
    kernel_size: int = 3

    def body(self, windows: Any, members: int) -> Any:  # noqa: ANN401 - tensors
        hidden = windows
        for _ in range(2):
            convolve = MemberConv(members, self.width, kernel_size=self.kernel_size)
            hidden = ops.tanh(convolve(hidden))
            hidden = keras.layers.Dropout(self.dropout)(hidden)
        return ops.concatenate([ops.mean(hidden, axis=2), hidden[:, :, -1]], axis=-1)
