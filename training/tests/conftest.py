from __future__ import annotations

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
from assay.market.csv_bars import write_bars_csv
from assay.market.sources.simulated import SimulatedSource
from assay_training.steps.export_log_linear import export_log_linear

SIMULATED_NOW = FixedClock(datetime(2007, 6, 29, 23, tzinfo=UTC))


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
