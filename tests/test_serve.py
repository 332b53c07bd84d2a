"""scripts/serve.py, which start.sh runs: how long it waits for a service, and what it then says."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loaded_script import loaded


@pytest.fixture(scope="module")
def serve() -> Iterator[ModuleType]:
    yield from loaded("serve")


Answers = Callable[[str], tuple[int, dict[str, Any]]]


@contextmanager
def answering(serve: ModuleType, log: Path, answers: Answers) -> Iterator[Any]:
    """A running backend that gives `answers` by path, and logs as ours does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    process = subprocess.Popen(["sleep", "1000"])
    service = serve.Service(
        "backend", "none", server.server_port, "BACKEND_PORT", "/health", "/readyz"
    )
    try:
        yield serve.Running(service, process, log)
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()
        thread.join()


NO_CHAMPION = {"champion_loaded": False, "problems": ["scaler.json is missing."]}


def test_a_fault_that_lasts_is_not_waited_out(serve: ModuleType, tmp_path: Path) -> None:
    def answers(path: str) -> tuple[int, dict[str, Any]]:
        return 503, NO_CHAMPION if path == "/readyz" else {"problems": ["bars are stale"]}

    patience = serve.Patience(start_seconds=30.0, lasting_fault_seconds=1.0)
    with (
        answering(serve, tmp_path / "log", answers) as backend,
        pytest.raises(serve.CannotServe, match=r"mend that: scaler.json is missing \(its log"),
    ):
        serve.wait_until_healthy(backend, threading.Event(), patience)


@pytest.mark.parametrize("case", ["slow", "changing", "fetched"])
def test_what_may_still_come_is_waited_for(
    serve: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """A champion that is loaded, a folder that is being filled, a registry that is asked."""
    if case == "fetched":
        monkeypatch.setenv("ASSAY_MODEL_URI", "models:/assay-gold@champion")
    asked: list[str] = []

    def answers(path: str) -> tuple[int, dict[str, Any]]:
        asked.append(path)
        if path == "/readyz":
            if case == "slow":
                return 503, {"champion_loaded": True, "problems": ["nothing can be stored"]}
            part = len(asked) if case == "changing" else 0
            return 503, {"champion_loaded": False, "problems": [f"part {part} is missing"]}
        return 200 if asked.count("/health") > 3 else 503, {"problems": ["not yet"]}

    patience = serve.Patience(start_seconds=30.0, lasting_fault_seconds=0.5)
    with answering(serve, tmp_path / "log", answers) as backend:
        serve.wait_until_healthy(backend, threading.Event(), patience)
    assert asked.count("/health") == 4


def test_the_end_of_all_waiting_names_the_last_complaint(serve: ModuleType, tmp_path: Path) -> None:
    def answers(path: str) -> tuple[int, dict[str, Any]]:
        return (200, {}) if path == "/readyz" else (503, {"problems": ["a bug is in the way."]})

    with (
        answering(serve, tmp_path / "log", answers) as backend,
        pytest.raises(serve.CannotServe, match=r"within 1 s: a bug is in the way \(its log"),
    ):
        serve.wait_until_healthy(backend, threading.Event(), serve.Patience(start_seconds=1.0))


def test_the_last_lines_are_not_those_of_our_own_questions(
    serve: ModuleType, tmp_path: Path
) -> None:
    log = tmp_path / "backend.log"
    asked = "2026-01-02T03:04:05.678Z WARNING assay: GET /health 503 in 1.2 ms [abc]\n"
    log.write_text("the cause\n" + asked * 50 + asked.replace("health", "readyz"))
    assert serve.last_lines(log) == "  the cause"
