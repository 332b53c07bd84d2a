from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from assay.calendars import gold_calendar
from assay.features.build import build_features
from assay.features.events import fomc_statement_days, payrolls_friday, payrolls_sessions
from assay.features.scaling import Standardizer
from assay.features.spec import FEATURE_NAMES, FEATURES, feature_fingerprint
from assay.features.transforms import ewma, garman_klass, log_returns, true_range_variance
from assay.features.windows import windows


def column(matrix, name):
    return matrix.values[:, FEATURE_NAMES.index(name)]


def test_ewma_equals_a_naive_loop_that_skips_missing_values():
    values = np.array([np.nan, 1.0, 4.0, np.nan, 2.0])
    found = ewma(values, [0.5, 0.9])
    for k, decay in enumerate((0.5, 0.9)):
        for row in range(len(values)):
            weights = [decay ** (row - i) for i in range(row + 1) if np.isfinite(values[i])]
            known = [values[i] for i in range(row + 1) if np.isfinite(values[i])]
            expected = np.average(known, weights=weights) if known else np.nan
            np.testing.assert_allclose(found[row, k], expected)


def test_garman_klass_by_hand():
    """ln(110/100) = .0953102, ln(105/102) = .0289875: .0045420 - .3862944 x .0008403 = .0042174."""
    found = garman_klass(*(np.array([v]) for v in (102.0, 110.0, 100.0, 105.0)))
    np.testing.assert_allclose(found, 0.0042174, atol=5e-8)


def test_garman_klass_takes_a_close_outside_its_range_into_the_range():
    found = garman_klass(*(np.array([v]) for v in (100.0, 101.0, 99.0, 103.0)))
    wide = garman_klass(*(np.array([v]) for v in (100.0, 103.0, 99.0, 103.0)))
    assert found == wide
    assert found > 0


def test_true_range_reaches_to_the_previous_close():
    high, low, close = np.array([1.0, 3.0]), np.array([1.0, 2.0]), np.array([1.0, 2.5])
    found = true_range_variance(high, low, close)
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1], np.log(3.0) ** 2 / (4 * np.log(2)))


def test_returns_in_units_of_running_volatility_by_naive_loop(market):
    gold, sp500 = market(sessions=120)
    matrix = build_features(gold, sp500)
    returns = log_returns(gold.close)
    row = 110
    weights = 0.94 ** (row - np.arange(1, row + 1))
    sigma = np.sqrt(np.average(returns[1 : row + 1] ** 2, weights=weights))
    np.testing.assert_allclose(matrix.sigma[row], sigma)
    np.testing.assert_allclose(column(matrix, "gold_return_0")[row], returns[row] / sigma)
    np.testing.assert_allclose(column(matrix, "gold_return_1")[row], returns[row - 1] / sigma)
    momentum = np.log(gold.close[row] / gold.close[row - 20]) / (sigma * np.sqrt(20))
    np.testing.assert_allclose(column(matrix, "gold_momentum_20")[row], momentum)
    mean = gold.close[row - 4 : row + 1].mean()
    np.testing.assert_allclose(
        column(matrix, "gold_ma5_gap")[row], np.log(gold.close[row] / mean) / sigma
    )


def test_a_missing_sp500_session_is_joined_as_of_and_says_its_age(market):
    gold, sp500 = market(sessions=120)
    gone = gold.session[-1]
    matrix = build_features(gold, sp500.take(sp500.session != gone))
    whole = build_features(gold, sp500)
    days = float((gone - gold.session[-2]).astype(int))
    assert column(matrix, "sp500_age")[-1] == days
    assert column(whole, "sp500_age")[-1] == 0.0
    assert column(matrix, "sp500_return_0")[-1] == column(whole, "sp500_return_0")[-2]


