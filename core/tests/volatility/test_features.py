from __future__ import annotations

import numpy as np
import pytest

from assay.volatility.features import features_of
from assay.volatility.hours import hours_of


def naive_features(hours, model, season, row):
    """The definition at one row, by loops over the bars up to it."""
    spread = np.where(hours.known, hours.garman_klass / season, 0.0)
    squared = np.where(hours.known, hours.squared / season, 0.0)

    def mean_before(values, at):
        rows = [i for i in range(max(0, at - 8760), at) if hours.known[i]]
        return np.mean(values[rows]) if len(rows) >= 24 else None

    once = spread.copy()
    for at in range(row + 1):
        before = mean_before(spread, at)
        if before:
            once[at] = min(spread[at], 100 * before)
    held, held_squared = once.copy(), squared.copy()
    for at in range(row + 1):
        before = mean_before(once, at)
        if before:
            held[at] = max(min(spread[at], 100 * before), 3e-4 * before)
            held_squared[at] = min(squared[at], 100 * before)
    year = [i for i in range(max(0, row - 8759), row + 1) if hours.known[i]]
    w = len(year) / (len(year) + model.level_hours)
    log_spread, log_squared = np.log(held[year].mean()), np.log(held_squared[year].mean())
    base = w * log_spread + (1 - w) * (model.level - model.gap)
    level = base + w * (log_squared - log_spread) + (1 - w) * model.gap
    means = {}
    for window in (720, 168, 24, 6, 1):
        rows = range(max(0, row + 1 - window), row + 1)
        longer = {168: 720, 24: 168, 6: 24, 1: 6}.get(window)
        values = [
            held[i] if hours.known[i] else means[longer]
            for i in rows
            if hours.known[i] or longer is not None
        ]
        means[window] = np.mean(values)
    day = sum(hours.returns[i] / np.sqrt(season[i]) for i in range(max(0, row - 23), row + 1))
    fall = np.clip(day / np.sqrt(24 * means[168]), -4, 0)
    return [np.log(means[k]) - base for k in (1, 6, 24, 168, 720)] + [fall], level


@pytest.mark.parametrize("row", [49, 130, 1499])
@pytest.mark.parametrize("shape", ["whole", "gaps", "wick"])
def test_features_are_what_the_definition_says(coin, model, row, shape):
    bars = coin(1500, seed=3)
    if shape == "gaps":
        kept = np.random.default_rng(0).random(1500) > 0.1
        kept[[0, *range(1200, 1260)]] = [True] + [False] * 60
        kept[row] = True
        bars = bars.take(kept)
    if shape == "wick":
        bars.low[[30, 1400]] *= 0.3
    hours = hours_of(bars)
    features = features_of(hours, model)
    x, level = naive_features(hours, model, features.seasons.at_rows(), row)
    np.testing.assert_allclose(features.x[row], x, rtol=1e-9, atol=1e-12)
    assert features.level[row] == pytest.approx(level)


def test_a_wick_counts_a_hundred_times_the_mean_at_most(coin, model):
    bars = coin(2000, seed=1)
    usual = features_of(hours_of(bars), model).x
    bars.low[1900] *= 0.05
    features = features_of(hours_of(bars), model)
    assert features.x[1900, 0] < np.log(100.0) + 0.2
    month = features.x[-1, 4] - usual[-1, 4]
    assert 0.0 < month < np.log(1 + 110 / 720)


def test_the_scale_of_a_coin_moves_the_level_and_hardly_the_rest(coin, model):
    calm = features_of(hours_of(coin(9000, volatility=0.003)), model)
    wild = features_of(hours_of(coin(9000, volatility=0.012)), model)
    assert wild.level[-1] - calm.level[-1] == pytest.approx(np.log(16), rel=0.05)
    np.testing.assert_allclose(wild.x[-1], calm.x[-1], atol=0.1)


def test_the_first_49_hours_are_not_usable(coin, model):
    features = features_of(hours_of(coin(60)), model)
    assert features.usable.tolist() == [False] * 49 + [True] * 11
