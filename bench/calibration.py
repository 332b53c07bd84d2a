"""What calibration buys: log_linear_t walk-forward, calibrated in several ways, beside GARCH-t.

Run: uv run python bench/calibration.py --gold gold.csv --sp500 sp500.csv   (about 30 s)
Prints the table of docs/adr/0005-calibration.md.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np

from assay.evaluation import scores
from assay.evaluation.walk_forward import WalkForward, origin_rows, walk_forward
from assay.features.build import build_features
from assay.forecast.calibration import corrected_levels
from assay.forecast.distribution import INTERVAL_LEVELS, Floats
from assay.forecast.log_linear_t import LogLinearTRecipe
from assay.forecast.scale import quantiles
from assay.market.csv_bars import read_bars_csv
from assay_training.steps.benchmarks import garch_t_quantiles

START, WINDOW_SESSIONS = date(2010, 1, 1), 310
VARIANTS = [(0, 0.0), (500, 0.5), (500, 1.0), (250, 0.5), (250, 0.75), (250, 1.0), (125, 0.5)]


def calibrated(walk: WalkForward, *, window: int, weight: float, anchored: bool = True) -> Floats:
    """Quantiles of `walk`, each origin corrected by the `window` outcomes before it."""
    pits = walk.pits()
    levels = [
        corrected_levels(pits[max(0, i - window) : i], weight=weight, anchored=anchored)
        for i in range(len(pits))
    ]
    return quantiles(walk.parameters, walk.sigma, walk.location, np.array(levels))


def share_of_windows_that_hold(grid: Floats, outcomes: Floats) -> float:
    """Windows of 310 sessions whose coverage is within two binomial errors at every level."""
    held = np.ones(len(outcomes) - WINDOW_SESSIONS + 1, dtype=bool)
    for level in INTERVAL_LEVELS:
        hits = scores.covered(grid, outcomes, level).astype(float)
        share = np.convolve(hits, np.ones(WINDOW_SESSIONS) / WINDOW_SESSIONS, "valid")
        error = np.sqrt(level * (1 - level) / WINDOW_SESSIONS)
        held &= np.abs(share - level) <= 2 * error
    return float(held.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--sp500", type=Path, required=True)
    options = parser.parse_args()
    gold, sp500 = (read_bars_csv(path, daily=True).bars for path in (options.gold, options.sp500))
    matrix = build_features(gold, sp500)
    rows = origin_rows(matrix, start=START, end=gold.last_session)
    walk = walk_forward(LogLinearTRecipe(), matrix, rows)
    outcomes = walk.outcomes
    garch = garch_t_quantiles(matrix.close, rows)
    base = scores.crps(garch, outcomes).mean()
    print(f"{len(rows)} origins from {START}\n")
    print("| past outcomes | weight | median | CRPS / GARCH-t | RMSE / RW | windows that hold |")
    print("|---|---|---|---|---|---|")

    def line(name: str, weight: str, median: str, grid: Floats) -> None:
        crps = scores.crps(grid, outcomes).mean() / base
        rmse = np.sqrt(scores.squared_error(grid, outcomes).sum() / (outcomes**2).sum())
        hold = share_of_windows_that_hold(grid, outcomes)
        print(f"| {name} | {weight} | {median} | {crps:.4f} | {rmse:.5f} | {hold:.0%} |")

    line("(GARCH-t itself)", "", "zero", garch)
    for window, weight in VARIANTS:
        grid = calibrated(walk, window=window, weight=weight)
        line(str(window or "none"), str(weight), "anchored", grid)
    free = calibrated(walk, window=250, weight=0.5, anchored=False)
    line("250", "0.5", "free", free)


if __name__ == "__main__":
    main()
