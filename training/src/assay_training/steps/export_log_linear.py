"""`log_linear_t` as an ONNX graph, so that a benchmark is served by the same path as a network."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from assay.bundle.onnx_predictor import INPUT, OUTPUT
from assay.forecast.log_linear_t import LogLinearT

OPSET, IR_VERSION = 17, 10


def export_log_linear(model: LogLinearT, *, lookback: int = 1) -> bytes:
    """A graph from windows (n, lookback, k) to parameters (n, 2): log scale, degrees of freedom."""
    columns = len(model.coefficients)
    constants: dict[str, NDArray[np.generic]] = {
        "last": np.array(lookback - 1, dtype=np.int64),
        "coefficients": model.coefficients.astype(np.float32).reshape(columns, 1),
        "intercept": np.array([model.intercept], dtype=np.float32),
        "zero": np.array([0.0], dtype=np.float32),
        "degrees_of_freedom": np.array([model.degrees_of_freedom], dtype=np.float32),
    }
    nodes = [
        helper.make_node("Gather", [INPUT, "last"], ["now"], axis=1),
        helper.make_node("MatMul", ["now", "coefficients"], ["linear"]),
        helper.make_node("Add", ["linear", "intercept"], ["log_scale"]),
        helper.make_node("Mul", ["linear", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "degrees_of_freedom"], ["tail"]),
        helper.make_node("Concat", ["log_scale", "tail"], [OUTPUT], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "log_linear_t",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", lookback, columns])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    proto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(proto)
    serialized: bytes = proto.SerializeToString()
    return serialized
