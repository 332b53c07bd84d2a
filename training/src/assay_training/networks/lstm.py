"""LSTM: one recurrent layer along the window's time axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from assay_training.networks.base import COMMON_CHOICES, Hyperparameters
from assay_training.networks.layers import MemberLSTM


@dataclass(frozen=True, slots=True, kw_only=True)
class LSTMHyperparameters(Hyperparameters):
    """`width` is the number of cells."""

    family: ClassVar[str] = "LSTM"
    simplicity: ClassVar[int] = 3
    choices: ClassVar[dict[str, tuple[float, ...]]] = COMMON_CHOICES | {
        "lookback": (10, 20, 40),
        "width": (8, 16),
    }

    lookback: int = 10
    width: int = 16

    def body(self, windows: Any, members: int) -> Any:  # noqa: ANN401 - tensors
        hidden = MemberLSTM(members, self.width)(windows)
        return keras.layers.Dropout(self.dropout)(hidden)
