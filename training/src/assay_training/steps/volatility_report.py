"""What `assay-train volatility` says: rows, tails, risk, regimes, forecasts; and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.calendars import Days
from assay.evaluation.coverage_tests import christoffersen, holm, kupiec
from assay.evaluation.probability_scores import (
    auc,
    brier,
    brier_skill,
    calibration,
    ece,
    reliability_table,
)
from assay.evaluation.significance import diebold_mariano
from assay.evaluation.tail_tests import acerbi_szekely_z2, fz0, z2_critical
from assay.evaluation.volatility_scores import (
    log_r2,
    log_r2_unit_slope,
    mincer_zarnowitz,
    qlike,
)
from assay.features.transforms import Floats
from assay.volatility.assessment import REGIMES
from assay.volatility.benchmarks import Tail
from assay.volatility.walk import Walk

ASSAY, HAR, GARCH = "assay", "har_ols", "garch_t"
TAIL_LEVELS = (0.01, 0.05)
YEAR_DAYS = 365.0

Row = dict[str, Any]
_Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Days and what was forecast of them at the midnight before, all of shape (n,).

    `realized` and `forecasts` are variances of the day's log return, above zero; `tails` maps
    levels, then names, to log returns.
    """

    target: Days
    realized: Floats
    log_return: Floats
    forecasts: Mapping[str, Floats]
    tails: Mapping[float, Mapping[str, Tail]]

    def __len__(self) -> int:
        return len(self.target)


def report(
    judged: Judged,
    day_walk: Walk,
    at: _Rows,
    hour_walk: Walk,
    *,
    left_out: Days,
    not_forecast: int,
) -> Row:
    """The whole report; `at` are the rows of `day_walk` that the days' origins are.

    None, or NaN, stands for what is undefined.
    """
    # The hours whose origins lie within the days judged.
    first, last = (judged.target[i].astype("datetime64[ms]") for i in (0, -1))
    span = (hour_walk.time >= first) & (hour_walk.time < last + np.timedelta64(1, "D"))
    return {
        "n": len(judged),
        "start": str(judged.target[0]),
        "end": str(judged.target[-1]),
        "left_out": {
            "days": [str(day) for day in left_out],
            "without_forecast": not_forecast,
        },
        "rows": variance_rows(judged),
        "var": tail_rows(judged),
        "risk": risk_scores(
            day_walk.risk_score[at], day_walk.threshold[at], realized=judged.realized
        ),
        "risk_1h": risk_scores(
            hour_walk.risk_score[span],
            hour_walk.threshold[span],
            realized=hour_walk.realized[span],
        ),
        "regimes": regime_rows(day_walk.regime[at], judged.realized),
        "regime_switches_per_year": _switches_per_year(day_walk.regime[at], YEAR_DAYS),
        "regime_r2": _regime_r2(day_walk.regime[at], judged.realized),
        "forecasts": _records(judged, day_walk, at),
    }


def variance_rows(judged: Judged) -> list[Row]:
    """One row a forecaster, all on the same days; Diebold and Mariano's p on QLIKE."""
    losses = {name: qlike(f, judged.realized) for name, f in judged.forecasts.items()}
    return [
        {
            "name": name,
            "qlike": float(losses[name].mean()),
            "qlike_ratio_har": _ratio(losses[name], losses[HAR]),
            "qlike_ratio_garch_t": _ratio(losses[name], losses[GARCH]),
            **_log_scores(forecast, judged.realized),
            "dm_p_vs_har": _p_value(losses[name], losses[HAR]),
            "dm_p_vs_garch_t": _p_value(losses[name], losses[GARCH]),
        }
        for name, forecast in judged.forecasts.items()
    ]


def _log_scores(forecast: Floats, realized: Floats) -> Row:
    line = mincer_zarnowitz(forecast, realized)
    return {
        "mz_slope": line.slope if line else None,
        "mz_intercept": line.intercept if line else None,
        "mz_r2": line.r2 if line else None,
        "log_r2": log_r2(forecast, realized),
        "log_r2_unit_slope": log_r2_unit_slope(forecast, realized),
    }


def _ratio(losses: Floats, rival: Floats) -> float | None:
    return float(losses.mean() / rival.mean()) if rival.mean() > 0.0 else None


def _p_value(losses: Floats, rival: Floats) -> float | None:
    found = diebold_mariano(losses, rival)
    return found[1] if found else None


def tail_rows(judged: Judged) -> list[Row]:
    """One row a level and forecaster, on the days on which every forecaster has a tail."""
    rows = []
    for level, tails in judged.tails.items():
        known = np.logical_and.reduce([_usable(tail) for tail in tails.values()])
        for name, tail in tails.items():
            scores = _tail_scores(
                judged.log_return[known], tail.quantile[known], tail.mean[known], level
            )
            rows.append({"name": name, "level": level, "n": int(known.sum()), **scores})
    for name in dict.fromkeys(row["name"] for row in rows):
        adjust_by_holm([row for row in rows if row["name"] == name])
    return rows


