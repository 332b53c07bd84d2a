"""What all families share: their hyperparameters, and the graph around the family's body."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from assay_training.networks.layers import Generators, MemberDense, MemberLayer

COMMON_CHOICES: dict[str, tuple[float, ...]] = {
    "dropout": (0.1, 0.2, 0.4),
    "learning_rate": (1e-3, 3e-3),
    "weight_decay": (1.0, 3.0, 10.0),
    "epochs": (5, 10),
    "blend": (0.25, 0.5, 0.75),
}
# Against running away: exp(3) times the running volatility is beyond any day on record.
MOST_LOG_SCALE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """A family's choices; each family adds its own and names itself.

    `lookback` is in sessions, `batch` in rows. `weight_decay` acts as Keras' AdamW has it: each
    step takes `learning_rate * weight_decay` off every kernel. `blend` is the share of the
    network in the log scale, log_linear_t having the rest.
    """

    family: ClassVar[str]
    simplicity: ClassVar[int]  # 0 is a benchmark's; ties go to the lower number
    choices: ClassVar[dict[str, tuple[float, ...]]]  # what tuning may choose from

    lookback: int
    dropout: float = 0.2
    learning_rate: float = 3e-3
    weight_decay: float = 3.0
    epochs: int = 10
    batch: int = 256
    blend: float = 0.5

    @abstractmethod
    def body(self, windows: Any, members: int) -> Any:  # noqa: ANN401 - tensors
        """The part that differs: `windows` (1, n, lookback, k) to activations (members, n, j)."""

    def to_json(self) -> dict[str, float | int | str]:
        """All fields and the family's name, for logs."""
        return {"family": self.family, **asdict(self)}


class MemberHead(MemberLayer):
    """Bounds each member's log scale and appends its ln(nu - 2), a trainable number."""

    def __init__(self, members: int) -> None:
        super().__init__(members, 1)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.tail = self.add_weight(shape=(self.members, 1, 1), initializer="zeros", name="tail")

    def call(self, inputs: Any) -> Any:  # noqa: ANN401 - a tensor
        bounded = MOST_LOG_SCALE * ops.tanh(inputs / MOST_LOG_SCALE)
        return ops.concatenate([bounded, ops.zeros_like(inputs) + self.tail], axis=-1)

    def redraw(self, generators: Generators) -> None:
        """The fit sets the tail to that of log_linear_t."""


def build_network(hyperparameters: Hyperparameters, members: int, features: int) -> keras.Model:
    """The graph of all members: windows (n, lookback, k) to (members, n, 2).

    Column 0 is the log scale, bounded by MOST_LOG_SCALE either way; column 1 is ln(nu - 2). The
    last step also reaches the log scale directly (linear skip).
    """
    shape = (hyperparameters.lookback, features)
    windows = keras.Input(shape=shape, dtype="float32", name="windows")
    shared = ops.expand_dims(windows, 0)
    body = hyperparameters.body(shared, members)
    bent = MemberDense(members, 1)(body)
    straight = MemberDense(members, 1, bias=False, zero=True)(shared[:, :, -1])
    return keras.Model(windows, MemberHead(members)(bent + straight))
