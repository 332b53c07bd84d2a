from __future__ import annotations

import numpy as np
import pytest

from assay.market.bars import Bars
from assay.volatility.hours import hours_of, phase_of
from assay.volatility.season import REFRESH_HOURS, hour_of_week_profile, seasons_of

FLAT = np.ones(168)


def naive_profile(variance, known, phase):
    """The definition, by loops."""
    n = len(variance)
    cells = [[] for _ in range(168)]
    ratios, rows = [], []
    for at in range(n):
        around = [i for i in range(max(0, at - 84), min(n, at + 84)) if known[i]]
        if not known[at] or len(around) < 84:
            continue
        rows.append(at)
        ratios.append(variance[at] / np.mean(variance[around]))
    top = np.quantile(ratios, 0.995)
    for at, ratio in zip(rows, ratios, strict=True):
        cells[phase[at]].append(np.log(max(min(ratio, top), 1e-4)))
    means = np.array([np.mean(cell) for cell in cells])
    weeks = len(rows) / 168
    smooth = np.zeros(168)
    for group in (range(5), range(5, 7)):
        for hour in range(24):
            deviation = np.mean(
                [means[d * 24 + hour] - means[d * 24 : d * 24 + 24].mean() for d in group]
            )
            for d in group:
                smooth[d * 24 + hour] = means[d * 24 : d * 24 + 24].mean() + deviation
    profile = np.exp(smooth + (means - smooth) * weeks / (weeks + 100))
    return profile / profile.mean()


def test_the_profile_is_what_the_definition_says():
    rng = np.random.default_rng(3)
    n = 168 * 6 + 31
    phase = phase_of(np.arange(n) + 5)
    variance = rng.chisquare(3, n) * (1.0 + (phase % 24 > 12))
    known = rng.random(n) > 0.02
    found = hour_of_week_profile(variance, known, phase)
    np.testing.assert_allclose(found, naive_profile(variance, known, phase), rtol=1e-9)


def test_a_known_shape_is_found_again():
    rng = np.random.default_rng(4)
    n = 168 * 104
    phase = phase_of(np.arange(n))
    shape = np.where(phase >= 120, 0.4, 1.0) * np.where(phase % 24 < 8, 0.7, 1.2)
    found = hour_of_week_profile(rng.chisquare(5, n) * shape, np.ones(n, dtype=bool), phase)
    expected = np.zeros(168)
    expected[phase] = shape
    np.testing.assert_allclose(found, expected / expected.mean(), rtol=0.25)
    assert found.mean() == pytest.approx(1.0)


def test_prices_that_stand_still_have_no_profile():
    n = 168 * 8
    assert hour_of_week_profile(np.zeros(n), np.ones(n, dtype=bool), phase_of(np.arange(n))) is None


def test_the_profile_in_force_is_remade_on_mondays_every_28_days(coin):
    hours = hours_of(coin(168 * 20, seed=1))
    seasons = seasons_of(hours, FLAT)
    changes = np.flatnonzero(np.diff(seasons.version)) + 1
    assert len(changes) >= 3
    assert (np.diff(changes) == REFRESH_HOURS).all()
    assert (hours.phase[changes] == 0).all()
    assert seasons.own[0] == 0.0
    weeks = changes[0] / 168
    assert seasons.own[1] == pytest.approx(weeks / (weeks + 26))


def test_a_profile_knows_no_bar_from_its_refresh_on(coin):
    bars = coin(168 * 14, seed=1)
    seasons = seasons_of(hours_of(bars), FLAT)
    refresh = int(np.flatnonzero(np.diff(seasons.version))[-1]) + 1
    other = Bars(*(column.copy() for column in bars.columns()))
    other.high[refresh:] *= 1.0 + np.linspace(0.0, 1.0, len(bars) - refresh)
    again = seasons_of(hours_of(other), FLAT)
    np.testing.assert_array_equal(again.profiles, seasons.profiles)
    other.high[refresh - 1] *= 1.5
    assert (seasons_of(hours_of(other), FLAT).profiles[-1] != seasons.profiles[-1]).all()


def test_under_four_weeks_the_models_profile_stands_alone(coin, model):
    seasons = seasons_of(hours_of(coin(168 * 3)), model.season)
    assert (seasons.version == 0).all()
    np.testing.assert_array_equal(seasons.profiles, [model.season])


def test_the_same_hours_have_the_same_refreshes_whenever_the_series_begins(coin):
    bars = coin(168 * 30, seed=2)
    whole = seasons_of(hours_of(bars), FLAT)
    later = seasons_of(hours_of(bars.take(slice(500, None))), FLAT)
    refreshed = np.flatnonzero(np.diff(whole.version)) + 1
    assert set(np.flatnonzero(np.diff(later.version)) + 501) <= set(refreshed)


def test_sums_ahead_add_the_hours_that_follow(coin, model):
    hours = hours_of(coin(168 * 12, seed=5))
    seasons = seasons_of(hours, model.season)
    row = 168 * 11 + 40
    profile = seasons.profiles[seasons.version[row]]
    for horizon in (1, 5, 24, 167, 168, 169, 720):
        naive = sum(profile[(hours.phase[row] + step) % 168] for step in range(1, horizon + 1))
        assert seasons.sums_ahead(horizon)[row] == pytest.approx(naive)
        each = seasons.sums_ahead_each(np.array([1, horizon]), np.array([0, row]))
        assert each[1, 1] == pytest.approx(naive)


def test_the_least_growth_bounds_every_hours(coin, model):
    seasons = seasons_of(hours_of(coin(168 * 12, seed=5)), model.season)
    rows = np.arange(168 * 11, 168 * 12)
    hours = np.arange(1, 721)
    log_sums = np.log(seasons.sums_ahead_each(hours, rows))
    growth = np.diff(log_sums, axis=1) / np.diff(np.log(hours))
    for first in (1, 4, 24, 168):
        least = seasons.least_growth(np.array([float(first)]))[0, seasons.version[rows]]
        assert (growth[:, first - 1 :] >= least[:, None] - 1e-12).all()
