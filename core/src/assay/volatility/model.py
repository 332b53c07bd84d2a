"""What volatility.json holds: numbers alone, applied by numpy.

    ln f_H = b0 + b x + lR + ln S_H

with x the features at the origin, lR the log of the year's level and S_H the season's sum over the
H hours ahead: log-HAR (Corsi 2009) on hourly Garman-Klass, with leverage and a season.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log
from typing import Any, Final, Self

import numpy as np

from assay.volatility.assessment import Measure
from assay.volatility.hours import DAY_HOURS, WEEK_HOURS, YEAR_HOURS, Positions
from assay.volatility.rolling import Floats

FORMAT: Final = 1
NAMES: Final = ("x1", "x6", "x24", "x168", "x720", "neg")
LONGEST_HOURS: Final = 720
_MOST_COEFFICIENT = 10.0
_MOST_LOG = 20.0
MEASURES: Final[tuple[Measure, ...]] = ("garman_klass", "squared_returns")


def measure_of(hours: int) -> Measure:
    """What "realized" means over a horizon: below a day one squared return is a single draw.

    >>> measure_of(23), measure_of(24)
    ('garman_klass', 'squared_returns')
    """
    return "garman_klass" if hours < DAY_HOURS else "squared_returns"


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """ln(realized / forecast) as training saw it, by horizon: `hours`, `mean`, `deviation` (k,).

    `threshold` (k,) is the 80th percentile of ln realized - ln H - lR: where a coin's own year is
    not to be had, its level and that stand in.
    """

    hours: Floats
    mean: Floats
    deviation: Floats
    threshold: Floats

    def at(self, hours: float) -> tuple[float, float, float]:
        """Mean, deviation and threshold, linear in ln H between the known horizons."""
        at, known = log(hours), np.log(self.hours)
        return (
            float(np.interp(at, known, self.mean)),
            float(np.interp(at, known, self.deviation)),
            float(np.interp(at, known, self.threshold)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class VolatilityModel:
    """The fitted model; frozen, shared by all coins.

    `season` (168,): hour-of-week profile of variance, mean 1, Monday 00:00 UTC first.
    `level`: ln of a typical coin's mean squared hourly return; `gap`: that of squared returns less
    that of Garman-Klass; both count as much as `level_hours` hours of a coin's own.
    `daily_share`: a day's sum of squared hourly returns over its Garman-Klass.
    `nodes` (k,): horizons in hours, 1 to 720. `coefficients` (k, 7): b0, then those of `NAMES`.
    `tail_hours` (j,), `tails` (j, q): evenly spaced quantiles of return / sqrt(forecast).
    """

    season: Floats
    level: float
    gap: float
    level_hours: float
    daily_share: float
    nodes: Floats
    coefficients: Floats
    residuals: dict[Measure, Residuals]
    tail_hours: Floats
    tails: Floats

    def coefficients_at(self, hours: int) -> Floats:
        """b0 and b for a horizon of `hours`, linear in ln H between nodes, shape (7,)."""
        found: Floats = self.coefficients_at_each(np.array([hours]))[0]
        return found

    def coefficients_at_each(self, hours: Positions) -> Floats:
        """The same for several `hours` (k,) at once, shape (k, 7)."""
        at, known = np.log(hours), np.log(self.nodes)
        return np.column_stack([np.interp(at, known, column) for column in self.coefficients.T])

    def residuals_at(self, hours: int) -> tuple[float, float, float]:
        """Mean, deviation and threshold of the residuals, as that horizon's measure has them."""
        return self.residuals[measure_of(hours)].at(hours)

    def tails_at(self, hours: int) -> Floats:
        """The quantiles of the nearest horizon, in ln H, shape (q,)."""
        nearest = int(np.argmin(np.abs(np.log(self.tail_hours) - log(hours))))
        found: Floats = self.tails[nearest]
        return found

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "format": FORMAT,
            "season": self.season.tolist(),
            "level": {
                "annualized_volatility": float(np.sqrt(np.exp(self.level) * YEAR_HOURS)),
                "log_squared_over_garman_klass": self.gap,
                "hours": self.level_hours,
                "daily_share": self.daily_share,
            },
            "nodes": [
                {"hours": int(hours), "b0": row[0], **dict(zip(NAMES, row[1:], strict=True))}
                for hours, row in zip(self.nodes, self.coefficients.tolist(), strict=True)
            ],
            "residuals": {
                measure: [
                    {"hours": int(h), "mean": mean, "deviation": deviation, "threshold": threshold}
                    for h, mean, deviation, threshold in zip(
                        found.hours.tolist(),
                        found.mean.tolist(),
                        found.deviation.tolist(),
                        found.threshold.tolist(),
                        strict=True,
                    )
                ]
                for measure, found in self.residuals.items()
            },
            "tails": [
                {"hours": int(hours), "quantiles": quantiles}
                for hours, quantiles in zip(
                    self.tail_hours.tolist(), self.tails.tolist(), strict=True
                )
            ],
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError or TypeError for what cannot be a model."""
        if body["format"] != FORMAT:
            raise ValueError(f"has format {body['format']!r}, this program reads {FORMAT}")
        level, nodes, tails = body["level"], body["nodes"], body["tails"]
        annualized = _number("annualized_volatility", level["annualized_volatility"], 1e-3, 1e2)
        return cls(
            season=_season(body["season"]),
            level=log(annualized**2 / YEAR_HOURS),
            gap=_number("log_squared_over_garman_klass", level["log_squared_over_garman_klass"],
                        -2.0, 2.0),
            level_hours=_number("hours", level["hours"], 1.0, 1e5),
            daily_share=_number("daily_share", level["daily_share"], 0.1, 10.0),
            nodes=_horizons([node["hours"] for node in nodes], whole=True),
            coefficients=_table(
                "nodes", [[node[name] for name in ("b0", *NAMES)] for node in nodes],
                most=_MOST_COEFFICIENT,
            ),
            residuals={measure: _residuals(body["residuals"][measure]) for measure in MEASURES},
            tail_hours=_horizons([tail["hours"] for tail in tails], whole=False),
            tails=_tails([tail["quantiles"] for tail in tails]),
        )  # fmt: skip


def _number(name: str, value: Any, least: float, most: float) -> float:  # noqa: ANN401 - JSON's
    number = float(value)
    if not isfinite(number) or not least <= number <= most:
        raise ValueError(f"{name} {value!r} is not between {least} and {most}")
    return number


def _table(name: str, rows: list[Any], *, most: float) -> Floats:
    table = np.array(rows, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise ValueError(f"{name} are no table of numbers")
    if np.abs(table).max() > most:
        raise ValueError(f"{name} hold a number beyond {most}")
    return table


def _season(values: list[Any]) -> Floats:
    season = np.array(values, dtype=np.float64)
    if season.shape != (WEEK_HOURS,) or not np.isfinite(season).all() or season.min() < 1e-3:
        raise ValueError(f"season needs {WEEK_HOURS} numbers of .001 or more")
    if abs(season.mean() - 1.0) > 1e-5:
        raise ValueError(f"season has the mean {season.mean()}, not 1")
    return season


def _horizons(hours: list[Any], *, whole: bool) -> Floats:
    """Rising horizons; `whole` ones from 1 to 720."""
    known = np.array(hours, dtype=np.float64)
    if known.ndim != 1 or not len(known) or not np.isfinite(known).all() or known[0] < 1:
        raise ValueError(f"{hours} are no horizons in hours")
    if (np.diff(known) <= 0).any() or (whole and (known[0] != 1 or known[-1] != LONGEST_HOURS)):
        raise ValueError(f"horizons {hours} do not rise from 1 to {LONGEST_HOURS}")
    return known


def _residuals(rows: list[Any]) -> Residuals:
    names = ("mean", "deviation", "threshold")
    table = _table("residuals", [[row[name] for name in names] for row in rows], most=_MOST_LOG)
    if table[:, 1].min() < 0.05:
        raise ValueError("residuals have a deviation below .05")
    hours = _horizons([row["hours"] for row in rows], whole=False)
    return Residuals(hours, table[:, 0], table[:, 1], table[:, 2])


def _tails(rows: list[Any]) -> Floats:
    table = _table("tails", rows, most=1e3)
    if table.shape[1] < 21 or (np.diff(table, axis=1) < 0).any():
        raise ValueError("tails need 21 quantiles or more that never fall")
    return table
