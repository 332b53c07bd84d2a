"""What the dashboard logs: one form for all of it, and an id for each call that failed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import subprocess
import sys

import httpx2
import pytest
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg

from assay_frontend.api.client import AssayClient
from assay_frontend.api.errors import ApiError, ApiProblem
from assay_frontend.logs import JsonLines

# Docker kills what has not ended by then.
END_SECONDS = 10


def call_record(caplog):
    [record] = [each for each in caplog.records if each.name.endswith("api.client")]
    return json.loads(JsonLines().format(record))


@pytest.mark.parametrize(
    ("status", "level"), [(503, "warning"), (500, "warning"), (404, "info"), (422, "info")]
)
def test_a_failed_call_is_logged_under_the_id_that_it_was_sent_with(
    backend, replies, caplog, status, level
):
    backend.replies["/v1/gold/history"] = replies.problem(status=status)
    with caplog.at_level(logging.INFO), pytest.raises(ApiProblem) as raised:
        AssayClient(backend.url).history(250)
    sent = {headers["X-Request-ID"] for _, headers in backend.requests}
    line = call_record(caplog)
    assert sent == {line["request_id"]}
    assert re.fullmatch(r"dashboard-[0-9a-f]{16}", line["request_id"])
    assert raised.value.request_id == "req-1"
    assert (line["level"], line["status"]) == (level, status)
    assert (line["method"], line["path"]) == ("GET", "/v1/gold/history")
    assert "sessions" not in json.dumps(line)


def test_a_call_that_nobody_answers_is_logged_too(backend, caplog):
    backend.close()
    with caplog.at_level(logging.INFO), pytest.raises(ApiError):
        AssayClient(backend.url).forecast()
    line = call_record(caplog)
    assert (line["level"], line["status"]) == ("warning", None)
    assert line["request_id"] in line["message"]


def test_a_call_that_succeeds_needs_no_line(backend, caplog):
    with caplog.at_level(logging.INFO):
        AssayClient(backend.url).forecast()
    assert [each for each in caplog.records if each.name.startswith("assay")] == []


async def look_at_the_first_page(port: int) -> websockets.ClientConnection:
    """A browser's session, which stays open."""
    address = f"127.0.0.1:{port}"
    for _ in range(1200):
        try:
            session = await websockets.connect(
                f"ws://{address}/_stcore/stream", origin=f"http://{address}", proxy=None
            )
        except OSError:
            await asyncio.sleep(0.05)
        else:
            await session.send(BackMsg(rerun_script={}).SerializeToString())
            return session
    raise AssertionError("it never opened")


@pytest.mark.slow
def test_the_process_logs_objects_only_and_ends_while_somebody_looks(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = {"PORT": str(port), "API_URL": "http://127.0.0.1:1", "ASSAY_LOG_FORMAT": "json"}
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "assay_frontend"],
            env=os.environ | settings,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )

    async def look_and_end() -> int:
        session = await look_at_the_first_page(port)
        try:
            while "failed" not in log.read_text():
                await asyncio.wait_for(session.recv(), 60)
            asked = f"http://127.0.0.1:{port}/gold?__sign=a-key"
            assert (await asyncio.to_thread(httpx2.get, asked, trust_env=False)).status_code == 200
            process.terminate()
            return await asyncio.to_thread(process.wait, END_SECONDS)
        finally:
            session.transport.abort()
            await session.wait_closed()

    try:
        status = asyncio.run(look_and_end())
    finally:
        process.kill()
        process.wait()
    assert status in (0, -15)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    [failed] = [line for line in lines if line["request_id"]][:1]
    assert failed["path"].startswith("/v1/")
    assert "127.0.0.1:1" in lines[0]["message"]
    assert [line for line in lines if line["level"] in ("error", "critical")] == []
    assert "a-key" not in log.read_text()


def test_a_busy_port_is_named_with_its_setting_in_the_form_that_was_asked_for():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "assay_frontend"],
            env=os.environ | {"PORT": str(port), "ASSAY_LOG_FORMAT": "json"},
            capture_output=True,
            check=False,
        )
    assert done.returncode == 2
    line = json.loads(done.stderr)
    assert line["message"].startswith(f"PORT must be free, and one that this user may open: {port}")
