"""An id that the dashboard's reader is shown is in the logs of both services."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from assay_frontend.api.client import AssayClient
from assay_frontend.api.errors import ApiProblem
from assay_frontend.markets import CoinChoice

pytestmark = pytest.mark.slow


@pytest.fixture
def api(tmp_path, checkout):
    """A function that ends the real API and returns what it logged, and a client of it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = {
        "PORT": str(port),
        "ASSAY_LOG_FORMAT": "json",
        "ASSAY_MARKET_SOURCE": "simulated",
        "ASSAY_DATA_DIR": str(tmp_path),
        "ASSAY_MODEL_URI": str(checkout / "data" / "processed"),
    }
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "assay_backend"], env=os.environ | settings, stderr=sink
        )

    def end():
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]

    try:
        while '"Listening on' not in log.read_text(encoding="utf-8"):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        yield AssayClient(f"http://127.0.0.1:{port}"), end
    finally:
        process.kill()
        process.wait()


def test_an_error_is_found_in_both_logs_by_the_id_that_its_reader_sees(api, caplog):
    client, end = api
    with caplog.at_level(logging.INFO), pytest.raises(ApiProblem) as raised:
        client.signal(CoinChoice(symbol="NOSUCH/USDT"), language="en")
    shown = raised.value.request_id
    [ours] = [each for each in caplog.records if each.name == "assay_frontend.api.client"]
    assert ours.fields["request_id"] == shown
    [theirs] = [line for line in end() if line["request_id"] == shown]
    assert (theirs["route"], theirs["status"]) == ("/v1/crypto/signal", raised.value.status)
    assert "NOSUCH" not in json.dumps(theirs)
