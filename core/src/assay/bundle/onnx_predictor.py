"""The champion's network, run by ONNX Runtime; the one importer of onnxruntime."""

from __future__ import annotations

import numpy as np
import onnxruntime

from assay.features.windows import Windows
from assay.forecast.distribution import Floats

INPUT, OUTPUT = "windows", "parameters"

onnxruntime.disable_telemetry_events()  # it would tell its maker of every session


class OnnxPredictor:
    """A graph from `windows` (n, lookback, k), float32, to `parameters` (n, 2).

    Built from bytes, so that the graph cannot name files outside itself. One thread: a window
    takes microseconds, and a pool would only add to them.
    """

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model, sess_options=options, providers=["CPUExecutionProvider"]
        )

    def predict(self, windows: Windows) -> Floats:
        """Log scale and degrees of freedom, shape (n, 2), float64."""
        (parameters,) = self._session.run([OUTPUT], {INPUT: windows})
        return np.asarray(parameters, dtype=np.float64)
