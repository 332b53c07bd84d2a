"""HAR and "yesterday" over any horizon: the daily benchmark, naive fits, and no look ahead."""

from __future__ import annotations

import numpy as np
import pytest

from assay.market.bars import Bars
from assay.volatility import benchmarks
from assay.volatility.days import utc_days
from assay.volatility.har import har_ols, last_realized, newest_har_ols
from assay.volatility.hours import hours_of
from assay.volatility.model import measure_of

HOUR = np.timedelta64(1, "h")


def market(n, *, seed=0, missing=()):
    rng = np.random.default_rng(seed)
    scale = 0.005 * np.exp(0.7 * np.sin(np.arange(n) / 200.0) + rng.normal(0, 0.3, n))
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, scale)))
    open_ = np.append(100.0, close[:-1])
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, scale / 2)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, scale / 2)))
    time = np.datetime64("2024-01-01", "ms") + np.arange(n) * HOUR
    return Bars(time, open_, high, low, close, np.ones(n)).take(~np.isin(np.arange(n), missing))


def test_over_a_day_it_is_the_daily_benchmark():
    bars = market(160 * 24)
    days = utc_days(bars)
    midnights = np.arange(23, len(bars), 24)
    hours = hours_of(bars)
    found = har_ols(hours, 24, "squared_returns")[midnights]
    np.testing.assert_allclose(found, benchmarks.har_ols(days.realized), rtol=1e-9)
    assert np.isfinite(found).sum() == 160 - 89
    found = last_realized(hours, 24, "squared_returns")[midnights]
    np.testing.assert_allclose(found, benchmarks.yesterday(days.realized), rtol=1e-9)


def naive_har(hours, horizon, row):
    """The fit that is known at `row`, on all earlier windows, applied there."""
    values = hours.garman_klass if measure_of(horizon) == "garman_klass" else hours.squared
    step = np.gcd(horizon, 24)
    windows = sorted({min(horizon, 24), 24, 168, 720})

    def inputs(at):
        return [1.0, *(values[at - window + 1 : at + 1].mean() for window in windows)]

    grid = [at for at in range(719, len(hours)) if (hours.first + at + 1) % step == 0]
    first = next(at for at in range(len(hours)) if (hours.first + at + 1) % step == 0)
    refit = first + (row - first) // 24 * 24
    pairs = [(at, at + horizon) for at in grid if at + horizon <= refit]
    design = np.array([inputs(at) for at, _ in pairs])
    target = np.array([values[at + 1 : end + 1].sum() for at, end in pairs])
    scale = design[0, 1:].max()
    design[:, 1:] /= scale
    weights = np.linalg.lstsq(design, target, rcond=None)[0]
    x = np.array(inputs(row))
    x[1:] /= scale
    return max(float(x @ weights), target.min())


@pytest.mark.parametrize("horizon", [1, 4, 36, 168])
def test_it_equals_a_naive_fit(horizon):
    hours = hours_of(market(110 * 24, seed=horizon))
    found = har_ols(hours, horizon, measure_of(horizon))
    known = np.flatnonzero(np.isfinite(found))
    assert len(known) > 10
    for row in (known[0], known[len(known) // 2], known[-1]):
        assert found[row] == pytest.approx(naive_har(hours, horizon, row), rel=1e-6)


@pytest.mark.parametrize("horizon", [1, 4, 24, 36, 168])
@pytest.mark.parametrize("more", [0, 7, 13])
def test_the_newest_alone_is_what_the_walk_says_there(horizon, more):
    """A signal names as its benchmark the very rival that back-tests are judged by."""
    hours, measure = hours_of(market(110 * 24 + more, missing=(50, 2_000))), measure_of(horizon)
    walked = har_ols(hours, horizon, measure, phase=(hours.first + len(hours)) % 24)[-1]
    found = newest_har_ols(hours, horizon, measure)
    assert np.isfinite(found)
    assert found == pytest.approx(walked, rel=1e-9)


@pytest.mark.parametrize("horizon", [1, 24, 48])
def test_later_bars_change_no_forecast(horizon):
    bars = market(120 * 24)
    before = har_ols(hours_of(bars), horizon, measure_of(horizon))
    for t in (100 * 24 - 1, 110 * 24 + 7):
        later = np.arange(len(bars)) > t
        prices = [np.where(later, column * 2.0, column) for column in bars.columns()[1:]]
        after = har_ols(hours_of(Bars(bars.time, *prices)), horizon, measure_of(horizon))
        np.testing.assert_array_equal(before[: t + 1], after[: t + 1])
        assert np.isfinite(before[: t + 1]).any()


def test_missing_hours_are_left_out_of_the_means_and_long_holes_of_the_forecasts():
    """Of 4 hours of which one is missing the other three stand for it; of two nothing is said."""
    hours = hours_of(market(400, missing=(100, 200, 201)))
    found = last_realized(hours, 4, "garman_klass")
    assert found[101] == pytest.approx(4 * hours.garman_klass[[98, 99, 101]].mean())
    assert np.isnan(found[202])
    assert np.isfinite(found[205])
    assert np.isnan(found[:3]).all()


def test_there_is_nothing_to_say_of_little():
    for n in (0, 1, 500, 85 * 24):
        hours = hours_of(market(n) if n else Bars.empty())
        assert np.isnan(har_ols(hours, 24, "squared_returns")).all()
        assert np.isnan(newest_har_ols(hours, 24, "squared_returns"))
