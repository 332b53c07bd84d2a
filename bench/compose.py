"""How large the images are, and how long Compose takes: built, both healthy, stopped.

python bench/compose.py [--rounds 3] [--training]

Needs a Docker engine. Images are built first, with what the engine's cache holds.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
MOST_MEGABYTES = {"backend": 550, "frontend": 750, "training": 2700}
MOST_SECONDS = {"both healthy": 30.0, "both stopped": 10.0}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def settings() -> dict[str, str]:
    return os.environ | {
        "COMPOSE_PROJECT_NAME": "assay-bench",
        "BACKEND_PORT": str(free_port()),
        "FRONTEND_PORT": str(free_port()),
        "ASSAY_MARKET_SOURCE": "simulated",
    }


def seconds_of(environment: dict[str, str], *arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run(
        ["docker", "compose", *arguments],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def megabytes(environment: dict[str, str], image: str) -> float:
    size = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Size}}", image],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(size.stdout) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--training", action="store_true", help="its image too")
    options = parser.parse_args()
    environment = settings()
    profile = ("--profile", "training") if options.training else ()
    built = seconds_of(environment, *profile, "build", "--quiet")
    taken: dict[str, list[float]] = {name: [] for name in MOST_SECONDS}
    try:
        for _ in range(options.rounds):
            up = seconds_of(environment, "up", "--no-build", "--detach", "--wait")
            taken["both healthy"].append(up)
            taken["both stopped"].append(seconds_of(environment, "stop", "--timeout", "10"))
            seconds_of(environment, "down", "--volumes")
    finally:
        seconds_of(environment, "down", "--volumes", "--timeout", "10")
    print("| what | measured | aim |\n|---|---|---|")
    for name in ("backend", "frontend", *(["training"] if options.training else [])):
        size = megabytes(environment, f"assay-{name}")
        print(f"| image of {name} | {size:.0f} MB | {MOST_MEGABYTES[name]} MB |")
    for name, each in taken.items():
        print(f"| {name} | {median(each):.1f} s | {MOST_SECONDS[name]:.0f} s |")
    print(f"| built, from the engine's cache | {built:.0f} s | |")


if __name__ == "__main__":
    main()