def adjust_by_holm(rows: Sequence[Row]) -> None:
    """Adds `kupiec_p_holm` and `christoffersen_p_holm` to a forecaster's rows.

    Both tests at all of its levels are one family, as at the gate; what is undefined is no test.
    """
    tests = [(row, key) for row in rows for key in ("kupiec_p", "christoffersen_p")]
    defined = {
        str(at): row[key]
        for at, (row, key) in enumerate(tests)
        if row[key] is not None and np.isfinite(row[key])
    }
    adjusted = holm(defined)
    for at, (row, key) in enumerate(tests):
        row[f"{key}_holm"] = adjusted.get(str(at))


def _usable(tail: Tail) -> NDArray[np.bool_]:
    usable: NDArray[np.bool_] = (tail.quantile < 0.0) & (tail.mean < 0.0)  # False for NaN
    return usable


def _tail_scores(returns: Floats, quantile: Floats, mean: Floats, level: float) -> Row:
    names = ("hit_rate", "kupiec_p", "christoffersen_p", "z2", "z2_critical", "fz0")
    if len(returns) < 2:
        return dict.fromkeys(names)
    missed = returns <= quantile
    values = (
        float(missed.mean()),
        kupiec(missed, level),
        christoffersen(missed) if missed[1:].any() and not missed[1:].all() else None,
        acerbi_szekely_z2(returns, mean, quantile, level),
        z2_critical(mean, quantile, level),
        float(fz0(returns, mean, quantile, level).mean()),
    )
    return dict(zip(names, values, strict=True))


def risk_scores(probability: Floats, threshold: Floats, *, realized: Floats) -> Row:
    """Of the probability that `realized` ends above `threshold`, where all three are known."""
    known = np.isfinite(probability) & np.isfinite(threshold) & np.isfinite(realized)
    said, happened = probability[known], realized[known] > threshold[known]
    line = calibration(said, happened)
    return {
        "n": int(known.sum()),
        "base_rate": float(happened.mean()) if len(happened) else None,
        "brier": brier(said, happened) if len(happened) else None,
        "brier_skill": brier_skill(said, happened),
        "auc": auc(said, happened),
        "ece": ece(said, happened),
        "slope": line.slope if line else None,
        "intercept": line.intercept if line else None,
        "reliability": [row._asdict() for row in reliability_table(said, happened)],
    }


def regime_rows(regime: NDArray[np.int8], realized: Floats) -> list[Row]:
    """Share of the days, and the root of the following day's mean realized variance."""
    known = regime >= 0
    rows = []
    for code, name in enumerate(REGIMES):
        inside = realized[regime == code]
        volatility = float(np.sqrt(inside.mean())) if len(inside) else None
        rows.append(
            {
                "regime": name,
                "share": float((regime[known] == code).mean()) if known.any() else None,
                "next_day_realized_volatility": volatility,
                "annualized": volatility and volatility * float(np.sqrt(YEAR_DAYS)),
            }
        )
    return rows


def _switches_per_year(regime: NDArray[np.int8], steps_a_year: float) -> float | None:
    known = regime[regime >= 0]
    return float((known[1:] != known[:-1]).mean() * steps_a_year) if len(known) > 1 else None


def _regime_r2(regime: NDArray[np.int8], realized: Floats) -> float | None:
    """Share of the variance of next-day log realized variance that the regimes' means explain."""
    y, codes = np.log(realized[regime >= 0]), regime[regime >= 0]
    total = float(((y - y.mean()) ** 2).sum()) if len(y) else 0.0
    if total <= 0.0:
        return None
    parts = [y[codes == code] for code in np.unique(codes)]
    return 1.0 - sum(float(part.var()) * len(part) for part in parts) / total


def _records(judged: Judged, day_walk: Walk, at: _Rows) -> list[Row]:
    """One record a day; `origin` is the session that has just closed, `target` the one after.

    `tail_quantile` and `tail_mean` are the model's, log returns as `log_return` is, by level.
    """
    risk, regime = day_walk.risk_score[at], day_walk.regime[at]
    tails = {str(level): found[ASSAY] for level, found in judged.tails.items()}
    return [
        {
            "origin": str(judged.target[i] - 1),
            "target": str(judged.target[i]),
            "forecast_variance": float(judged.forecasts[ASSAY][i]),
            "realized_variance": float(judged.realized[i]),
            "risk_score": float(risk[i]),
            "vol_regime": REGIMES[regime[i]] if regime[i] >= 0 else None,
            "log_return": float(judged.log_return[i]),
            "tail_quantile": {level: float(tail.quantile[i]) for level, tail in tails.items()},
            "tail_mean": {level: float(tail.mean[i]) for level, tail in tails.items()},
        }
        for i in range(len(judged))
    ]
