"""How good past signals were: variance against rivals, risk scores, tails, regimes.

Origins are those of `origins_apart`: their horizons do not overlap, so that no outcome is counted
twice and the tests of significance hold as they stand. None stands for what is undefined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.evaluation import probability_scores as probability
from assay.evaluation import volatility_scores as scores
from assay.evaluation.coverage_tests import kupiec
from assay.evaluation.exposure import HOURS_A_YEAR, annualized_volatility
from assay.evaluation.significance import diebold_mariano
from assay.market.bars import Floats
from assay.volatility.assessment import REGIMES, Regime
from assay.volatility.features import LEAST_VARIANCE

Rows = NDArray[np.intp]

ASSAY: Final = "assay"
HAR_OLS: Final = "har_ols"
YESTERDAY: Final = "yesterday"
_HOUR: Final = np.timedelta64(1, "h")


class Signals(Protocol):
    """The signals of every hour and what came of them, arrays of shape (n,), NaN where unknown; a
    `volatility.walk.Walk` is one.
    """

    @property
    def time(self) -> NDArray[np.datetime64]: ...
    @property
    def variance(self) -> Floats: ...
    @property
    def realized(self) -> Floats: ...
    @property
    def threshold(self) -> Floats: ...
    @property
    def risk_score(self) -> Floats: ...
    @property
    def value_at_risk_95(self) -> Floats: ...
    @property
    def value_at_risk_99(self) -> Floats: ...
    @property
    def regime(self) -> NDArray[np.int8]: ...
    @property
    def log_return(self) -> Floats: ...


@dataclass(frozen=True, slots=True)
class VarianceRow:
    """A forecaster's mean QLIKE, its ratio to the rivals' on the same origins, Mincer-Zarnowitz and
    R2 on log variance, and Diebold-Mariano's two-sided p on QLIKE.
    """

    name: str
    qlike: float
    qlike_ratio_har: float | None
    qlike_ratio_yesterday: float | None
    mz_slope: float | None
    mz_r2: float | None
    log_r2: float | None
    dm_p_vs_har: float | None
    dm_p_vs_yesterday: float | None


@dataclass(frozen=True, slots=True)
class VarianceQuality:
    """Variance forecasts over `origins`; no rows where there is none to judge."""

    origins: int
    rows: tuple[VarianceRow, ...]


@dataclass(frozen=True, slots=True)
class RiskQuality:
    """Risk scores against how often volatility did end above the year's 80th percentile."""

    origins: int
    base_rate: float | None
    brier: float | None
    brier_skill: float | None
    auc: float | None
    ece: float | None
    slope: float | None
    intercept: float | None
    reliability: tuple[probability.ReliabilityBin, ...]


@dataclass(frozen=True, slots=True)
class TailQuality:
    """How often more was lost than the value at risk; `level` is how often it should be."""

    confidence: float
    level: float
    origins: int
    hits: int
    hit_rate: float | None
    kupiec_p: float | None


@dataclass(frozen=True, slots=True)
class RegimeRow:
    """A regime's share of the hours, and the annualized volatility over the horizons after it."""

    regime: Regime
    share: float | None
    origins: int
    next_realized_volatility: float | None


@dataclass(frozen=True, slots=True)
class RegimeQuality:
    """Regimes over `hours` that have one."""

    hours: int
    switches_a_year: float | None
    rows: tuple[RegimeRow, ...]


def origins_apart(time: NDArray[np.datetime64], horizon_hours: int) -> Rows:
    """The rows whose close lies on a whole multiple of the horizon since the epoch.

    >>> hours = np.datetime64("2024-01-01", "ms") + np.arange(6) * np.timedelta64(1, "h")
    >>> origins_apart(hours, 4).tolist()
    [0, 4]
    """
    since = (time - np.datetime64(0, "ms")) // _HOUR
    return np.flatnonzero(since % horizon_hours == 0)


def variance_quality(
    signals: Signals, rivals: Mapping[str, Floats], origins: Rows
) -> VarianceQuality:
    """Scores of the forecasts and of `rivals` (n,), on the origins where all have one.

    A rival that lacks forecasts at more than half of the signals' origins is left out. So are
    origins where nothing moved, which has no logarithm.
    """
    sound = origins[_moved(signals.realized)[origins] & _moved(signals.variance)[origins]]
    kept = {ASSAY: signals.variance} | {
        name: forecast
        for name, forecast in rivals.items()
        if 2 * int(_moved(forecast)[sound].sum()) > len(sound)
    }
    for forecast in kept.values():
        sound = sound[_moved(forecast)[sound]]
    if not len(sound):
        return VarianceQuality(0, ())
    realized = signals.realized[sound]
    at = {name: forecast[sound] for name, forecast in kept.items()}
    losses = {name: scores.qlike(forecast, realized) for name, forecast in at.items()}
    return VarianceQuality(
        len(sound), tuple(_variance_row(name, at[name], realized, losses) for name in at)
    )


