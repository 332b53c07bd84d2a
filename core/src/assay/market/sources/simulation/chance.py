"""Streams of random numbers that can be entered anywhere: a number's place alone decides it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from assay.market.bars import Floats


def uniforms(seed: int, name: str, first: int, count: int) -> Floats:
    """Numbers `first` to `first + count` of the stream `name`, in (0, 1]."""
    skipped = first % 4  # Philox gives four numbers for each value of its counter
    philox = np.random.Philox(key=_key(seed, name), counter=first // 4)
    return 1.0 - np.random.Generator(philox).random(skipped + count)[skipped:]


def normals(seed: int, name: str, first: int, count: int) -> Floats:
    """Standard normal numbers (Box and Muller, 1958)."""
    u, v = uniforms(seed, name, 2 * first, 2 * count).reshape(count, 2).T
    drawn: Floats = np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * v)
    return drawn


def students(seed: int, name: str, first: int, count: int, *, degrees: float) -> Floats:
    """Student-t numbers of unit variance (Bailey, 1994); `degrees` of freedom are above 2."""
    u, v = uniforms(seed, name, 2 * first, 2 * count).reshape(count, 2).T
    # For 4 degrees, those of every bar, a root is much quicker than a power.
    raised = 1.0 / np.sqrt(u) if degrees == 4.0 else u ** (-2.0 / degrees)
    drawn: Floats = np.sqrt((degrees - 2.0) * (raised - 1.0)) * np.cos(2.0 * np.pi * v)
    return drawn


@lru_cache(maxsize=512)
def _key(seed: int, name: str) -> NDArray[np.uint64]:
    entropy = [seed, int.from_bytes(name.encode(), "big")]
    return np.random.SeedSequence(entropy).generate_state(2, np.uint64).astype(np.uint64)
