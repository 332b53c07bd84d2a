"""A real MLflow server, bundles registered by training, and a service that follows their alias."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from asking import direct, free_port
from assay.bundle.files import METADATA, load_bundle, write_bundle
from assay.bundle.promotion import history, promote, rollback
from assay.clock import SystemClock
from small_bundle import contents

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # as in training's tests of MLflow
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]

CHAMPION = "models:/assay-gold@champion"
KEY = "correct horse"
PATIENCE_SECONDS = 240.0  # MLflow's imports, on a machine that is busy otherwise
UNSET = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DATABRICKS_HOST", "DATABRICKS_TOKEN")


class Mlflow:
    """The server, and the bundles that were registered there, each by its version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        address = self.url.rpartition(":")[2]
        database = f"sqlite:///{self.folder / 'mlflow.db'}"
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
                *("--host", "127.0.0.1", "--port", address),
                *("--backend-store-uri", database),
                *("--artifacts-destination", str(self.folder / "artifacts")),
            ],
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it has children
        )
        until(lambda: get(f"{self.url}/health"))

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def files_of(self, version: int) -> Path:
        """Where the server keeps the bundle of the `version`th that was registered."""
        found = self.folder.glob("artifacts/*/models/*/artifacts/extra_files")
        return sorted(found, key=lambda path: path.parent.stat().st_ctime_ns)[version - 1]


class Service:
    """The backend's process, on a state folder of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        environment = {name: value for name, value in os.environ.items() if name not in UNSET}
        environment |= {
            "PORT": str(port),
            "ASSAY_MARKET_SOURCE": "simulated",
            "ASSAY_CRYPTO_WATCH": "none",
            "ASSAY_DATA_DIR": str(folder),
            "ASSAY_MODEL_URI": CHAMPION,
            "ASSAY_REGISTRY_CHECK_SECONDS": "0.5",
            "ASSAY_BUNDLE_CHECK_SECONDS": "0.05",
            "ASSAY_ADMIN_KEY": KEY,
        }
        self.log = (folder / "log.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assay_backend"], env=environment | settings, stderr=self.log
        )
        until(lambda: get(f"{self.url}/livez"))

    def health(self) -> dict:
        return until(lambda: get(f"{self.url}/health"))

    def until_it_serves(self, version: str) -> dict:
        return until(lambda: (h := self.health()).get("model_version") == version and h)

    def until_it_says(self, words: str) -> str:
        return until(lambda: next((p for p in self.health()["problems"] if words in p), None))

    def until_all_is_well(self) -> dict:
        return until(lambda: (h := self.health())["status"] == "healthy" and h)

    def stop(self) -> int:
        self.process.terminate()
        status = self.process.wait()
        self.log.close()
        return status

    def told(self) -> str:
        return (self.folder / "log.txt").read_text()


def get(url: str):
    """The answer's document, whatever its status; None where nobody answers."""
    try:
        with direct.open(url, timeout=10) as answer:
            body = answer.read()
    except urllib.error.HTTPError as refused:
        body = refused.read()
    except OSError:
        return None
    return json.loads(body) if body.startswith((b"{", b"[")) else {"text": body.decode()}


def until(found):
    """What `found` returns as soon as that is something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (result := found()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)
    return result


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory) -> Iterator[Mlflow]:
    before = dict(os.environ)
    for name in UNSET:
        os.environ.pop(name, None)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    server = Mlflow(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()
    os.environ.clear()  # MLflow writes addresses into it
    os.environ.update(before)


@pytest.fixture(scope="module")
def trained(mlflow, tmp_path_factory) -> Path:
    """The folder where training publishes; version 1 is test-0.25, version 2 test-0.5."""
    folder = tmp_path_factory.mktemp("trained")
    for scale in (0.25, 0.5):
        write_bundle(folder, servable(scale))
        appoint(mlflow, folder)
    return folder


def servable(scale: float) -> dict[str, bytes]:
    """The small bundle, with the figures that an answer tells."""
    files = contents(scale)
    metadata = json.loads(files[METADATA])
    span = {"start": "2022-01-03", "end": "2025-04-15"}
    metadata["evaluation"] = span | {"n": 800, "rows": []}
    metadata["skill"] = {
        **dict.fromkeys(("rmse_vs_random_walk", "crps_vs_random_walk", "p_value"), 1.0),
        **{"verdict": "no_edge", "origins": 800},
        **{"evaluated_from": span["start"], "evaluated_to": span["end"]},
    }
    return files | {METADATA: json.dumps(metadata).encode()}


def appoint(mlflow, folder) -> str:
    """As `assay-train` does once it has changed the folder's champion."""
    from assay_training.settings import TrainingSettings
    from assay_training.tracking import MlflowTracker

    settings = TrainingSettings(tracking_uri=mlflow.url, data_dir=mlflow.folder)
    return MlflowTracker(settings).appoint(folder, version=load_bundle(folder).metadata.version)


@pytest.fixture
def service(mlflow, trained, tmp_path) -> Iterator[Service]:
    started = Service(tmp_path, MLFLOW_TRACKING_URI=mlflow.url)
    yield started
    started.stop()


class Asking:
    """Somebody who asks for forecasts all the time, and remembers what came."""

    def __init__(self, url: str) -> None:
        self.failures: list[str] = []
        self.versions: list[str] = []
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.is_set():
            request = urllib.request.Request(
                f"{self._url}/predict", data=b'{"predict_tomorrow": true}', method="POST"
            )
            try:
                with direct.open(request, timeout=60) as answer:
                    self.versions.append(json.load(answer)["model_version"])
            except OSError as failed:
                self.failures.append(repr(failed))


