"""A coin's state and walk: how long they take, beside one sort of as many numbers."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay.bundle.files import load_bundle
from assay.market.bars import Bars
from assay.volatility.model import VolatilityModel
from assay.volatility.state import CoinState
from assay.volatility.walk import walk

TWO_YEARS, DECADE = 17_520, 100_000
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"), metavar="DIR")
    model = load_bundle(parser.parse_args().bundle).volatility
    if model is None:
        raise SystemExit("the bundle has no volatility model")
    print(f"{'':44}{'ms':>9}{'/ sort':>9}{'aim, ms':>9}")
    for name, rows, work, aim in work_of(model):
        unit = best(lambda rows=rows: np.sort(np.random.default_rng(0).random(rows)))
        took = best(work)
        print(f"{name:44}{took:9.3f}{took / unit:9.1f}{aim:9.1f}")


def work_of(model: VolatilityModel) -> list[tuple[str, int, Callable[[], object], float]]:
    bars, long = some_hours(TWO_YEARS), some_hours(DECADE)
    state = CoinState.of(model, bars)
    state.prepare(60, 1440)

    def first(minutes: int) -> Callable[[], object]:
        return lambda: CoinState.of(model, bars).assess(minutes)

    return [
        ("state of 17,520 hours", TWO_YEARS, lambda: CoinState.of(model, bars), 60.0),
        ("state and first assessment, 24 hours", TWO_YEARS, first(1440), 70.0),
        ("state and first assessment, 30 days", TWO_YEARS, first(43_200), 90.0),
        ("assessment, warm, 1 hour", TWO_YEARS, lambda: state.assess(60), 0.3),
        ("assessment, warm, 24 hours", TWO_YEARS, lambda: state.assess(1440), 0.3),
        *(
            (
                f"walk over 100,000 hours, {hours} ahead",
                DECADE,
                lambda hours=hours: walk(model, long, horizon_hours=hours),
                1_000.0,
            )
            for hours in (1, 24, 720)
        ),
    ]


def best(work: Callable[[], object]) -> float:
    """The shortest of some runs, milliseconds."""
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return 1e3 * min(took)


def some_hours(n: int) -> Bars:
    rng = np.random.default_rng(1)
    path = np.cumsum(rng.standard_t(5, n * 4) * 0.002).reshape(n, 4)
    opened = np.concatenate([[0.0], path[:-1, -1]])
    high, low = np.maximum(path.max(axis=1), opened), np.minimum(path.min(axis=1), opened)
    time_ = np.datetime64("2014-01-01T00", "ms") + np.arange(n) * np.timedelta64(1, "h")
    prices = (100.0 * np.exp(column) for column in (opened, high, low, path[:, -1]))
    return Bars(time_, *prices, np.ones(n))


if __name__ == "__main__":
    main()
