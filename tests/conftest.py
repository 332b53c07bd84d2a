"""What tests across the packages share: real bars, a Docker engine, a browser, the checkout."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from asking import free_port

T = TypeVar("T")

MARK = "ASSAY_STARTED_BY_TEST"
NEED_ENGINE = ("test_docker.py", "test_docker_start.py", "test_spaces.py")
# An engine's bridges come and go, and each time Chromium gives up what it is loading.
NEED_BROWSER = ("test_main_job.py", "test_pages.py", "test_reading.py")


class LoopThread:
    """An event loop in a thread of its own, for fixtures and tests that share what lives in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loop")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns, or raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def loop() -> Iterator[LoopThread]:
    """One event loop for a module's tests, and for what they share."""
    opened = LoopThread()
    yield opened
    opened.close()


class ByModule(LoadScopeScheduling):
    """Keeps a module's tests on one worker, and what must not meet on the same one."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return "engine" if module.endswith(NEED_ENGINE + NEED_BROWSER) else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByModule:
    return ByModule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: not item.path.name.endswith(NEED_ENGINE + NEED_BROWSER))


@pytest.fixture(scope="session")
def checkout() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = os.environ.get("ASSAY_REAL_DATA")
    if not folder:
        pytest.skip("ASSAY_REAL_DATA names no folder of real bars")
    if not Path(folder).is_dir():
        pytest.skip(f"ASSAY_REAL_DATA names {folder}, which is no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[dict[str, str]]:
    """The environment in which `docker` reaches an engine: the machine's own, or a private one."""
    if _docker_answers(os.environ):
        yield dict(os.environ)
        return
    script = os.environ.get("ASSAY_DOCKER_ENGINE")
    if not script:
        pytest.skip("no Docker engine answers, and ASSAY_DOCKER_ENGINE names none to start")
    started = subprocess.run([script, "up"], capture_output=True, text=True, check=False)
    if started.returncode == 77:
        pytest.skip(f"the Docker engine cannot run here: {started.stderr.strip()}")
    assert started.returncode == 0, started.stderr
    yield _environment_after(started.stdout)
    subprocess.run([script, "down"], check=True, stdout=subprocess.DEVNULL)


def _docker_answers(environment: os._Environ[str]) -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        asked = subprocess.run(
            ["docker", "compose", "ls", "--quiet"],
            env=environment,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _environment_after(exports: str) -> dict[str, str]:
    printed = subprocess.run(
        ["bash", "-c", 'eval "$1"; env -0', "bash", exports],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(entry.split("=", 1) for entry in printed.stdout.split("\0") if "=" in entry)


@pytest.fixture(scope="session")
def base_images(checkout: Path, docker_engine: dict[str, str]) -> dict[str, str]:
    """The engine's environment, once the images that ours build on are there."""
    dockerfiles = checkout.glob("*/Dockerfile")
    named = re.findall(
        r"^(?:FROM|COPY --from=)\s*(\S+[:/]\S+)",
        "\n".join(dockerfile.read_text() for dockerfile in dockerfiles),
        re.MULTILINE,
    )
    script = os.environ.get("ASSAY_DOCKER_ENGINE")
    standins = Path(script).with_name("standins") if script else None
    if standins and standins.exists():  # it pulls what can be pulled
        subprocess.run([standins, *sorted(set(named))], env=docker_engine, check=True)
    return docker_engine


@pytest.fixture(scope="session")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on the PATH: it is in Debian's package prometheus")
    return found


@dataclass(frozen=True, slots=True)
class StartedAssay:
    """A running `./start.sh --local`, whose every descendant carries `mark` in its environment."""

    process: subprocess.Popen[bytes]
    transcript: Path
    backend: str
    dashboard: str
    mark: str

    def output(self) -> str:
        return self.transcript.read_text()

    def until_ready(self) -> StartedAssay:
        deadline = time.monotonic() + 240
        while "Ctrl-C stops it" not in self.output():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.2)
        return self

    def wait(self) -> int:
        return self.process.wait(timeout=240)

    def processes(self) -> list[int]:
        return [pid for pid, environment in _environments() if self.mark in environment]

    def process_of(self, module: str) -> int:
        [pid] = [pid for pid in self.processes() if module in _command_line(pid)]
        return pid

    def left_behind(self) -> list[int]:
        """What still runs once init has had a moment to bury the killed."""
        for _ in range(50):
            if not self.processes():
                break
            time.sleep(0.1)
        return self.processes()


def _environments() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield int(folder.name), (folder / "environ").read_text(errors="replace")
        except OSError:  # ended in between, or another user's
            continue


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")


@pytest.fixture(scope="module")
def free_ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture
def start_assay(checkout: Path, tmp_path: Path) -> Iterator[Callable[..., StartedAssay]]:
    """Starts Assay on free ports, simulated unless told otherwise, its state in `tmp_path`."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("needs /proc to see which processes are left")
    started: list[StartedAssay] = []

    def start(**settings: str) -> StartedAssay:
        backend, dashboard = free_port(), free_port()
        mark = f"{MARK}={uuid.uuid4()}"
        environment = (
            os.environ
            | dict([mark.split("=")])
            | {
                "BACKEND_PORT": str(backend),
                "FRONTEND_PORT": str(dashboard),
                "ASSAY_MARKET_SOURCE": "simulated",
                "ASSAY_DATA_DIR": str(tmp_path),
                "ASSAY_DATABASE_URL": f"sqlite:///{tmp_path}/assay.db",
            }
        )
        transcript = tmp_path / "transcript.txt"
        with transcript.open("wb") as sink:
            process = subprocess.Popen(
                ["./start.sh", "--local"],
                cwd=checkout,
                env=environment | settings,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(
            StartedAssay(
                process,
                transcript,
                backend=f"http://127.0.0.1:{backend}",
                dashboard=f"http://127.0.0.1:{dashboard}",
                mark=mark,
            )
        )
        return started[-1]

    yield start
    for assay in started:
        for pid in assay.processes():
            os.kill(pid, signal.SIGKILL)
        assay.process.wait()
