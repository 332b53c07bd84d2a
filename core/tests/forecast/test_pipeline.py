from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from assay.errors import TooLittleHistory
from assay.evaluation.walk_forward import Fit, fit_at, origin_rows, walk_forward
from assay.features.build import build_features
from assay.forecast.calibration import WINDOW, CalibrationState
from assay.forecast.location import shrunk_drift
from assay.forecast.log_linear_t import LogLinearTRecipe
from assay.forecast.pipeline import Champion, forecast_next, forecast_path
from assay.forecast.scale import LOG_SCALE
from assay.market.bars import Bars


@pytest.fixture(scope="module")
def bars(market):
    return market(sessions=1400)


@pytest.fixture(scope="module")
def champion(bars):
    """Trained on all but the last 120 sessions, calibrated on the 150 origins before those."""
    gold, sp500 = (one.until(bars[0].session[-121].item()) for one in bars)
    matrix = build_features(gold, sp500)
    rows = np.arange(len(matrix) - 151, len(matrix) - 1)
    walk = walk_forward(LogLinearTRecipe(), matrix, rows)
    fit: Fit = fit_at(LogLinearTRecipe(), matrix, len(matrix) - 1)
    return Champion(
        predictor=fit.predictor,
        standardizer=fit.standardizer,
        lookback=1,
        location=fit.location,
        calibration=CalibrationState(walk.pits()),
        calibrated_to=gold.last_session,
    )


def test_serving_day_by_day_gives_what_the_whole_path_gives(bars, champion):
    gold, sp500 = bars
    first = champion.calibrated_to
    path = forecast_path(champion, gold, sp500, first_origin=first)
    assert len(path.session) == 121
    for row in (0, 1, 60, 120):
        origin = path.session[row].item()
        served = forecast_next(champion, gold.until(origin), sp500.until(origin))
        np.testing.assert_allclose(served.returns.quantiles, path.quantiles[row], rtol=1e-9)
        assert served.origin == origin
        assert served.target == path.next_session[row].item()


def test_calibration_advances_with_outcomes_but_parameters_stay(bars, champion):
    """A later first origin changes nothing: the state is made of the bars, not of the calls."""
    gold, sp500 = bars
    whole = forecast_path(champion, gold, sp500, first_origin=champion.calibrated_to)
    late = forecast_path(champion, gold, sp500, first_origin=whole.session[100].item())
    np.testing.assert_allclose(late.quantiles, whole.quantiles[100:], rtol=1e-9)
    frozen = Champion(
        champion.predictor,
        champion.standardizer,
        1,
        champion.location,
        champion.calibration,
        gold.last_session,
    )
    stale = forecast_path(frozen, gold, sp500, first_origin=whole.session[100].item())
    assert not np.allclose(stale.quantiles[-1], whole.quantiles[-1])
    assert len(champion.calibration.pits) < WINDOW


def test_the_forecast_in_prices(bars, champion):
    gold, sp500 = bars
    found = forecast_next(champion, gold, sp500)
    assert found.origin == date(2024, 12, 20)
    assert found.target == date(2024, 12, 23)
    assert found.last_close == gold.close[-1]
    assert found.median == pytest.approx(gold.close[-1] * np.exp(champion.location))
    edges = [found.interval(level) for level in (0.5, 0.8, 0.95)]
    lows, highs = [low for low, _ in edges], [high for _, high in edges]
    assert lows == sorted(lows, reverse=True)
    assert highs == sorted(highs)
    assert lows[0] < found.median < highs[0]


def test_effects_of_a_linear_model_add_up_to_its_log_scale(bars, champion):
    gold, sp500 = bars
    found = forecast_next(champion, gold, sp500)
    matrix = build_features(gold, sp500)
    window = champion.standardizer.transform(matrix.values[-1:])[:, None, :]
    full = champion.predictor.predict(window.astype(np.float32))[0, LOG_SCALE]
    base = champion.predictor.predict(np.zeros_like(window, dtype=np.float32))[0, LOG_SCALE]
    assert sum(effect.effect for effect in found.effects) == pytest.approx(full - base, abs=1e-6)
    sizes = [abs(effect.effect) for effect in found.effects]
    assert sizes == sorted(sizes, reverse=True)


def test_too_few_bars_are_named(bars, champion):
    gold, sp500 = bars
    with pytest.raises(TooLittleHistory, match="needs 1 rows of features"):
        forecast_next(champion, gold.take(slice(-30, None)), sp500)
    with pytest.raises(TooLittleHistory, match="no bars"):
        forecast_next(champion, gold.take(slice(0)), sp500)


def rising(gold: Bars) -> Bars:
    """`gold` with a drift that no standard error hides."""
    lift = np.exp(0.004 * np.arange(len(gold)))
    return replace(
        gold,
        open=gold.open * lift,
        high=gold.high * lift,
        low=gold.low * lift,
        close=gold.close * lift,
    )


def test_a_fold_learns_from_nothing_at_or_after_its_first_origin(bars):
    """Fitting as at a row gives the same model however the later bars look."""
    gold, sp500 = rising(bars[0]), bars[1]
    row = 1000
    whole = fit_at(LogLinearTRecipe(), build_features(gold, sp500), row)
    known = gold.take(slice(row + 1))
    alone = fit_at(LogLinearTRecipe(), build_features(known, sp500), row)
    np.testing.assert_array_equal(whole.predictor.coefficients, alone.predictor.coefficients)
    np.testing.assert_array_equal(whole.standardizer.mean, alone.standardizer.mean)
    assert whole.location == alone.location != 0.0
    assert whole.location == shrunk_drift(
        np.diff(np.log(gold.close[whole_from(gold, sp500) : row + 1]))
    )


def whole_from(gold: Bars, sp500: Bars) -> int:
    """The first row with features, from which on `fit_at` trains."""
    return int(np.flatnonzero(build_features(gold, sp500).usable)[0])


def test_the_first_outcome_added_is_that_of_the_first_target_after_calibrated_to(bars, champion):
    """The origin `calibrated_to` itself has a target beyond it, and no earlier origin has."""
    gold, sp500 = bars
    marked = replace(champion, calibration=CalibrationState(np.full(WINDOW, 0.5)))
    path = forecast_path(marked, gold, sp500, first_origin=champion.calibrated_to)
    unmoved = forecast_path(
        replace(marked, calibrated_to=gold.last_session),
        gold,
        sp500,
        first_origin=champion.calibrated_to,
    )
    np.testing.assert_array_equal(path.quantiles[0], unmoved.quantiles[0])
    assert not np.array_equal(path.quantiles[1], unmoved.quantiles[1])


def test_origins_are_bounded_by_their_targets(bars):
    matrix = build_features(*bars)
    rows = origin_rows(matrix, start=date(2024, 12, 16), end=date(2024, 12, 20))
    assert [str(day) for day in matrix.session[rows]] == [
        "2024-12-13", "2024-12-16", "2024-12-17", "2024-12-18", "2024-12-19",
    ]  # fmt: skip
