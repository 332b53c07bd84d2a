"""`python -m assay_backend`: the API on ASSAY_HOST, PORT, until a signal ends it."""

from __future__ import annotations

import os
import sys

# Before numpy is imported: for one row a pool of threads costs more to start than it ever saves.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from assay_backend.logs import log_what_nobody_caught
from assay_backend.server import main

if __name__ == "__main__":
    log_what_nobody_caught()
    sys.exit(main())
