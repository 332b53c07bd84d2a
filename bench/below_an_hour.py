"""Risk scores for less than an hour against what came, measured as one bar and as a sum of minutes.

python bench/below_an_hour.py [--bundle data/processed] [--minutes 15] [--days 500] [--seed 0]

A simulated coin, minute by minute, whose volatility comes in spells; a score at each hour's close.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from assay.bundle.files import load_bundle
from assay.evaluation.probability_scores import reliability_table
from assay.features.transforms import Floats, garman_klass
from assay.market.bars import Bars
from assay.volatility.walk import walk

STEPS = 6
HOUR_MINUTES = 60


def simulated(days: int, seed: int) -> tuple[Bars, Floats]:
    """Hourly bars, and (hours, 60, 4) logs of the open, high, low and close of their minutes."""
    rng = np.random.default_rng(seed)
    hours = 24 * days
    spell, scale = 0.0, np.empty(hours)
    for at in range(hours):
        spell = 0.97 * spell + 0.2 * rng.normal()
        scale[at] = 0.005 * np.exp(spell)
    walked = rng.normal(size=(hours, HOUR_MINUTES * STEPS)) * scale[:, None]
    walked /= np.sqrt(HOUR_MINUTES * STEPS)
    path = np.cumsum(walked.ravel()).reshape(hours * HOUR_MINUTES, STEPS)
    opens = np.concatenate([[0.0], path[:-1, -1]])
    high, low = np.maximum(path.max(axis=1), opens), np.minimum(path.min(axis=1), opens)
    minutes = np.stack([opens, high, low, path[:, -1]], axis=1).reshape(hours, HOUR_MINUTES, 4)
    time = np.datetime64("2023-01-02T00", "ms") + np.arange(hours) * np.timedelta64(1, "h")
    return Bars(time, *np.exp(one_bar(minutes)).T, np.ones(hours)), minutes


def one_bar(minutes: Floats) -> Floats:
    """Minutes' logs (n, m, 4) gathered into one bar's (n, 4)."""
    return np.stack(
        [
            minutes[:, 0, 0],
            minutes[:, :, 1].max(axis=1),
            minutes[:, :, 2].min(axis=1),
            minutes[:, -1, 3],
        ],
        axis=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"))
    parser.add_argument("--minutes", type=int, default=15)
    parser.add_argument("--days", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    hourly, minutes = simulated(arguments.days, arguments.seed)
    model = load_bundle(arguments.bundle).volatility
    if model is None:
        raise SystemExit(f"{arguments.bundle} has no volatility model")
    walked = walk(model, hourly, horizon_hours=1)
    known = np.flatnonzero(np.isfinite(walked.risk_score[:-1]))[-(len(hourly) - 8_760) :]
    window = minutes[known + 1, : arguments.minutes]
    threshold = walked.threshold[known] * arguments.minutes / HOUR_MINUTES
    measured = {
        "as one bar": garman_klass(*np.exp(one_bar(window)).T),
        "summed over minutes": garman_klass(*np.exp(np.moveaxis(window, 2, 0))).sum(axis=1),
    }
    print(f"{len(known)} windows of {arguments.minutes} minutes\n")
    for name, variance in measured.items():
        happened = variance > threshold
        print(f"{name}: {happened.mean():.3f} above the threshold\n\n| n | said | happened |")
        print("|---|---|---|")
        for row in reliability_table(walked.risk_score[known], happened):
            print(f"| {row.origins} | {row.said:.3f} | {row.happened:.3f} |")
        print()


if __name__ == "__main__":
    main()
