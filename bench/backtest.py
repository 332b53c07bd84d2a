"""A back-test over 100,000 hourly bars, by part.

python bench/backtest.py [--bars 100000] [--horizons 1 24 168] [--rounds 3]

The bars are of a seeded market whose volatility comes and goes by hour, week and spell, so that no
part has it easier than on an exchange's. Seconds on the wall, of the best round, since others may
be at work.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from assay.bundle.files import load_bundle
from assay.evaluation.backtest import judge
from assay.evaluation.exposure import Terms
from assay.market.bars import Bars
from assay.volatility.walk import walk

T = TypeVar("T")


def market(n: int) -> Bars:
    """Hourly bars whose log variance is a season, a slow spell, a fast one, and noise."""
    rng = np.random.default_rng(7)
    hour = np.arange(n)
    season = 0.3 * np.sin(2 * np.pi * hour / 24) - 0.5 * (hour // 24 % 7 >= 5)
    spells = [_wandering(rng, n, hours) for hours in (2000.0, 60.0)]
    scale = 0.005 * np.exp(season / 2 + 0.4 * spells[0] + 0.3 * spells[1])
    moves = scale * rng.standard_t(4, n) / np.sqrt(2.0)
    close = 20_000.0 * np.exp(np.cumsum(moves - moves.mean()))
    open_ = np.append(20_000.0, close[:-1])
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, scale / 2)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, scale / 2)))
    opens = np.datetime64("2014-01-01", "ms") + hour * np.timedelta64(1, "h")
    return Bars(opens, open_, high, low, close, np.ones(n))


def _wandering(rng: np.random.Generator, n: int, hours: float) -> np.ndarray:
    """A stationary AR(1) of deviation 1 that forgets in `hours`."""
    keep = np.exp(-1.0 / hours)
    steps = rng.normal(0.0, np.sqrt(1.0 - keep**2), n).tolist()
    level, path = 0.0, []
    for step in steps:
        level = keep * level + step
        path.append(level)
    return np.array(path)


def best(work: Callable[[], T], rounds: int) -> tuple[T, float]:
    """What `work` gives, and the seconds of its fastest round."""
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - begin)
    return found, min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=int, default=100_000)
    parser.add_argument("--horizons", type=int, nargs="+", default=[1, 24, 168, 720])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"))
    arguments = parser.parse_args()
    model = load_bundle(arguments.bundle).volatility
    if model is None:
        raise SystemExit(f"{arguments.bundle} has no volatility model")
    bars = market(arguments.bars)
    print(f"{len(bars)} hourly bars, one thread, best of {arguments.rounds} rounds\n")
    print("| horizon, h | walk, s | trades and scores, s | in all, s |")
    print("|---|---|---|---|")
    for horizon in arguments.horizons:
        terms = Terms(rebalance_hours=horizon)
        signals, walking = best(
            lambda horizon=horizon: walk(model, bars, horizon_hours=horizon), arguments.rounds
        )
        _, judging = best(
            lambda signals=signals, horizon=horizon, terms=terms: judge(
                signals, bars, horizon_hours=horizon, terms=terms
            ),
            arguments.rounds,
        )
        print(f"| {horizon} | {walking:.2f} | {judging:.2f} | {walking + judging:.2f} |")


if __name__ == "__main__":
    main()
