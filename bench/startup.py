"""From process start to the first /predict answer: seconds and resident memory.

python bench/startup.py [--runs 5] [--bundle data/processed]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import median

from processes import Server, backend, bare

Start = Callable[[], AbstractContextManager[Server]]


def measure(start: Start) -> tuple[float, float]:
    with start() as server:
        return server.first_answer_seconds, server.resident_mb()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"))
    arguments = parser.parse_args()
    starts: dict[str, Start] = {
        "bare FastAPI": bare,
        "assay_backend": partial(backend, arguments.bundle),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in starts}
    for _ in range(arguments.runs):  # in turn, so that a busy moment hits both
        for name, start in starts.items():
            found[name].append(measure(start))
    medians = {
        name: tuple(median(column) for column in zip(*runs, strict=True))
        for name, runs in found.items()
    }
    reference = medians["bare FastAPI"]
    print(f"Median of {arguments.runs} starts\n")
    print("| process | first answer, s | ratio | resident, MB | ratio |")
    print("|---|---|---|---|---|")
    for name, (seconds, megabytes) in medians.items():
        print(
            f"| {name} | {seconds:.2f} | {seconds / reference[0]:.2f} "
            f"| {megabytes:.0f} | {megabytes / reference[1]:.2f} |"
        )


if __name__ == "__main__":
    main()
