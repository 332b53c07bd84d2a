"""start.sh and Docker's engine, or none: what it asks of it, what it says, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from asking import wait_until
from started_script import StubDocker, assert_one_sentence, run, started


@pytest.mark.parametrize("command", ["--docker", "stop", "logs"])
def test_a_machine_without_docker_is_told_so(
    clean_copy: Path, bare_path: Path, command: str
) -> None:
    ended = run(clean_copy, command, environment={"PATH": str(bare_path)})
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert "No Docker engine with Compose answers" in ended.stderr


def test_an_engine_that_never_answers_does_not_hold_the_start_up(
    clean_copy: Path, bare_path: Path
) -> None:
    (bare_path / "docker").write_text("#!/bin/sh\nexec sleep 1000\n")
    (bare_path / "docker").chmod(0o755)
    ended = run(clean_copy, environment={"PATH": str(bare_path)})
    said, refused = ended.stderr.splitlines()
    assert said == "Docker did not answer within 5 seconds."
    assert "No Python" in refused, "the local way was not tried"


def test_stop_ends_the_services_of_every_profile_and_keeps_what_they_stored(
    clean_copy: Path, bare_path: Path
) -> None:
    (bare_path / "docker").write_text('#!/bin/sh\necho "$@" >>asked\n')
    (bare_path / "docker").chmod(0o755)
    ended = run(clean_copy, "stop", environment={"PATH": str(bare_path)})
    assert ended.returncode == 0, ended.stderr
    *_, stopped = (clean_copy / "asked").read_text().splitlines()
    assert stopped == "compose --profile * down --timeout 10"


def test_a_build_that_fails_says_so_and_leaves_what_runs(
    clean_copy: Path, docker: StubDocker
) -> None:
    docker.tell("running", "the-last-version\n")
    docker.tell("build-fails")
    ended = run(clean_copy, environment=docker.environment)
    assert ended.returncode == 1
    failed, left = ended.stderr.splitlines()
    assert failed == (
        "start.sh: The images could not be built, and why stands above: nothing was started."
    )
    assert left == "Assay ran in Docker before, and is not stopped: ./start.sh stop does that."
    assert docker.asked("up") == docker.asked("down") == []


def test_a_first_build_that_fails_has_nothing_to_stop(clean_copy: Path, docker: StubDocker) -> None:
    docker.tell("build-fails")
    ended = run(clean_copy, environment=docker.environment)
    assert ended.returncode == 1
    assert_one_sentence(ended.stderr)
    assert docker.asked("up") == docker.asked("down") == []


@pytest.mark.parametrize("stage", ["build", "up"])
def test_ctrl_c_before_it_has_taken_over_leaves_what_ran(
    clean_copy: Path, docker: StubDocker, stage: str
) -> None:
    docker.tell("running", "the-last-version\n")
    docker.tell(f"{stage}-hangs")
    with started(clean_copy, docker.environment) as start:
        wait_until((docker.folder / "hanging").exists)
        os.killpg(start.pid, signal.SIGINT)
        said, _ = start.communicate(timeout=30)
        with pytest.raises(ProcessLookupError):  # what hung is gone too
            os.killpg(start.pid, 0)
    assert start.returncode == 0
    assert "./start.sh stop" in said
    assert docker.asked(stage) != []
    assert docker.asked("down") == []


@pytest.mark.parametrize("ran_before", [True, False])
def test_services_that_do_not_become_healthy_end_only_with_a_start_that_began_them(
    clean_copy: Path, docker: StubDocker, ran_before: bool
) -> None:
    if ran_before:
        docker.tell("running", "the-last-version\n")
    docker.tell("up-fails")
    ended = run(clean_copy, environment=docker.environment)
    assert ended.returncode == 1
    assert "did not become healthy" in ended.stderr
    assert len(docker.asked("down")) == (0 if ran_before else 1)


ASKED = (
    '{"level":"warning","message":"GET /health 503 in 1.2 ms: scaler.json is missing"}',
    "2026-01-02T03:04:05.678Z WARNING assay: GET /readyz 503 in 1.2 ms [abc]",
)


@contextmanager
def answering(port: int, ready: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """A backend that is up and not healthy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(json.dumps(ready()).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def less_patient(copy: Path, seconds: int) -> None:
    script = copy / "start.sh"
    written = script.read_text()
    assert "\nLASTING_FAULT_SECONDS=8 " in written
    script.write_text(written.replace("SECONDS=8 ", f"SECONDS={seconds} "))


@pytest.mark.parametrize("ran_before", [True, False])
def test_a_fault_that_lasts_ends_a_start_and_is_told(
    clean_copy: Path, docker: StubDocker, ran_before: bool
) -> None:
    if ran_before:
        docker.tell("running", "the-last-version\n")
    docker.tell("up-hangs")
    docker.tell("log", "\n".join(["the cause", *ASKED * 50]) + "\n")
    less_patient(clean_copy, 2)
    fault = {"champion_loaded": False, "problems": ['"scaler.json" is missing.', "another"]}
    with started(clean_copy, docker.environment) as start:
        wait_until((docker.folder / "hanging").exists)
        with answering(int(docker.environment["BACKEND_PORT"]), lambda: fault):
            said, _ = start.communicate(timeout=60)
    assert start.returncode == 1
    assert 'not healthy yet: "scaler.json" is missing.\n' in said, "it shows no progress"
    assert (
        "start.sh: The backend cannot serve, and waiting does not mend that: "
        '"scaler.json" is missing.\n'
    ) in said
    assert "the cause\n" in said
    assert "503" not in said
    assert len(docker.asked("down")) == (0 if ran_before else 1)


@pytest.mark.parametrize("case", ["loaded", "changing", "fetched"])
def test_what_may_still_come_is_waited_for(clean_copy: Path, docker: StubDocker, case: str) -> None:
    """A champion that is loaded, a folder that is being filled, a registry that is asked."""
    docker.tell("up-hangs")
    less_patient(clean_copy, 2)
    asked = []

    def ready() -> dict[str, Any]:
        asked.append(case)
        part = len(asked) if case == "changing" else 0
        return {"champion_loaded": case == "loaded", "problems": [f"part {part} is missing"]}

    model = {"ASSAY_MODEL_URI": "models:/assay-gold@champion"} if case == "fetched" else {}
    with started(clean_copy, docker.environment | model) as start:
        wait_until((docker.folder / "hanging").exists)
        with answering(int(docker.environment["BACKEND_PORT"]), ready):
            wait_until(lambda: len(asked) >= 5)
            assert start.poll() is None
            os.killpg(start.pid, signal.SIGINT)
            start.communicate(timeout=30)
    assert start.returncode == 0


@pytest.mark.parametrize("ran_before", [True, False])
def test_ctrl_c_once_it_has_taken_over_stops_what_it_began(
    clean_copy: Path, docker: StubDocker, ran_before: bool
) -> None:
    if ran_before:
        docker.tell("running", "the-last-version\n")
    with started(clean_copy, docker.environment) as start:
        assert start.stdout is not None
        while "Ctrl-C stops it" not in (line := start.stdout.readline()):
            assert line, "it ended"
        os.killpg(start.pid, signal.SIGINT)
        start.communicate(timeout=30)
    assert start.returncode == 0
    assert docker.asked("down") == ["compose down --timeout 10"]


def test_one_uv_serves_the_script_and_the_images(checkout: Path) -> None:
    script = (checkout / "start.sh").read_text()
    pinned = re.search(r"^UV_VERSION=(\S+)", script, re.MULTILINE)
    assert pinned
    dockerfiles = list(checkout.glob("*/Dockerfile"))
    assert len(dockerfiles) >= 2
    for dockerfile in dockerfiles:
        assert f"astral-sh/uv:{pinned[1]} " in dockerfile.read_text(), dockerfile
