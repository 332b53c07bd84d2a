"""From process start to the first /predict answer: seconds and resident memory.

python bench/startup.py [--runs 5] [--bundle data/processed]

Then on live bars, with Yahoo and all exchanges on loopback accepting connections and answering
none: until /readyz says yes, where nothing was ever had, and after a kill -9 with bars stored.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import median

from processes import Server, backend, bare, get

from assay.clock import SystemClock

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from upstream.exchanges import ExchangesUpstream
from upstream.wire import Together
from upstream.yahoo import YahooUpstream

EXCHANGES = ("binance", "binance_mirror", "kraken", "coinbase", "okx", "bybit")
LONGEST_FETCH_SECONDS = 120.0

Start = Callable[[], AbstractContextManager[Server]]


def measure(start: Start) -> tuple[float, float]:
    with start() as server:
        return server.first_answer_seconds, server.resident_mb()


def seconds_to_ready(bundle: Path, runs: int) -> tuple[list[float], list[float]]:
    """Of first starts, and of starts after a kill -9, while the upstreams are silent."""
    clock = SystemClock()
    yahoo, exchanges = YahooUpstream(now=clock.now()), ExchangesUpstream(clock=clock)
    first: list[float] = []
    again: list[float] = []
    with Together(yahoo, exchanges) as together:
        live = together.environment() | {"ASSAY_MARKET_SOURCE": "live"}
        for _ in range(runs):
            with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
                start = partial(
                    backend, bundle, asked="/readyz", **live | {"ASSAY_DATA_DIR": folder}
                )
                _be_silent(yahoo, exchanges)
                with start() as server:
                    first.append(server.first_answer_seconds)
                yahoo.fault, exchanges.faults = None, {}
                with start() as server:
                    _wait_for_bars(server)
                    server.process.kill()
                _be_silent(yahoo, exchanges)
                with start() as server:
                    again.append(server.first_answer_seconds)
    return first, again


def _be_silent(yahoo: YahooUpstream, exchanges: ExchangesUpstream) -> None:
    yahoo.fault, exchanges.faults = "blackhole", dict.fromkeys(EXCHANGES, "blackhole")


def _wait_for_bars(server: Server) -> None:
    deadline = time.monotonic() + LONGEST_FETCH_SECONDS
    while b'"status":"healthy"' not in get(server.port, "/health"):
        if time.monotonic() > deadline:
            raise SystemExit(f"no live bars within {LONGEST_FETCH_SECONDS:g} s")
        time.sleep(0.1)


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

    first, again = seconds_to_ready(arguments.bundle, arguments.runs)
    print("\n| start with silent upstreams | ready, s | slowest, s |")
    print("|---|---|---|")
    print(f"| nothing was ever had | {median(first):.2f} | {max(first):.2f} |")
    print(f"| after a kill -9, bars stored | {median(again):.2f} | {max(again):.2f} |")


if __name__ == "__main__":
    main()
