"""A small champion, a market that can be stopped, and the real app around both."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import Message
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from starlette.testclient import TestClient

from assay.bundle.files import VOLATILITY, bundle_contents, write_bundle
from assay.bundle.metadata import ModelMetadata
from assay.bundle.onnx_predictor import INPUT, OUTPUT, OnnxPredictor
from assay.clock import Clock, FixedClock
from assay.errors import AssayError
from assay.features.scaling import Standardizer
from assay.features.spec import FEATURE_NAMES, feature_fingerprint
from assay.forecast.calibration import CalibrationState
from assay.forecast.pipeline import Champion
from assay.market.bars import CheckedBars
from assay.market.sources.simulated import SimulatedSource
from assay_backend.app import create_app
from assay_backend.services.container import Services, build_services
from assay_backend.services.market import MarketFeed
from assay_backend.settings import Settings

# A Wednesday, an hour after gold's close.
NOW = datetime(2026, 11, 18, 23, 0, tzinfo=UTC)

LEVELS = ("0.5", "0.8", "0.9", "0.95")
# A proxy for the outside has no way back to this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
VOLATILITY_FILE = Path(__file__).parents[2] / "data" / "processed" / VOLATILITY


@dataclass(slots=True)
class MovableClock:
    instant: datetime = NOW

    def now(self) -> datetime:
        return self.instant

    def advance(self, **amount: float) -> None:
        self.instant += timedelta(**amount)


@dataclass(slots=True)
class StoppableSource:
    """The simulated market; with an `error` it raises that, `held` it keeps its callers waiting."""

    clock: Clock
    name: str = "yahoo"
    error: AssayError | None = None
    until: date | None = None
    calls: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.released.set()

    def fetch(self, symbol: str, *, start: date, deadline_seconds: float) -> CheckedBars:
        self.calls += 1
        self.released.wait(30)
        if self.error is not None:
            raise self.error
        source = SimulatedSource(self.clock, seed=11)
        checked = source.fetch(symbol, start=start, deadline_seconds=deadline_seconds)
        if self.until is None:
            return checked
        bars = checked.bars.until(self.until)
        return CheckedBars(bars, rows=len(bars))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("ASSAY_") or name in {
            "PORT", "SCALER_PATH", "FEATURE_COLS_PATH", "MODEL_METADATA_PATH",
        }:  # fmt: skip
            monkeypatch.delenv(name)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def source(clock: MovableClock) -> StoppableSource:
    return StoppableSource(clock)


def _log_linear_graph(slope: float) -> bytes:
    """Log scale = slope times the sum of all features, five degrees of freedom."""
    columns = len(FEATURE_NAMES)
    constants = {
        "slopes": np.full((columns, 1), slope, dtype=np.float32),
        "zero": np.array([0.0], dtype=np.float32),
        "five": np.array([5.0], dtype=np.float32),
        "first": np.array(0, dtype=np.int64),
    }
    nodes = [
        helper.make_node("Gather", [INPUT, "first"], ["now"], axis=1),
        helper.make_node("MatMul", ["now", "slopes"], ["log_scale"]),
        helper.make_node("Mul", ["log_scale", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "five"], ["tail"]),
        helper.make_node("Concat", ["log_scale", "tail"], [OUTPUT], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 1, columns])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def _score_row(name: str) -> dict[str, object]:
    shares = dict.fromkeys(LEVELS, 0.5)
    numbers = ("mape", "rmse", "mae", "rmse_ratio_rw", "r2_oos", "crps", "pinball")
    return {
        "name": name,
        **dict.fromkeys(numbers, 1.0),
        "direction_accuracy": None,
        "coverage": shares,
        "winkler": shares,
        "dm_p_vs_random_walk": None,
        "dm_p_vs_garch_t": 0.5,
    }


def _metadata(version: str) -> ModelMetadata:
    return ModelMetadata(
        name="assay-gold",
        type="log_linear_t",
        version=version,
        created_at="2026-11-01T06:00:00Z",
        trained_from="2000-08-30",
        trained_to="2026-10-30",
        data_fingerprint="0" * 64,
        feature_fingerprint=feature_fingerprint(),
        lookback=1,
        smoke_parameters=(0.0, 5.0),
        libraries={},
        evaluation={
            "n": 1200,
            "start": "2022-01-03",
            "end": "2026-10-30",
            "champion": "log_linear_t",
            "rows": [_score_row("log_linear_t"), _score_row("random_walk"), _score_row("garch_t")],
        },
        skill={
            "rmse_vs_random_walk": 0.9999,
            "crps_vs_random_walk": 0.981,
            "p_value": 0.6,
            "crps_p_value": 0.001,
            "verdict": "no_edge",
            "coverage": dict.fromkeys(LEVELS, 0.5),
            "origins": 1200,
            "evaluated_from": "2022-01-03",
            "evaluated_to": "2026-10-30",
        },
        promotion={"kind": "promotion", "verdict": "passed", "reasons": []},
    )


def _contents(version: str, slope: float) -> dict[str, bytes]:
    model = _log_linear_graph(slope)
    ones = np.ones(len(FEATURE_NAMES))
    champion = Champion(
        predictor=OnnxPredictor(model),
        standardizer=Standardizer(0.0 * ones, ones),
        lookback=1,
        location=0.0003,
        calibration=CalibrationState(np.linspace(0.01, 0.99, 200)),
        calibrated_to=date(2026, 10, 30),
    )
    contents = bundle_contents(model=model, champion=champion, metadata=_metadata(version))
    return contents | {VOLATILITY: VOLATILITY_FILE.read_bytes()}


Publish = Callable[..., str]


@pytest.fixture(scope="session")
def publish() -> Publish:
    """Writes a small bundle into a folder and returns its digest; `slope` makes it another one."""

    def publish(
        folder: Path,
        *,
        version: str = "2026-10-30-small",
        slope: float = 0.01,
        change: Callable[[dict[str, bytes]], None] = lambda contents: None,
    ) -> str:
        contents = _contents(version, slope)
        change(contents)
        return write_bundle(folder, contents)

    return publish


@pytest.fixture
def folder(tmp_path: Path, publish: Publish) -> Path:
    """A bundle that can be served."""
    publish(tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def settings(tmp_path: Path, folder: Path) -> Settings:
    return Settings(
        market_source="simulated",
        data_dir=tmp_path / "state",
        model_uri=str(folder),
        bundle_check_seconds=0.05,
        upstream_deadline_seconds=0.2,
        first_bars_patience_seconds=0.2,
    )


@pytest.fixture
def serve(settings: Settings, clock: MovableClock) -> Callable[..., AbstractContextManager]:
    """The app under a test client; `feed` stands in for the one that the settings name."""

    def serve(
        feed: MarketFeed | None = None, services: Services | None = None, **changed: object
    ) -> TestClient:
        used = settings.model_copy(update=changed)
        services = services or build_services(used, clock=clock, feed=feed)
        return TestClient(create_app(used, services=services))

    return serve


@pytest.fixture
def client(serve: Callable[..., AbstractContextManager]) -> Iterator[TestClient]:
    with serve() as client:
        yield client


@pytest.fixture(scope="module")
def standing_client(
    publish: Publish, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """One app for all the tests of a module that change nothing."""
    root = tmp_path_factory.mktemp("standing")
    publish(root / "bundle")
    settings = Settings(
        market_source="simulated", data_dir=root / "state", model_uri=str(root / "bundle")
    )
    with TestClient(create_app(settings, clock=FixedClock(NOW))) as client:
        yield client


@pytest.fixture
def environment(tmp_path: Path, folder: Path) -> dict[str, str]:
    """Of a process that serves simulated markets on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return os.environ | {
        "PORT": str(port),
        "ASSAY_MARKET_SOURCE": "simulated",
        "ASSAY_DATA_DIR": str(tmp_path / "state"),
        "ASSAY_MODEL_URI": str(folder),
    }


@dataclass(slots=True)
class RunningService:
    """A process that answers on `port`; what it logs goes to a file."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, Message, bytes]:
        """Status, headers and body."""
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        try:
            with _direct.open(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.status, refusal.headers, refusal.read()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        for _ in range(1200):
            assert self.process.poll() is None, self.said()
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError(f"it never came\n{self.said()}")

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def _answers(self) -> bool:
        try:
            return self.ask("/health")[0] == 200
        except OSError:
            return False


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., RunningService]]:
    """Starts the process, with `command` before its own, and waits until it is healthy."""
    started = []

    def start(*command: str, **changed: str) -> RunningService:
        log = tmp_path / f"log-{len(started)}"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [*command, sys.executable, "-m", "assay_backend"],
                env=environment | changed,
                stderr=sink,
                start_new_session=True,  # what `command` started ends with it
            )
        service = RunningService(process, int(environment["PORT"]), log)
        started.append(process)
        service.wait_until(service._answers)
        return service

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