def test_the_service_follows_the_alias_there_and_back_and_drops_no_request(
    service, mlflow, trained
):
    service.until_it_serves("test-0.5")
    service.until_all_is_well()
    with Asking(service.url) as asking:
        rollback(trained, by="ada", why="too wide", clock=SystemClock())
        assert appoint(mlflow, trained) == "1"
        service.until_it_serves("test-0.25")
        promote(trained, "test-0.5", by="ada", why="it was not", clock=SystemClock())
        assert appoint(mlflow, trained) == "2"
        service.until_it_serves("test-0.5")
        until(lambda: asking.versions[-1:] == ["test-0.5"])
    assert asking.failures == []
    swaps = [v for v, before in zip(asking.versions, ["", *asking.versions], strict=False)
             if v != before]  # fmt: skip
    assert swaps == ["test-0.5", "test-0.25", "test-0.5"]
    told = [(change.by, change.why) for change in history(service.folder / "registry")]
    assert told[1:] == [
        ("registry", f"{CHAMPION} is version 1"),
        ("registry", f"{CHAMPION} is version 2"),
    ]


def test_it_is_not_the_service_that_chooses(service):
    service.until_it_serves("test-0.5")
    request = urllib.request.Request(
        f"{service.url}/v1/models/rollback", method="POST", headers={"X-API-Key": KEY}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        direct.open(request, timeout=30)
    problem = json.load(refused.value)
    assert (problem["status"], problem["type"]) == (409, "urn:assay:problem:chosen-elsewhere")
    assert "set the alias 'champion' of its model 'assay-gold'" in problem["detail"]
    assert "within 0.5 s" in problem["detail"]
    assert get(f"{service.url}/v1/models")["rollback_to"] is None


def test_a_version_whose_files_were_changed_is_refused_and_the_old_one_serves(
    service, mlflow, trained
):
    service.until_it_serves("test-0.5")
    scaler = mlflow.files_of(1) / "scaler.json"
    as_it_was = scaler.read_bytes()
    assert load_bundle(scaler.parent).metadata.version == "test-0.25"
    scaler.write_bytes(as_it_was.replace(b"1", b"2"))
    rollback(trained, by="ada", why="a try", clock=SystemClock())
    appoint(mlflow, trained)
    said = service.until_it_says("its version 1 is refused")
    assert f"ASSAY_MODEL_URI '{CHAMPION}' in MLFLOW_TRACKING_URI '{mlflow.url}'" in said
    assert "scaler.json does not match its checksum in manifest.json" in said
    assert "the last champion that was had, test-0.5, serves on" in said
    assert (service.health()["status"], service.health()["model_version"]) == (
        "degraded", "test-0.5",
    )  # fmt: skip
    assert said in get(f"{service.url}/v1/models")["problems"]
    scaler.write_bytes(as_it_was)
    service.until_it_serves("test-0.25")
    service.until_all_is_well()
    promote(trained, "test-0.5", by="ada", why="as it was", clock=SystemClock())
    appoint(mlflow, trained)
    service.until_it_serves("test-0.5")


@pytest.mark.parametrize(
    ("model", "registry", "words"),
    [
        ("models:/asay-gold@champion", None, "it has no model 'asay-gold'"),
        ("models:/assay-gold@best", None,
         "its model 'assay-gold' has no alias 'best' (aliases: champion)"),
        ("models:/assay-gold/7", None, "its model 'assay-gold' has no version 7"),
        (CHAMPION, "http://127.0.0.1:9", "nothing answers there (Connection refused)"),
        (CHAMPION, "another path", "what answers there is no MLflow server"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(mlflow, trained, model, registry, words):
    """Asked as the service's process does it, in this one."""
    from assay.bundle.registry import look, reason

    address, _, version = model.removeprefix("models:/").partition("/")
    name, _, alias = address.partition("@")
    where = registry or mlflow.url
    if registry == "another path":
        where = f"{mlflow.url}/static-files"
    request = {"name": name, "alias": alias or None, "version": version or None}
    with pytest.raises(Exception) as raised:  # noqa: PT011 - MLflow's, of all kinds
        look(request | {"tracking": where, "registry": where})
    assert words in reason(raised.value)
    assert "\n" not in reason(raised.value)


def test_settings_that_name_no_registry_are_told_and_the_service_goes_on(tmp_path):
    service = Service(tmp_path, DATABRICKS_HOST="https://example.cloud.databricks.com")
    try:
        health = service.health()
        assert (health["status"], health["model_loaded"]) == ("unhealthy", False)
        assert health["problems"][0] == (
            f"ASSAY_MODEL_URI is '{CHAMPION}': DATABRICKS_TOKEN is not set, which DATABRICKS_HOST "
            "needs"
        )
        assert get(f"{service.url}/v1/gold/forecast")["detail"] == health["problems"][0]
        assert get(f"{service.url}/v1/crypto/ohlcv?symbol=BTCUSDT&limit=3")["rows"] == 3
    finally:
        service.stop()


# The last of this module: it leaves no server to ask.
def test_without_the_server_the_last_champion_serves_on_and_after_a_restart_too(
    mlflow, trained, tmp_path
):
    service = Service(tmp_path, MLFLOW_TRACKING_URI=mlflow.url)
    try:
        service.until_it_serves("test-0.5")
        mlflow.kill()
        said = service.until_it_says("nothing answers there (Connection refused)")
        assert said.endswith("the last champion that was had, test-0.5, serves on")
        assert service.stop() == 0
        service = Service(tmp_path, MLFLOW_TRACKING_URI="http://ada:secret@127.0.0.1:9")
        assert service.health()["model_version"] == "test-0.5"
        said = service.until_it_says("MLFLOW_TRACKING_URI 'http://127.0.0.1:9'")
        assert service.health()["status"] == "degraded"
        assert said in service.told()
        assert "secret" not in service.told()
    finally:
        service.stop()
