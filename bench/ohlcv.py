"""GET /v1/crypto/ohlcv under load, beside bare FastAPI routes, and while the upstream is silent.

python bench/ohlcv.py [--seconds 5] [--rounds 3] [--connections 16] [--bars 500]

The exchange is a Binance on loopback, which ccxt asks as it would the real one. The last row's goes
on accepting connections and answers none of them, as Yahoo does in all rows, and the bars are of
one minute, so that a refresh is always due.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from load import Load, put_load, tool
from processes import backend, bare, get

from assay.clock import SystemClock

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from upstream.exchanges import ExchangesUpstream
from upstream.wire import Together
from upstream.yahoo import YahooUpstream

OTHERS = ("kraken", "coinbase", "okx", "bybit")
WARM, SILENT = "assay_backend", "assay_backend, upstream silent"
LONGEST_START_SECONDS = 30.0
SILENT_SECONDS = 75.0  # long enough for a bar of a minute to be overdue


def loads_of(
    servers: dict[str, tuple[int, str, bytes | None]], arguments: argparse.Namespace, rounds: int
) -> dict[str, Load]:
    """The median round of each port, path and body; rounds alternate, so that a busy moment hits
    all.
    """
    found: dict[str, list[Load]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, (port, path, body) in servers.items():
            found[name].append(
                put_load(
                    port,
                    connections=arguments.connections,
                    seconds=arguments.seconds,
                    path=path,
                    body=body,
                )
            )
    return {name: _median(loads) for name, loads in found.items()}


def _median(loads: list[Load]) -> Load:
    def middle(of: Callable[[Load], float]) -> float:
        return median(of(load) for load in loads)

    return Load(
        middle(lambda load: load.per_second),
        middle(lambda load: load.p50_ms),
        middle(lambda load: load.p99_ms),
    )


def wait_for(port: int, path: str) -> bytes:
    """The first answer with bars."""
    deadline = time.monotonic() + LONGEST_START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError):
            return get(port, path)
        time.sleep(0.2)
    raise SystemExit(f"no bars from {path} within {LONGEST_START_SECONDS:g} s")


@contextlib.contextmanager
def live(bundle: Path, path: str) -> Iterator[tuple[int, ExchangesUpstream, bytes]]:
    """The port of a backend with bars of an upstream of its own, that, and the first answer."""
    exchanges, yahoo = ExchangesUpstream(clock=SystemClock()), YahooUpstream()
    yahoo.fault = "blackhole"
    with Together(exchanges, yahoo) as together:
        environment = together.environment() | {
            "ASSAY_MARKET_SOURCE": "live",
            "ASSAY_CRYPTO_WATCH": "binance:BTC/USDT:1m",
        }
        with backend(bundle, asked="/livez", **environment) as assay:
            yield assay.port, exchanges, wait_for(assay.port, path)


def measure(arguments: argparse.Namespace) -> tuple[dict[str, Load], int]:
    path = f"/v1/crypto/ohlcv?timeframe=1m&limit={arguments.bars}"
    with (
        tempfile.TemporaryDirectory() as folder,
        live(arguments.bundle, path) as (warm, _, body),
        live(arguments.bundle, path) as (silent, exchanges, _),
    ):
        exchanges.faults = dict.fromkeys(("binance", "binance_mirror", *OTHERS), "blackhole")
        time.sleep(SILENT_SECONDS)
        answer = Path(folder) / "bars.json"
        answer.write_bytes(body)
        with bare(answer) as reference:
            servers: dict[str, tuple[int, str, bytes | None]] = {
                "bare FastAPI, the same bytes": (reference.port, "/bytes", None),
                "bare FastAPI, a small dictionary": (reference.port, "/small", None),
                WARM: (warm, path, None),
                SILENT: (silent, path, None),
            }
            return loads_of(servers, arguments, arguments.rounds), len(body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--bars", type=int, default=500)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"))
    arguments = parser.parse_args()
    loads, size = measure(arguments)
    print(
        f"{arguments.bars} bars, {size} bytes an answer, {arguments.connections} connections, one "
        f"worker each, median of {arguments.rounds} rounds of {arguments.seconds:g} s by {tool()}\n"
    )
    print("| server | requests/s | ratio | p50, ms | p99, ms | ratio |")
    print("|---|---|---|---|---|---|")
    first = next(iter(loads.values()))
    for name, load in loads.items():
        print(
            f"| {name} | {load.per_second:.0f} | {load.per_second / first.per_second:.2f} "
            f"| {load.p50_ms:.2f} | {load.p99_ms:.2f} | {load.p99_ms / first.p99_ms:.2f} |"
        )
    warm, silent = loads[WARM], loads[SILENT]
    print(
        f"\nWith the upstream silent, beside itself with it well: requests/s "
        f"{silent.per_second / warm.per_second:.2f}, p50 {silent.p50_ms / warm.p50_ms:.2f}, "
        f"p99 {silent.p99_ms / warm.p99_ms:.2f}"
    )


if __name__ == "__main__":
    main()
