from __future__ import annotations

import os
from datetime import UTC, date, datetime

import numpy as np
import pytest

from assay.bundle.files import bundle_contents, write_bundle
from assay.bundle.metadata import ModelMetadata
from assay.clock import FixedClock
from assay.features.build import build_features
from assay.features.scaling import Standardizer
from assay.features.spec import FEATURES, feature_fingerprint
from assay.forecast.calibration import CalibrationState
from assay.forecast.log_linear_t import LogLinearT
from assay.forecast.pipeline import Champion
from assay.market.bars import Bars
from assay.market.csv_bars import write_bars_csv
from assay.market.sources.simulated import SimulatedSource
from assay_training.steps.export_log_linear import export_log_linear
from assay_training.steps.publish_volatility import FILE_NAMES, VolatilityFiles

SIMULATED_NOW = FixedClock(datetime(2007, 6, 29, 23, tzinfo=UTC))


@pytest.fixture(scope="module", autouse=True)
def _environment_as_it_was():
    """MLflow writes the address it was given into the environment."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def simulated_bars():
    """Gold and the S&P 500 of a simulated market, 2000-08-30 to 2007-06-29: 1,700 sessions."""
    source = SimulatedSource(SIMULATED_NOW)
    return tuple(
        source.fetch(symbol, start=date(2000, 8, 30), deadline_seconds=10.0).bars
        for symbol in ("GC=F", "^GSPC")
    )


@pytest.fixture(scope="session")
def simulated_matrix(simulated_bars):
    return build_features(*simulated_bars)


@pytest.fixture(scope="session")
def simulated_csvs(simulated_bars, tmp_path_factory):
    """The same as two CSV files: gold, S&P 500."""
    folder = tmp_path_factory.mktemp("simulated")
    paths = (folder / "gold.csv", folder / "sp500.csv")
    for path, bars in zip(paths, simulated_bars, strict=True):
        write_bars_csv(path, bars)
    return paths


@pytest.fixture(scope="session")
def linear_bundle(tmp_path_factory):
    """A bundle on disk: log_linear_t with no coefficients."""
    folder = tmp_path_factory.mktemp("bundle")
    linear = LogLinearT(-0.2, np.zeros(len(FEATURES)), 5.0)
    champion = Champion(
        predictor=linear,
        standardizer=Standardizer(np.zeros(len(FEATURES)), np.ones(len(FEATURES))),
        lookback=1,
        location=0.0,
        calibration=CalibrationState(np.empty(0)),
        calibrated_to=date(2025, 4, 15),
    )
    metadata = ModelMetadata(
        name="assay-gold",
        type="log_linear_t",
        version="one",
        created_at=datetime(2025, 4, 16, tzinfo=UTC).isoformat(),
        trained_from="2000-08-30",
        trained_to="2025-04-15",
        data_fingerprint="",
        feature_fingerprint=feature_fingerprint(),
        lookback=1,
        smoke_parameters=(-0.2, 5.0),
        libraries={},
        evaluation={},
        skill={},
        promotion={},
    )
    model = export_log_linear(linear)
    write_bundle(folder, bundle_contents(model=model, champion=champion, metadata=metadata))
    return folder


def coin_bars(n: int, *, first: str, daily: bool = False, seed: int = 1) -> Bars:
    """A coin with spells of volatility and weekends of a third of the weekdays' variance."""
    rng = np.random.default_rng(seed)
    step, deviation, decay = (24, 0.03, 0.85) if daily else (1, 0.006, 0.99)
    time = np.datetime64(first, "ms") + np.arange(n) * np.timedelta64(step, "h")
    spell = np.zeros(n)
    for at in range(1, n):
        spell[at] = decay * spell[at - 1] + 0.5 * np.sqrt(1 - decay**2) * rng.standard_normal()
    weekend = (time.astype("datetime64[D]").astype(np.int64) + 3) % 7 >= 5
    scale = deviation * np.exp(spell) * np.where(weekend, np.sqrt(1 / 3), 1.0)
    path = np.cumsum(rng.normal(size=(n, 8)) * scale[:, None] / np.sqrt(8)).reshape(n, 8)
    opened = np.concatenate([[0.0], path[:-1, -1]])
    high, low = np.maximum(path.max(axis=1), opened), np.minimum(path.min(axis=1), opened)
    prices = (100.0 * np.exp(column) for column in (opened, high, low, path[:, -1]))
    return Bars(time, *prices, np.ones(n))


@pytest.fixture(scope="session")
def simulated_coin():
    return coin_bars


@pytest.fixture(scope="session")
def coin_files(tmp_path_factory):
    """11,000 hours and twice 800 days of simulated coins, as CSV files."""
    folder = tmp_path_factory.mktemp("coins")
    found = VolatilityFiles(*(folder / name for name in FILE_NAMES))
    write_bars_csv(found.btc_hourly, coin_bars(11_000, first="2023-01-01"), daily=False)
    write_bars_csv(found.btc_daily, coin_bars(800, first="2022-01-01", daily=True, seed=2))
    write_bars_csv(found.eth_daily, coin_bars(800, first="2022-02-01", daily=True, seed=3))
    return found
