"""POST /predict under load, beside a bare FastAPI route that returns a constant of the same size.

python bench/predict.py [--seconds 5] [--rounds 3] [--connections 16] [--bundle data/processed]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from load import Load, put_load, tool
from processes import Server, backend, bare


def measure(servers: dict[str, Server], arguments: argparse.Namespace) -> dict[str, Load]:
    """The median round of each server; rounds alternate, so that a busy moment hits both."""
    rounds: dict[str, list[Load]] = {name: [] for name in servers}
    for server in servers.values():
        put_load(server.port, connections=arguments.connections, seconds=1)  # warms up
    for _ in range(arguments.rounds):
        for name, server in servers.items():
            rounds[name].append(
                put_load(server.port, connections=arguments.connections, seconds=arguments.seconds)
            )
    return {
        name: Load(
            median(load.per_second for load in loads),
            median(load.p50_ms for load in loads),
            median(load.p99_ms for load in loads),
        )
        for name, loads in rounds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, backend(arguments.bundle) as assay:
        constant = Path(folder) / "forecast.json"
        constant.write_bytes(assay.ask())
        with bare(constant) as reference:
            size = constant.stat().st_size
            loads = measure({"bare FastAPI": reference, "assay_backend": assay}, arguments)
    print(
        f"{arguments.connections} connections, {size} bytes an answer, one worker each, "
        f"median of {arguments.rounds} rounds of {arguments.seconds:g} s by {tool()}\n"
    )
    print("| server | requests/s | ratio | p50, ms | p99, ms | ratio |")
    print("|---|---|---|---|---|---|")
    first = loads["bare FastAPI"]
    for name, load in loads.items():
        print(
            f"| {name} | {load.per_second:.0f} | {load.per_second / first.per_second:.2f} "
            f"| {load.p50_ms:.2f} | {load.p99_ms:.2f} | {load.p99_ms / first.p99_ms:.2f} |"
        )


if __name__ == "__main__":
    main()
