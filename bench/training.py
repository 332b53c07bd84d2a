"""How long a quick training run takes as a whole process, and with what memory.

python bench/training.py --gold gold.csv --sp500 sp500.csv [--full]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--sp500", type=Path, required=True)
    parser.add_argument("--full", action="store_true", help="without --quick")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "assay_training.cli", "run", "--out", f"{folder}/out"]
        command += ["--gold", str(options.gold.resolve()), "--sp500", str(options.sp500.resolve())]
        command += [] if options.full else ["--quick"]
        started = time.perf_counter()
        done = subprocess.run(
            command, env=os.environ | {"ASSAY_DATA_DIR": folder}, capture_output=True, check=False
        )
        seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("| run | exit | wall, s | processor, s | largest process, MB |")
    print("|---|---|---|---|---|")
    print(
        f"| {'full' if options.full else '--quick'} | {done.returncode} | {seconds:.0f} "
        f"| {used.ru_utime + used.ru_stime:.0f} | {used.ru_maxrss / 1024:.0f} |"
    )


if __name__ == "__main__":
    main()
