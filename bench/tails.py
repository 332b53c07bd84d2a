"""How often a coin's next day ends beyond its limits, by how much training's shape counts.

Each coin's limits lean on the shape of the other's returns. Days stand in for hours, since no hours
reach back as far.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from assay.bundle.files import load_bundle
from assay.clock import SystemClock
from assay.market.bars import Bars
from assay.volatility import tails
from assay.volatility.features import Features, features_of
from assay.volatility.hours import daily_variance, hours_of_days
from assay.volatility.model import VolatilityModel
from assay.volatility.past import Past, midnights_until
from assay_training.steps.publish_volatility import VolatilityFiles, read_volatility_bars
from assay_training.steps.volatility_errors import tail_shape

DAY = 24
FIRST_DAYS = 600
WEIGHTS = (0.0, 100.0, 200.0, 500.0, 1000.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the three CSVs")
    parser.add_argument("--bundle", type=Path, default=Path("data/processed"), metavar="DIR")
    options = parser.parse_args()
    files, model = VolatilityFiles.within(options.data), load_bundle(options.bundle).volatility
    if files is None or model is None:
        raise SystemExit("needs the three CSV files, and a bundle with a volatility model")
    coins = [
        features(model, daily) for daily in read_volatility_bars(files, SystemClock()).bars.daily
    ]
    print(f"{'days that count':>16}{'n':>7}{'beyond 5 %':>12}{'beyond 1 %':>12}")
    for weight in WEIGHTS:
        tails.PRIOR_SAMPLES = max(weight, 1e-9)
        beyond = np.concatenate(
            [exceeded(model, own, other) for own, other in (coins, coins[::-1])]
        )
        print(f"{weight:16.0f}{len(beyond):7}" + "".join(f"{x:12.2%}" for x in beyond.mean(axis=0)))


def features(model: VolatilityModel, daily: Bars) -> Features:
    """Of days whose ranges are scaled by what the first ones say, none of which is judged."""
    returns = np.diff(np.log(daily.close[: FIRST_DAYS + 1]))
    share = float(np.sum(returns**2) / np.sum(daily_variance(daily)[1 : FIRST_DAYS + 1]))
    return features_of(hours_of_days(daily, model.season, share=share, gap=model.gap), model)


def exceeded(model: VolatilityModel, own: Features, other: Features) -> np.ndarray:
    shaped = replace(
        model,
        tail_hours=np.array([float(DAY)]),
        tails=tail_shape(model, [other], DAY)[None, :],
    )
    past = Past(shaped, own, DAY)
    quantiles, _ = tails.tail_quantiles(past.tail_masses())
    ends = (own.hours.open_hours + 1) % DAY == 0
    rows = np.flatnonzero(own.usable & ends)[FIRST_DAYS:-1]
    moved = past.returns[rows + DAY]
    limits = (
        np.exp(0.5 * past.log_forecast[rows])[:, None] * quantiles[midnights_until(own.hours)[rows]]
    )
    return (moved[:, None] < limits)[np.isfinite(moved)]


if __name__ == "__main__":
    main()
