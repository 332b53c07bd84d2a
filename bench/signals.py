"""Signals under load, each on disk before its answer, beside a bare FastAPI route in the same run.

python bench/signals.py [--seconds 5] [--rounds 3] [--connections 16] [--bundle data/processed]

Then a batch of 50 distinct symbols, all of them warm; the same batch once all other coins were
asked for, and what memory a coin takes; and what computing a warm signal takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from load import Load, tool
from ohlcv import loads_of
from processes import Server, backend, bare, get
from store import fsyncs_a_second

from assay.market.sources.simulation.coins import MARKETS
from assay_backend.schemas.signals import SignalRequest
from assay_backend.services.container import Services, build_services
from assay_backend.services.signals import Asked
from assay_backend.settings import Settings

SIGNAL = "/v1/crypto/signal"
BATCH = "/v1/crypto/signal/batch"
BATCHES = 100
COMPUTED = 100


def post(port: int, path: str, body: bytes) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body)
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: bytes = answer.read()
        return found


def fifty_symbols() -> list[dict[str, str]]:
    """Each another market of its exchange."""
    return [
        {"exchange": exchange, "symbol": market.symbol}
        for exchange in ("binance", "kraken")
        for market in MARKETS[exchange].markets
    ][:50]


def batch_milliseconds(assay: Server) -> tuple[float, float, int]:
    """The median and the 99th percentile, one batch after the other, and how many items it has."""
    wanted = fifty_symbols()
    body = json.dumps({"requests": wanted}).encode()
    post(assay.port, BATCH, body)  # makes them warm
    taken = []
    for _ in range(BATCHES):
        began = time.perf_counter()
        results = json.loads(post(assay.port, BATCH, body))["results"]
        taken.append(1000 * (time.perf_counter() - began))
        if not all(item["ok"] for item in results):
            raise SystemExit(results)
    return median(taken), quantiles(taken, n=100)[98], len(wanted)


def other_coins() -> list[dict[str, str]]:
    """All markets there are but the fifty."""
    usual = fifty_symbols()
    every = [
        {"exchange": exchange, "symbol": market.symbol}
        for exchange, markets in MARKETS.items()
        for market in markets.markets
    ]
    return [coin for coin in every if coin not in usual]


def crowded(assay: Server) -> tuple[int, float, float, float]:
    """How many other coins were asked for, seconds of a batch of 50 new ones, milliseconds of the
    first fifty again, and MB that one more coin takes.
    """
    others, before = other_coins(), assay.resident_mb()
    taken = []
    for first in range(0, len(others), 50):
        began = time.perf_counter()
        post(assay.port, BATCH, json.dumps({"requests": others[first : first + 50]}).encode())
        taken.append(time.perf_counter() - began)
    grown = (assay.resident_mb() - before) / len(others)
    began = time.perf_counter()
    post(assay.port, BATCH, json.dumps({"requests": fifty_symbols()}).encode())
    return len(others), taken[0], 1000 * (time.perf_counter() - began), grown


async def computing(services: Services, limit: int) -> tuple[float, float]:
    """Microseconds of a signal that nobody asked for since the hour began, and of a usual one."""
    others = [
        Asked(SignalRequest(limit=limit - turn, explain=True), "en") for turn in range(COMPUTED)
    ]
    usual = Asked(SignalRequest(limit=limit, explain=True), "es")
    await services.signals.prepare(usual)

    def new(turn: int) -> None:
        services.signals.record(services.signals.at_hand(others[turn]))

    def again(_: int) -> None:
        services.signals.record(services.signals.at_hand(usual))

    return _microseconds(new), _microseconds(again)


def _microseconds(work: Callable[[int], None]) -> float:
    taken = []
    for turn in range(COMPUTED):
        began = time.perf_counter()
        work(turn)
        taken.append(1e6 * (time.perf_counter() - began))
    return median(taken)


async def print_computing(bundle: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(market_source="simulated", data_dir=Path(folder), model_uri=str(bundle))
        services = build_services(settings)
        print("\n| bars | rendering, ms | rendered already, ms |")
        print("|---|---|---|")
        for limit in (200, 500, 1000):
            new, again = await computing(services, limit)
            print(f"| {limit} | {new / 1000:.3f} | {again / 1000:.3f} |")
        await services.coins.close()
        await services.crypto.close()
        services.database.close()


def print_loads(loads: dict[str, Load]) -> None:
    print("| server | requests/s | ratio | p50, ms | p99, ms | ratio |")
    print("|---|---|---|---|---|---|")
    first = next(iter(loads.values()))
    for name, load in loads.items():
        print(
            f"| {name} | {load.per_second:.0f} | {load.per_second / first.per_second:.2f} "
            f"| {load.p50_ms:.2f} | {load.p99_ms:.2f} | {load.p99_ms / first.p99_ms:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"))
    arguments = parser.parse_args()
    plain, why = b"{}", b'{"explain":true}'
    with tempfile.TemporaryDirectory() as folder, backend(arguments.bundle) as assay:
        constant = Path(folder) / "signal.json"
        constant.write_bytes(post(assay.port, SIGNAL, plain))
        post(assay.port, SIGNAL, why)
        get(assay.port, SIGNAL)
        with bare(constant) as reference:
            loads = loads_of(
                {
                    "bare FastAPI, a constant of the size": (reference.port, "/predict", plain),
                    f"POST {SIGNAL}, recorded": (assay.port, SIGNAL, plain),
                    "the same with `explain`": (assay.port, SIGNAL, why),
                    f"GET {SIGNAL}": (assay.port, SIGNAL, None),
                },
                arguments,
                arguments.rounds,
            )
        middle, worst, items = batch_milliseconds(assay)
        print(
            f"{arguments.connections} connections, {constant.stat().st_size} bytes an answer, one "
            f"worker each, median of {arguments.rounds} rounds of {arguments.seconds:g} s by "
            f"{tool()}; {fsyncs_a_second(Path(folder)):,.0f} fsyncs/s of 4 KB\n"
        )
        others, cold, again, coin_mb = crowded(assay)
    print_loads(loads)
    print(f"\nBatch of {items} symbols: p50 {middle:.1f} ms, p99 {worst:.1f} ms")
    print(
        f"After {others} other coins: {again:.1f} ms; a batch of 50 new ones {cold:.1f} s, "
        f"{coin_mb:.2f} MB a coin"
    )
    asyncio.run(print_computing(arguments.bundle))


if __name__ == "__main__":
    main()
