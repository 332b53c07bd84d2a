"""The families, simplest first."""

from __future__ import annotations

from typing import Any

from assay_training.networks.base import Hyperparameters
from assay_training.networks.cnn import CNNHyperparameters
from assay_training.networks.lstm import LSTMHyperparameters
from assay_training.networks.mlp import MLPHyperparameters

FAMILIES: dict[str, Hyperparameters] = {
    default.family: default
    for default in (MLPHyperparameters(), CNNHyperparameters(), LSTMHyperparameters())
}


def hyperparameters_from_json(data: dict[str, Any]) -> Hyperparameters:
    """What `to_json` wrote. Raises ValueError for an unknown family or field."""
    fields = dict(data)
    default = FAMILIES.get(str(fields.pop("family", "")))
    if default is None:
        raise ValueError(f"no network family in {data}")
    try:
        return type(default)(**fields)
    except TypeError as error:
        raise ValueError(f"{data}: {error}") from error
