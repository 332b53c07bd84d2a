from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from assay.market.bars import Bars
from assay.volatility.model import Residuals, VolatilityModel

HOUR = np.timedelta64(1, "h")
DAY = np.timedelta64(1, "D")
MONDAY = np.datetime64("2023-01-02T00", "ms")

Coin = Callable[..., Bars]


def coin_bars(
    n: int,
    *,
    seed: int = 0,
    start: np.datetime64 = MONDAY,
    step: np.timedelta64 = HOUR,
    volatility: float = 0.006,
    price: float = 100.0,
) -> Bars:
    """`n` bars made of twelve steps each, with clusters of volatility and quiet weekends."""
    rng = np.random.default_rng(seed)
    time = start + np.arange(n) * step
    weekend = ((time.astype("datetime64[D]").astype(np.int64) + 3) % 7) >= 5
    cluster = np.zeros(n)
    for at in range(1, n):
        cluster[at] = 0.97 * cluster[at - 1] + 0.12 * rng.normal()
    scale = volatility * np.exp(cluster) * np.where(weekend, 0.6, 1.1)
    steps = rng.normal(size=(n, 12)) * (scale / np.sqrt(12.0))[:, None]
    path = np.log(price) + np.cumsum(steps.ravel()).reshape(n, 12)
    opens = np.concatenate([[np.log(price)], path[:-1, -1]])
    high, low = np.maximum(path.max(axis=1), opens), np.minimum(path.min(axis=1), opens)
    columns = (np.exp(column) for column in (opens, high, low, path[:, -1]))
    return Bars(time.astype("datetime64[ms]"), *columns, np.full(n, 5.0))


@pytest.fixture(scope="session")
def coin() -> Coin:
    return coin_bars


@pytest.fixture(scope="session")
def model() -> VolatilityModel:
    """A model of round numbers: deep weekends, and spells that fade."""
    season = np.repeat([1.1, 1.2, 1.2, 1.2, 1.1, 0.6, 0.6], 24)
    season *= np.tile(np.where(np.arange(24) < 12, 0.8, 1.2), 7)
    return VolatilityModel(
        season=season / season.mean(),
        level=float(np.log(0.6**2 / 8760)),
        gap=-0.12,
        level_hours=200.0,
        daily_share=0.87,
        nodes=np.array([1.0, 4.0, 24.0, 72.0, 168.0, 336.0, 720.0]),
        coefficients=np.array(
            [
                [0.23, 0.22, 0.22, 0.21, 0.20, 0.15, -0.10],
                [0.22, 0.14, 0.16, 0.25, 0.23, 0.16, -0.09],
                [0.15, 0.06, 0.12, 0.19, 0.27, 0.19, -0.10],
                [0.14, 0.04, 0.07, 0.12, 0.27, 0.18, -0.06],
                [0.16, 0.00, 0.00, 0.17, 0.30, 0.24, 0.00],
                [0.15, 0.00, 0.00, 0.14, 0.22, 0.27, 0.00],
                [0.13, 0.00, 0.00, 0.10, 0.16, 0.27, 0.00],
            ]
        ),
        residuals={
            "garman_klass": Residuals(
                np.array([1.0, 4.0, 24.0]),
                np.array([-0.5, -0.3, -0.2]),
                np.array([0.9, 0.75, 0.6]),
                np.array([0.3, 0.4, 0.4]),
            ),
            "squared_returns": Residuals(
                np.array([24.0, 168.0, 720.0]),
                np.array([-0.35, -0.2, -0.15]),
                np.array([0.8, 0.5, 0.45]),
                np.array([0.35, 0.3, 0.4]),
            ),
        },
        tail_hours=np.array([1.0, 24.0, 720.0]),
        tails=np.sort(np.random.default_rng(7).standard_t(5, size=(3, 101)) * 0.8, axis=1),
    )