def _variance_row(
    name: str, forecast: Floats, realized: Floats, losses: Mapping[str, Floats]
) -> VarianceRow:
    own, line = losses[name], scores.mincer_zarnowitz(forecast, realized)
    return VarianceRow(
        name=name,
        qlike=float(own.mean()),
        qlike_ratio_har=_ratio(own, losses.get(HAR_OLS)),
        qlike_ratio_yesterday=_ratio(own, losses.get(YESTERDAY)),
        mz_slope=line.slope if line else None,
        mz_r2=line.r2 if line else None,
        log_r2=scores.log_r2(forecast, realized),
        dm_p_vs_har=_p_value(own, losses.get(HAR_OLS)),
        dm_p_vs_yesterday=_p_value(own, losses.get(YESTERDAY)),
    )


def risk_quality(signals: Signals, origins: Rows) -> RiskQuality:
    """Scores of the risk score on the origins that have one, a threshold and an outcome."""
    known = _known(signals.risk_score, signals.threshold, signals.realized)
    at = origins[known[origins]]
    said, happened = signals.risk_score[at], signals.realized[at] > signals.threshold[at]
    if not len(at):
        return RiskQuality(0, None, None, None, None, None, None, None, ())
    line = probability.calibration(said, happened)
    return RiskQuality(
        origins=len(at),
        base_rate=float(happened.mean()),
        brier=probability.brier(said, happened),
        brier_skill=probability.brier_skill(said, happened),
        auc=probability.auc(said, happened),
        ece=probability.ece(said, happened),
        slope=line.slope if line else None,
        intercept=line.intercept if line else None,
        reliability=tuple(probability.reliability_table(said, happened)),
    )


def tail_quality(signals: Signals, origins: Rows) -> tuple[TailQuality, ...]:
    """Hits of the value at risk by confidence, with Kupiec's p-value of their rate."""
    by_confidence = {0.95: signals.value_at_risk_95, 0.99: signals.value_at_risk_99}
    return tuple(
        _tail_row(confidence, said, signals.log_return, origins)
        for confidence, said in by_confidence.items()
    )


def _tail_row(
    confidence: float, value_at_risk: Floats, log_return: Floats, origins: Rows
) -> TailQuality:
    at = origins[_known(value_at_risk, log_return)[origins]]
    hit, level = -np.expm1(log_return[at]) > value_at_risk[at], round(1.0 - confidence, 6)
    return TailQuality(
        confidence=confidence,
        level=level,
        origins=len(at),
        hits=int(hit.sum()),
        hit_rate=float(hit.mean()) if len(at) else None,
        kupiec_p=kupiec(hit, level) if len(at) else None,
    )


def regime_quality(signals: Signals, origins: Rows, *, horizon_hours: int) -> RegimeQuality:
    """Shares and switches over all hours, volatility over the horizons after the origins."""
    known = signals.regime[signals.regime >= 0]
    switches = int(np.count_nonzero(np.diff(known)))
    judged = origins[_known(signals.realized)[origins]]
    rows = []
    for code, name in enumerate(REGIMES):
        at = judged[signals.regime[judged] == code]
        mean = signals.realized[at].mean(keepdims=True) if len(at) else None
        rows.append(
            RegimeRow(
                regime=name,
                share=float((known == code).mean()) if len(known) else None,
                origins=len(at),
                next_realized_volatility=(
                    None if mean is None else float(annualized_volatility(mean, horizon_hours)[0])
                ),
            )
        )
    a_year = switches * HOURS_A_YEAR / len(known) if len(known) else None
    return RegimeQuality(len(known), a_year, tuple(rows))


def _known(*columns: Floats) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.logical_and.reduce([np.isfinite(column) for column in columns])
    return found


def _moved(variance: Floats) -> NDArray[np.bool_]:
    """Known, and more than what rounding leaves of nothing."""
    found: NDArray[np.bool_] = np.isfinite(variance) & (variance > LEAST_VARIANCE)
    return found


def _ratio(losses: Floats, rival: Floats | None) -> float | None:
    total = 0.0 if rival is None else float(rival.sum())
    return float(losses.sum()) / total if total > 0.0 else None


def _p_value(losses: Floats, rival: Floats | None) -> float | None:
    found = None if rival is None else diebold_mariano(losses, rival)
    return found[1] if found else None
