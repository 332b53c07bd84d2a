"""`./start.sh` where a Docker engine answers: it uses the images, and leaves nothing behind."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asking import ask

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(2400)]

Compose = Callable[..., str]


@pytest.fixture(scope="module")
def settings(base_images: dict[str, str], free_ports: tuple[int, int]) -> dict[str, str]:
    return base_images | {
        "COMPOSE_PROJECT_NAME": "assay-test-start",
        "BACKEND_PORT": str(free_ports[0]),
        "FRONTEND_PORT": str(free_ports[1]),
        "ASSAY_MARKET_SOURCE": "simulated",
    }


@pytest.fixture
def compose(checkout: Path, settings: dict[str, str]) -> Iterator[Compose]:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=checkout,
            env=settings,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    yield run
    run("down", "--volumes", "--timeout", "10")


@pytest.fixture
def started(
    checkout: Path, settings: dict[str, str], compose: Compose, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    transcript = tmp_path / "transcript.txt"
    with transcript.open("wb") as sink:
        process = subprocess.Popen(
            ["./start.sh"],
            cwd=checkout,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        while "Ctrl-C stops it" not in transcript.read_text():
            assert process.poll() is None, transcript.read_text()
            time.sleep(0.5)
        yield process
    finally:
        process.kill()
        process.wait()


def start_script(
    checkout: Path, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["./start.sh", *arguments],
        cwd=checkout,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )


def test_its_images_serve_and_report_until_a_signal_ends_both(
    started: subprocess.Popen[bytes],
    compose: Compose,
    checkout: Path,
    settings: dict[str, str],
    tmp_path: Path,
) -> None:
    assert len(compose("ps", "--quiet").split()) == 2
    reported = start_script(checkout, settings, "report", "--out", str(tmp_path))
    assert reported.returncode == 0, reported.stderr
    assert (tmp_path / "report.md").read_text().startswith("# Assay")
    head = ask(f"http://127.0.0.1:{settings['BACKEND_PORT']}/v1/ledger/verify")["head"]
    assert head[:8] in (tmp_path / "report.md").read_text(), "it tells of another ledger"
    started.terminate()
    assert started.wait(timeout=120) == 0
    assert compose("ps", "--all", "--quiet") == ""


def test_stop_ends_what_a_killed_start_left_running(
    started: subprocess.Popen[bytes], compose: Compose, checkout: Path, settings: dict[str, str]
) -> None:
    started.kill()
    started.wait()
    assert len(compose("ps", "--quiet").split()) == 2
    assert start_script(checkout, settings, "stop").returncode == 0
    assert compose("ps", "--all", "--quiet") == ""


def test_a_bundle_that_cannot_be_loaded_is_told_and_not_waited_out(
    compose: Compose, checkout: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    broken = tmp_path / "bundle"
    shutil.copytree(checkout / "data" / "processed", broken)
    (broken / "scaler.json").unlink()
    ended = start_script(checkout, settings | {"ASSAY_MODEL_URI": str(broken)})
    assert ended.returncode == 1, ended.stdout
    *_, told = [line for line in ended.stderr.splitlines() if line.startswith("start.sh: ")]
    assert told.startswith("start.sh: The backend cannot serve, and waiting does not mend that: ")
    assert "scaler.json" in told
    assert "GET /health 503" not in ended.stdout + ended.stderr
    assert compose("ps", "--all", "--quiet") == ""


def test_training_needs_no_python_where_docker_answers(
    checkout: Path, settings: dict[str, str], tmp_path: Path
) -> None:
    """The image's command is run, with what was asked for."""
    for tool in ("bash", "dirname", "docker", "git", "grep", "mkdir", "sleep"):
        found = shutil.which(tool, path=settings["PATH"])
        assert found, tool
        (tmp_path / tool).symlink_to(found)
    nowhere = {"PATH": str(tmp_path), "UV_PROJECT_ENVIRONMENT": str(tmp_path / "none")}
    said = start_script(checkout, settings | nowhere, "train", "--help")
    assert said.returncode == 0, said.stderr
    assert "usage: assay-train run" in said.stdout
