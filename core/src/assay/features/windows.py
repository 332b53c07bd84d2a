"""Windows of rows: what a network sees at an origin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.features.transforms import Floats

Windows = NDArray[np.float32]


def windows(values: Floats, rows: NDArray[np.intp], lookback: int) -> Windows:
    """The last `lookback` rows of `values` up to each of `rows`: shape (len(rows), lookback, k).

    The time axis is the middle one, the origin its last step. Raises ValueError where a row has
    fewer than `lookback` rows up to it.
    """
    if len(rows) and int(rows.min()) < lookback - 1:
        raise ValueError(f"row {rows.min()} has no {lookback} rows up to it")
    steps = rows[:, None] + np.arange(1 - lookback, 1)[None, :]
    result: Windows = values[steps].astype(np.float32)
    return result
