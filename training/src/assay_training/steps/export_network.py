"""A fitted network as an ONNX graph, checked against Keras."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np
import onnx

from assay.bundle.onnx_predictor import INPUT, OUTPUT, OnnxPredictor
from assay.errors import TrainingError
from assay.features.windows import Windows
from assay_training.networks.recipe import FittedNetwork

TOLERANCE = 1e-5
MOST_BYTES = 900_000  # a bundle stays below a megabyte


def export_network(fitted: FittedNetwork, sample: Windows) -> bytes:
    """The graph from `windows` (n, lookback, k) to `parameters` (n, 2), members averaged.

    Raises TrainingError where it answers `sample`, real windows, otherwise than Keras does, or
    where it is too large for a bundle.
    """
    model = _converted(fitted)
    if len(model) > MOST_BYTES:
        raise TrainingError(f"the ONNX graph has {len(model)} bytes, more than {MOST_BYTES}")
    difference = largest_difference(model, fitted, sample)
    if not difference <= TOLERANCE:
        raise TrainingError(
            f"ONNX and Keras differ by {difference:.2g} on {len(sample)} windows, "
            f"more than {TOLERANCE:g}"
        )
    return model


def largest_difference(model: bytes, fitted: FittedNetwork, sample: Windows) -> float:
    """The largest absolute difference between ONNX and Keras in any parameter of `sample`."""
    return float(np.abs(OnnxPredictor(model).predict(sample) - fitted.predict(sample)).max())


def _converted(fitted: FittedNetwork) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        graph = fitted.graph()
        signature = [keras.InputSpec(shape=graph.input_shape, dtype="float32", name=INPUT)]
        graph.export(path, format="onnx", verbose=False, input_signature=signature)
        proto = onnx.load(path)
    _rename(proto, proto.graph.input[0].name, INPUT)
    _rename(proto, proto.graph.output[0].name, OUTPUT)
    onnx.checker.check_model(proto)
    serialized: bytes = proto.SerializeToString()
    return serialized


def _rename(proto: onnx.ModelProto, old: str, new: str) -> None:
    """Gives an input or an output the name that the bundle's format asks for."""
    for value in (*proto.graph.input, *proto.graph.output):
        if value.name == old:
            value.name = new
    for node in proto.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
        node.output[:] = [new if name == old else name for name in node.output]
