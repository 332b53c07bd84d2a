"""A fitted network as an ONNX graph, checked against Keras."""

from __future__ import annotations

import tempfile
from pathlib import Path

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
        fitted.write_onnx(path)
        proto = onnx.load(path)
    _make_canonical(proto.graph)
    onnx.checker.check_model(proto)
    serialized: bytes = proto.SerializeToString(deterministic=True)
    return serialized


def _make_canonical(graph: onnx.GraphProto) -> None:
    """Orders nodes by need, and names input and output as the bundle's format has it.

    The converter's names count up over the life of the process and its order is a set's; with
    these, equal weights give equal bytes, and so an equal version.
    """
    nodes = _by_need(graph)
    names = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT, "": ""}
    for number, node in enumerate(nodes):
        node.name = f"{node.op_type}_{number}"
        for old in (*node.input, *node.output):
            names.setdefault(old, f"t{len(names)}")
        node.input[:] = [names[old] for old in node.input]
        node.output[:] = [names[old] for old in node.output]
    values = {value.name: value for value in graph.initializer}
    used = [values[old] for old in names if old in values]
    for named in (*graph.input, *graph.output, *used):
        named.name = names[named.name]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    kept = [onnx.TensorProto.FromString(value.SerializeToString()) for value in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    graph.name, graph.doc_string = "network", ""


def _by_need(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that the output needs, each after those it needs itself, by their inputs' order."""
    producer = {name: node for node in graph.node for name in node.output}
    ordered: dict[str, onnx.NodeProto] = {}
    stack = [graph.output[0].name]
    while stack:
        node = producer.get(stack[-1])
        needed = [name for name in node.input if name in producer] if node else []
        missing = [name for name in needed if producer[name].output[0] not in ordered]
        if missing:
            stack.append(missing[0])
            continue
        stack.pop()
        if node:
            ordered.setdefault(node.output[0], node)
    return [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered.values()]
