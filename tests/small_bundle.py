"""A bundle as small as one can be, for tests of what is done with bundles."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from assay.bundle.files import bundle_contents
from assay.bundle.metadata import ModelMetadata
from assay.features.scaling import Standardizer
from assay.features.spec import FEATURE_NAMES, feature_fingerprint
from assay.forecast.calibration import CalibrationState
from assay.forecast.pipeline import Champion

K = len(FEATURE_NAMES)


def constant_model(log_scale: float) -> bytes:
    """A graph that answers (log_scale + 0 x, 5) to any window."""
    weights = np.zeros((K, 2), dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["windows", "last"], ["now"], axis=1),
            helper.make_node("MatMul", ["now", "w"], ["flat"]),
            helper.make_node("Add", ["flat", "b"], ["parameters"]),
        ],
        "constant",
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["n", 1, K])],
        [helper.make_tensor_value_info("parameters", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(np.array(0, dtype=np.int64), "last"),
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.array([log_scale, 5.0], dtype=np.float32), "b"),
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def contents(log_scale: float = 0.25, **promotion: Any) -> dict[str, bytes]:
    """Its files; `log_scale` makes it another version, `promotion` says why it was published."""
    champion = Champion(
        predictor=None,
        standardizer=Standardizer(np.zeros(K), np.ones(K)),
        lookback=1,
        location=0.0003,
        calibration=CalibrationState(np.linspace(0.01, 0.99, 200)),
        calibrated_to=date(2025, 4, 15),
    )
    metadata = ModelMetadata(
        name="assay-gold",
        type="log_linear_t",
        version=f"test-{log_scale}",
        created_at="2025-04-16T00:00:00Z",
        trained_from="2000-08-30",
        trained_to="2025-04-15",
        data_fingerprint="0" * 64,
        feature_fingerprint=feature_fingerprint(),
        lookback=1,
        smoke_parameters=(log_scale, 5.0),
        libraries={},
        evaluation={},
        skill={},
        promotion=promotion,
    )
    return bundle_contents(model=constant_model(log_scale), champion=champion, metadata=metadata)
