"""The network families: corrections to the scale that `log_linear_t` gives, in Keras."""

from __future__ import annotations

import os

# Both are read once, when TensorFlow and Keras are imported below this package.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
