"""The one prediction path: a champion and bars in, forecasts out; serving takes its last row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from assay.calendars import Days, SessionCalendar, gold_calendar
from assay.errors import TooLittleHistory
from assay.features.build import FeatureMatrix, build_features
from assay.features.scaling import Standardizer
from assay.features.spec import FEATURE_NAMES
from assay.features.windows import Windows, windows
from assay.forecast.calibration import CalibrationState
from assay.forecast.distribution import Floats, ReturnDistribution
from assay.forecast.scale import LOG_SCALE, ScalePredictor, pits, quantiles
from assay.market.bars import Bars


@dataclass(frozen=True, slots=True, eq=False)
class Champion:
    """What is served: a model of the spread, its scaler, location and calibration.

    `location` is a log return a session. `calibration` holds the outcomes of all targets up to
    and including session `calibrated_to`; later ones are added from the bars as they come.
    """

    predictor: ScalePredictor
    standardizer: Standardizer
    lookback: int
    location: float
    calibration: CalibrationState
    calibrated_to: date


@dataclass(frozen=True, slots=True)
class Effect:
    """What one feature does to the forecast: its value, and its effect on the log of the spread."""

    feature: str
    value: float
    effect: float


@dataclass(frozen=True, slots=True, eq=False)
class ForecastPath:
    """One forecast an origin, shapes (n,) and (n, 199); `next_session` is the calendar's."""

    session: Days
    next_session: Days
    last_close: Floats
    quantiles: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """The distribution of the next session's close, made at the close of `origin`."""

    origin: date
    origin_time: datetime
    target: date
    target_close_time: datetime
    last_close: float
    returns: ReturnDistribution
    effects: tuple[Effect, ...]

    @property
    def median(self) -> float:
        """Median of the close, in price units."""
        return self.price(self.returns.median)

    @property
    def expected_return(self) -> float:
        """The location, a log return: the drift as far as it can be told from zero.

        Calibration leaves it alone; a year of outcomes says as little about it as about the median.
        """
        return self.returns.median

    def price(self, log_return: float) -> float:
        """The close that `log_return` leads to, in price units."""
        return float(self.last_close * np.exp(log_return))

    def interval(self, level: float) -> tuple[float, float]:
        """Central prediction interval of the close at `level`, in price units."""
        lower, upper = self.returns.interval(level)
        return self.price(lower), self.price(upper)


def forecast_path(
    champion: Champion,
    gold: Bars,
    sp500: Bars,
    *,
    first_origin: date,
    calendar: SessionCalendar | None = None,
) -> ForecastPath:
    """Forecasts at every origin in `gold` from `first_origin` on, as service would have made them.

    The champion stays as it is; its calibration advances with each outcome after
    `calibrated_to`. Raises TooLittleHistory where an origin asked for lacks features.
    """
    matrix = build_features(gold, sp500, calendar=calendar)
    return _path(champion, matrix, first_origin)


def forecast_next(
    champion: Champion, gold: Bars, sp500: Bars, *, calendar: SessionCalendar | None = None
) -> Forecast:
    """The forecast made at the newest bar of `gold`, for the session that follows it.

    Raises TooLittleHistory where the bars do not reach back far enough.
    """
    calendar = calendar or gold_calendar()
    if not len(gold) or not len(sp500):
        raise TooLittleHistory("there are no bars to forecast from", needed=1, available=0)
    matrix = build_features(gold, sp500, calendar=calendar)
    path = _path(champion, matrix, gold.last_session)
    origin, target = gold.last_session, path.next_session[-1].item()
    return Forecast(
        origin=origin,
        origin_time=calendar.close(origin),
        target=target,
        target_close_time=calendar.close(target),
        last_close=float(path.last_close[-1]),
        returns=ReturnDistribution(path.quantiles[-1]),
        effects=_effects(champion, matrix),
    )


def _path(champion: Champion, matrix: FeatureMatrix, first_origin: date) -> ForecastPath:
    asked = np.flatnonzero(matrix.session >= np.datetime64(first_origin))
    known = _rows_with_window(matrix, champion.lookback)
    if not len(asked) or not np.isin(asked, known).all():
        raise TooLittleHistory(
            f"origin {first_origin} needs {champion.lookback} rows of features before it; "
            f"{len(known)} of {len(matrix)} bars have them",
            needed=champion.lookback,
            available=len(known),
        )
    rows = known[known >= _first_row(champion, matrix, int(asked[0]))]
    parameters = champion.predictor.predict(_windows(champion, matrix, rows))
    location = np.full(len(rows), champion.location)
    outcomes = pits(parameters, matrix.sigma[rows], location, matrix.next_returns()[rows])
    outcomes[matrix.session[rows] < np.datetime64(champion.calibrated_to)] = np.nan
    levels = _levels(champion.calibration, outcomes)
    take = np.isin(rows, asked)
    kept = rows[take]
    return ForecastPath(
        session=matrix.session[kept],
        next_session=matrix.next_session[kept],
        last_close=matrix.close[kept],
        quantiles=quantiles(parameters[take], matrix.sigma[kept], location[take], levels[take]),
    )


def _levels(calibration: CalibrationState, outcomes: Floats) -> Floats:
    """Calibrated levels before each outcome is known, shape (n, 199)."""
    result = []
    for outcome in outcomes.tolist():
        result.append(calibration.levels())
        if np.isfinite(outcome):
            calibration = calibration.advanced(outcome)
    return np.array(result)


def _first_row(champion: Champion, matrix: FeatureMatrix, asked: int) -> int:
    """The first row to compute: calibration wants every origin from `calibrated_to` on."""
    calibrated = int(np.searchsorted(matrix.session, np.datetime64(champion.calibrated_to)))
    return min(asked, calibrated)


def _rows_with_window(matrix: FeatureMatrix, lookback: int) -> NDArray[np.intp]:
    """Rows whose whole window is usable."""
    run = np.convolve(matrix.usable, np.ones(lookback), mode="full")[: len(matrix)]
    return np.flatnonzero(run >= lookback)


def _windows(champion: Champion, matrix: FeatureMatrix, rows: NDArray[np.intp]) -> Windows:
    return windows(champion.standardizer.transform(matrix.values), rows, champion.lookback)


def _effects(champion: Champion, matrix: FeatureMatrix) -> tuple[Effect, ...]:
    """Each feature's effect on the log scale at the newest row: with it, less with its average.

    Exact for a model linear in the features; occlusion for a network. Largest first.
    """
    last = np.array([len(matrix) - 1], dtype=np.intp)
    window = _windows(champion, matrix, last)
    variants = np.repeat(window, len(FEATURE_NAMES) + 1, axis=0)
    for column in range(len(FEATURE_NAMES)):
        variants[column + 1, :, column] = 0.0
    log_scale = champion.predictor.predict(variants)[:, LOG_SCALE]
    effects = [
        Effect(name, float(value), float(log_scale[0] - without))
        for name, value, without in zip(
            FEATURE_NAMES, matrix.values[-1], log_scale[1:], strict=True
        )
    ]
    return tuple(sorted(effects, key=lambda item: -abs(item.effect)))
