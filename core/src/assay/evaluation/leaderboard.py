"""The rows that show every forecaster beside every benchmark on the same origins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.calendars import Days
from assay.evaluation import scores
from assay.evaluation.significance import diebold_mariano, pesaran_timmermann, uniform_p
from assay.forecast.distribution import (
    INTERVAL_LEVELS,
    LEVELS,
    MEDIAN_AT,
    REPORTED_LEVELS,
    Floats,
    level_index,
)

RANDOM_WALK, GARCH_T = "random_walk", "garch_t"
_REPORTED_AT = [level_index(level) for level in REPORTED_LEVELS]

Row = dict[str, object]


@dataclass(frozen=True, slots=True, eq=False)
class Origins:
    """What all forecasters are judged on: sessions, last closes and outcomes, shape (n,)."""

    origin: Days
    target: Days
    last_close: Floats
    actual: Floats

    @property
    def log_returns(self) -> Floats:
        """ln(actual / last_close)."""
        result: Floats = np.log(self.actual / self.last_close)
        return result


def leaderboard(origins: Origins, forecasts: Mapping[str, Floats]) -> list[Row]:
    """One row a forecaster; `forecasts` maps names to log-return quantiles (n, 199).

    Must hold `random_walk` and `garch_t`, which the tests of significance compare with on CRPS;
    `direction_p` is Pesaran and Timmermann's, `pit_ks_p` Kolmogorov and Smirnov's. None stands for
    what is undefined.
    """
    outcomes = origins.log_returns
    losses = {name: scores.crps(grid, outcomes) for name, grid in forecasts.items()}
    return [
        {
            "name": name,
            **_point_scores(origins, grid),
            "crps": float(losses[name].mean()),
            "pinball": float(
                scores.pinball(grid[:, _REPORTED_AT], outcomes, LEVELS[_REPORTED_AT]).mean()
            ),
            "coverage": {
                str(level): float(scores.covered(grid, outcomes, level).mean())
                for level in INTERVAL_LEVELS
            },
            "winkler": {
                str(level): float(100.0 * scores.winkler(grid, outcomes, level).mean())
                for level in INTERVAL_LEVELS
            },
            "pit_ks_p": uniform_p(scores.pit(grid, outcomes)),
            "dm_p_vs_random_walk": _p_value(losses[name], losses[RANDOM_WALK]),
            "dm_p_vs_garch_t": _p_value(losses[name], losses[GARCH_T]),
        }
        for name, grid in forecasts.items()
    ]


def _point_scores(origins: Origins, grid: Floats) -> Row:
    """Scores of the median. Direction is null where the median never leaves the last close."""
    median = grid[:, MEDIAN_AT]
    error = origins.actual - origins.last_close * np.exp(median)
    outcomes = origins.log_returns
    moved = float((outcomes**2).sum())
    ratio = float(scores.squared_error(grid, outcomes).sum()) / moved if moved > 0.0 else None
    says = median != 0.0
    hits = np.sign(median[says]) == np.sign(outcomes[says])
    return {
        "mape": float(100.0 * np.mean(np.abs(error) / origins.actual)),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "rmse_ratio_rw": None if ratio is None else float(np.sqrt(ratio)),
        "r2_oos": None if ratio is None else 1.0 - ratio,
        "direction_accuracy": float(hits.mean()) if says.any() else None,
        "direction_p": pesaran_timmermann(median, outcomes),
        "dm_p_rmse_vs_random_walk": _p_value(scores.squared_error(grid, outcomes), outcomes**2),
    }


def _p_value(losses: Floats, rival: Floats) -> float | None:
    found = diebold_mariano(losses, rival)
    return found[1] if found else None


def forecast_records(origins: Origins, grid: Floats) -> list[Row]:
    """One record an origin: its quantiles in price units beside what came of it."""
    prices = origins.last_close[:, None] * np.exp(grid[:, _REPORTED_AT])
    return [
        {
            "origin": str(origins.origin[i]),
            "target": str(origins.target[i]),
            "last_close": float(origins.last_close[i]),
            "median": float(prices[i, REPORTED_LEVELS.index(0.5)]),
            "q": {
                str(level): float(price)
                for level, price in zip(REPORTED_LEVELS, prices[i], strict=True)
            },
            "actual": float(origins.actual[i]),
        }
        for i in range(len(origins.origin))
    ]