@pytest.mark.parametrize(
    ("origin", "name", "expected"),
    [
        (date(2024, 12, 17), "next_fomc", 1.0),  # statement on Wednesday 18 December
        (date(2024, 12, 18), "next_after_fomc", 1.0),  # its 14:00 is after gold's settlement
        (date(2024, 12, 18), "next_fomc", 0.0),
        (date(2024, 12, 5), "next_payrolls", 1.0),  # Friday 6 December
        (date(2024, 12, 6), "next_payrolls", 0.0),
        (date(2024, 8, 30), "next_holiday_gap", 1.0),  # Labor Day weekend
        (date(2024, 8, 30), "next_tuesday", 1.0),
        (date(2024, 8, 23), "next_holiday_gap", 0.0),  # an ordinary weekend
        (date(2024, 12, 23), "next_year_end", 1.0),
        (date(2024, 12, 20), "next_year_end", 0.0),
    ],
)
def test_events_speak_of_the_next_session(market, origin, name, expected):
    gold, sp500 = market(sessions=120, last=origin)
    assert column(build_features(gold, sp500), name)[-1] == expected


@pytest.mark.parametrize(
    ("year", "month", "expected"),
    [
        (2024, 11, date(2024, 12, 6)),
        (2024, 12, date(2025, 1, 3)),
        (2023, 2, date(2023, 3, 10)),
        (2022, 12, date(2023, 1, 6)),
        (2020, 5, date(2020, 6, 5)),
    ],
)
def test_payrolls_fridays_known_from_the_calendar(year, month, expected):
    assert payrolls_friday(year, month) == expected


def test_payrolls_on_a_shut_friday_move_to_the_next_session():
    found = payrolls_sessions(gold_calendar(), date(2021, 3, 25), date(2021, 4, 8))
    assert found.tolist() == [date(2021, 4, 5)]  # 2 April 2021 was Good Friday


def test_fomc_days_are_sorted_and_reach_a_year_ahead():
    days = fomc_statement_days()
    assert (np.diff(days) > np.timedelta64(0, "D")).all()
    assert days[-1] > np.datetime64("2027-12-01")


def test_standardizer_clips_continuous_columns_only_and_survives_json(market):
    matrix = build_features(*market(sessions=300))
    values = matrix.values[matrix.usable]
    scaler = Standardizer.fit(values[:50])
    again = Standardizer.from_json(scaler.to_json())
    scaled = again.transform(values * 50.0)
    events = np.array([feature.kind == "event" for feature in FEATURES])
    assert np.abs(scaled[:, ~events]).max() == 4.0
    assert np.abs(scaled[:, events]).max() > 4.0
    np.testing.assert_array_equal(scaler.transform(values), again.transform(values))


@pytest.mark.parametrize("broken", [{"mean": [0.0], "scale": [1.0]}, "nan", "zero"])
def test_a_scaler_that_cannot_be_is_refused(broken):
    n = len(FEATURES)
    data = {"mean": [0.0] * n, "scale": [1.0] * n}
    if broken == "nan":
        data["mean"][3] = float("nan")
    elif broken == "zero":
        data["scale"][3] = 0.0
    else:
        data = broken
    with pytest.raises(ValueError, match="scaler holds"):
        Standardizer.from_json(data)


def test_windows_end_at_their_row():
    values = np.arange(20, dtype=float).reshape(10, 2)
    found = windows(values, np.array([2, 9]), 3)
    assert found.shape == (2, 3, 2)
    np.testing.assert_array_equal(found[0], values[0:3])
    np.testing.assert_array_equal(found[1], values[7:10])
    with pytest.raises(ValueError, match="row 1 has no 3 rows"):
        windows(values, np.array([1]), 3)


def test_the_fingerprint_is_stable_and_names_are_unique():
    assert feature_fingerprint() == feature_fingerprint()
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES) == 42


def test_a_market_that_stands_still_has_finite_features(market):
    gold, sp500 = market(sessions=120)
    for one in (gold, sp500):
        for column in (one.open, one.high, one.low, one.close):
            column[:] = 1000.0
    matrix = build_features(gold, sp500)
    assert matrix.usable[61:].all()
