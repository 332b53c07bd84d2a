"""The process itself: what it loads before its first answer, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable

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


def test_the_port_opens_once_the_first_answer_can_be_given(start: Callable) -> None:
    service = start()
    status, headers, body = service.ask(
        "/predict", method="POST", body=b'{"predict_tomorrow": true}'
    )
    assert status == 200
    assert headers["x-request-id"]
    assert json.loads(body)["model_version"] == "2026-10-30-small"
    _, headers, body = service.ask("/v1/gold/forecast", method="HEAD")
    assert int(headers["content-length"]) > 0
    assert body == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(start: Callable, number: signal.Signals) -> None:
    service = start()
    service.process.send_signal(number)
    assert service.process.wait(60) == 0
    assert "Traceback" not in service.said()


def test_in_json_every_line_is_an_object(start: Callable) -> None:
    service = start(
        ASSAY_LOG_FORMAT="json",
        ASSAY_LOG_LEVEL="debug",
        ASSAY_ADMINKEY="s3cret",
        ASSAY_ADMIN_KEY="s3cret",
    )
    assert service.ask("/nothing", **{"X-Request-ID": "mine-1"})[0] == 404
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(60) == 0
    lines = [json.loads(line) for line in service.said().splitlines()]
    assert {"time", "level", "logger", "message", "request_id"} <= set.intersection(
        *(set(line) for line in lines)
    )
    assert {"uvicorn.error", "assay_backend.services.champion"} <= {
        line["logger"] for line in lines
    }
    misspelt, short = [line["message"] for line in lines if "ASSAY_ADMIN_KEY" in line["message"]]
    assert misspelt.startswith("ASSAY_ADMINKEY is no setting")
    assert short == "ASSAY_ADMIN_KEY has under 16 characters: it can be guessed"
    assert "s3cret" not in service.said()
    [asked] = [line for line in lines if line["request_id"] == "mine-1"]
    assert (asked["route"], asked["status"], asked["level"]) == ("other", 404, "info")


def test_bad_settings_are_told_in_json_too(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "assay_backend"],
        env=environment | {"PORT": "http", "ASSAY_LOG_FORMAT": "json"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    [line] = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 2
    assert line["level"] == "critical"
    assert line["message"].startswith("PORT is 'http'")
