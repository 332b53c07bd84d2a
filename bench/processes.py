"""Starts the measured processes on loopback and asks them; what both benchmarks share."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).parent
BODY = b'{"predict_tomorrow": true}'
DEADLINE_SECONDS = 120.0

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers POST /predict; `first_answer_seconds` counts from its start."""

    process: subprocess.Popen[bytes]
    port: int
    first_answer_seconds: float

    def ask(self) -> bytes:
        return _ask(self.port)

    def resident_mb(self) -> float:
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(self.process.pid)],
            capture_output=True,
            check=True,
            text=True,
        )
        return int(told.stdout) / 1024


@contextlib.contextmanager
def backend(bundle: Path, *, asked: str | None = None, **environment: str) -> Iterator[Server]:
    """The backend on the simulated market, its state in a folder of its own.

    It is there once it answers POST /predict, or GET `asked`.
    """
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as state:
        settings = {
            "ASSAY_MARKET_SOURCE": "simulated",
            "ASSAY_DATA_DIR": state,
            "ASSAY_MODEL_URI": str(bundle),
            "ASSAY_LOG_LEVEL": "error",
            **environment,
        }
        with _serving(["-m", "assay_backend"], settings, asked) as server:
            yield server


@contextlib.contextmanager
def bare(constant: Path | None = None) -> Iterator[Server]:
    """The bare FastAPI route that returns `constant`."""
    arguments = [str(BENCH / "bare.py"), "{port}", *([str(constant)] if constant else [])]
    with _serving(arguments, {}) as server:
        yield server


@contextlib.contextmanager
def _serving(
    arguments: list[str], settings: dict[str, str], asked: str | None = None
) -> Iterator[Server]:
    port = _free_port()
    command = [sys.executable, *(part.format(port=port) for part in arguments)]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | settings | {"PORT": str(port)})
    try:
        _first_answer(process, port, asked)
        yield Server(process, port, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait()


def _first_answer(process: subprocess.Popen[bytes], port: int, asked: str | None) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError):
            get(port, asked) if asked else _ask(port)
            return
        if process.poll() is not None:
            break
        time.sleep(0.005)
    raise SystemExit(f"{process.args!r} gave no answer on port {port}")


def get(port: int, path: str) -> bytes:
    """The body of GET `path`."""
    with _direct.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        body: bytes = answer.read()
        return body


def _ask(port: int) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict", data=BODY, headers={"Content-Type": "application/json"}
    )
    with _direct.open(request, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
