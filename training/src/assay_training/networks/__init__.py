"""The network families, in Keras; TensorFlow and Keras are imported below this package only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Read once, as TensorFlow and Keras are imported. Networks this small gain nothing from a GPU or
# from oneDNN, and either would round differently from one machine to the next.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@contextmanager
def hushed() -> Iterator[None]:
    """Hides what TensorFlow's C++ part says of GPUs and its sessions; none of its settings does."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device, not a path
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


with hushed():
    import tensorflow as tf

    tf.config.list_physical_devices()  # where it looks for GPUs, and says that there are none

# It counts the graphs of all architectures together and calls the eighth a leak.
tf.get_logger().setLevel("ERROR")
