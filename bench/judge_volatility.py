"""How long `assay-train volatility` takes as a whole process, and what its daily refits cost.

Run: uv run python bench/judge_volatility.py --bars hourly.csv   (about half a minute)
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay.clock import SystemClock
from assay.volatility.benchmarks import har_ols, log_har
from assay.volatility.days import utc_days
from assay_training.steps.evaluate_volatility import read_hourly
from assay_training.steps.volatility_benchmarks import garch_t, weekday_garch_t


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=Path, required=True)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "assay_training.cli", "volatility"]
        command += ["--bars", str(options.bars), "--bundle", str(options.bundle)]
        command += ["--json", str(report)]
        whole = seconds_of(lambda: subprocess.run(command, capture_output=True, check=True))
        judged = json.loads(report.read_text())["n"]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    days = utc_days(read_hourly(options.bars, SystemClock()).checked.bars)
    rows = np.arange(len(days) - 1 - judged, len(days) - 1)
    target = days.day[rows + 1]
    parts = {
        "har_ols, refitted daily": lambda: har_ols(days.realized),
        "log_har, refitted daily": lambda: log_har(days.realized),
        "garch_t, refitted daily": lambda: garch_t(days.log_return, rows),
        "weekday_garch_t, refitted daily": lambda: weekday_garch_t(
            days.day, days.log_return, days.realized, rows, target=target
        ),
    }
    print(f"{len(days)} days of bars, {judged} judged\n")
    print("| what | wall, s | ratio |\n|---|---|---|")
    print(f"| assay-train volatility | {whole:.1f} | 1.00 |")
    for name, work in parts.items():
        taken = seconds_of(work)
        print(f"| {name} | {taken:.2f} | {taken / whole:.2f} |")
    print(
        f"\nprocessor {used.ru_utime + used.ru_stime:.1f} s, largest {used.ru_maxrss / 1024:.0f} MB"
    )


if __name__ == "__main__":
    main()
