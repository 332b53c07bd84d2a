"""The process itself: what it loads before its first answer, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HEAVY = ("tensorflow", "keras", "mlflow", "pandas", "sklearn", "yfinance", "ccxt", "prefect")

FIRST_ANSWER = """
import json, sys
from starlette.testclient import TestClient
from assay_backend.app import create_app
from assay_backend.settings import load_settings

with TestClient(create_app(load_settings())) as client:
    status = client.post("/predict").status_code
print(json.dumps({"status": status, "modules": sorted(sys.modules)}))
"""

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def environment(tmp_path: Path, folder: Path) -> dict[str, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return os.environ | {
        "PORT": str(port),
        "ASSAY_MARKET_SOURCE": "simulated",
        "ASSAY_DATA_DIR": str(tmp_path / "state"),
        "ASSAY_MODEL_URI": str(folder),
    }


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts the process and waits until it answers `/health`."""
    started = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "assay_backend"],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        for _ in range(1200):
            assert process.poll() is None, process.stderr.read()
            try:
                answer = direct.open(f"http://127.0.0.1:{environment['PORT']}/health", timeout=10)
                with answer:
                    return process
            except urllib.error.URLError:
                time.sleep(0.05)
        raise AssertionError("it never answered")

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_nothing_heavy_is_loaded_before_the_first_answer(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FIRST_ANSWER],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["status"] == 200
    assert "onnxruntime" in told["modules"]
    assert [name for name in HEAVY if name in told["modules"]] == []


def test_the_port_opens_once_the_first_answer_can_be_given(
    start: Callable[[], subprocess.Popen[str]], environment: dict[str, str]
) -> None:
    start()
    request = urllib.request.Request(
        f"http://127.0.0.1:{environment['PORT']}/predict",
        data=b'{"predict_tomorrow": true}',
        method="POST",
    )
    with direct.open(request, timeout=30) as answer:
        body = json.load(answer)
        assert answer.headers["x-request-id"]
    assert body["model_version"] == "2026-10-30-small"
    head = urllib.request.Request(
        f"http://127.0.0.1:{environment['PORT']}/v1/gold/forecast", method="HEAD"
    )
    with direct.open(head, timeout=30) as answer:
        assert int(answer.headers["content-length"]) > 0
        assert answer.read() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(
    start: Callable[[], subprocess.Popen[str]], number: signal.Signals
) -> None:
    process = start()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert process.returncode in (0, -number)
