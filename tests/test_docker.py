"""The images and the Compose file: built, started, asked, and stopped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

Compose = Callable[..., str]


def test_the_compose_file_is_one(checkout: Path) -> None:
    subprocess.run(
        [
            Path(sys.executable).with_name("check-jsonschema"),
            *("--builtin-schema", "vendor.compose-spec"),
            checkout / "docker-compose.yaml",
        ],
        check=True,
    )


@pytest.mark.parametrize("name", ["backend", "frontend"])
def test_a_service_has_no_more_rights_than_it_needs(checkout: Path, name: str) -> None:
    service = yaml.safe_load((checkout / "docker-compose.yaml").read_text())["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(str(port).startswith("127.0.0.1:") for port in service["ports"])


@pytest.mark.parametrize("name", ["backend", "frontend"])
def test_an_image_runs_as_an_ordinary_user_from_pinned_bases(checkout: Path, name: str) -> None:
    dockerfile = (checkout / name / "Dockerfile").read_text()
    bases = re.findall(r"^(?:FROM|COPY --from=)\s*(\S+)", dockerfile, re.MULTILINE)
    assert {base for base in bases if base != "build"} == {
        "python:3.11-slim-bookworm",
        next(base for base in bases if "astral-sh/uv:" in base),
    }
    assert "\nUSER 1000\n" in dockerfile
    assert "# syntax=" not in dockerfile


@pytest.fixture(scope="module")
def settings(base_images: dict[str, str], free_ports: tuple[int, int]) -> dict[str, str]:
    return base_images | {
        "COMPOSE_PROJECT_NAME": "assay-test",
        "BACKEND_PORT": str(free_ports[0]),
        "FRONTEND_PORT": str(free_ports[1]),
        "ASSAY_MARKET_SOURCE": "simulated",
        "ASSAY_GIT_COMMIT": "0123456789abcdef",
    }


@pytest.fixture(scope="module")
def compose(checkout: Path, settings: dict[str, str]) -> Compose:
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

    return run


@pytest.fixture(scope="module")
def up(compose: Compose) -> Iterator[Compose]:
    """Both services built and healthy; gone afterwards with all they had."""
    try:
        compose("up", "--build", "--detach", "--wait", "--wait-timeout", "240")
        yield compose
    finally:
        compose("down", "--volumes", "--timeout", "10")


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(900)
class TestRunningImages:
    def test_the_api_answers_through_its_published_port(
        self, up: Compose, free_ports: tuple[int, int]
    ) -> None:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{free_ports[0]}/predict",
            data=b'{"predict_tomorrow": true}',
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            forecast = json.load(answer)
        assert forecast["prediction"] > 0
        assert forecast["source"] == "simulated"

    def test_the_image_knows_the_commit_it_was_built_from(
        self, up: Compose, free_ports: tuple[int, int]
    ) -> None:
        address = f"http://127.0.0.1:{free_ports[0]}/version"
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert "0123456789abcdef" in answer.read().decode()

    def test_the_dashboard_answers_through_its_published_port(
        self, up: Compose, free_ports: tuple[int, int]
    ) -> None:
        address = f"http://127.0.0.1:{free_ports[1]}/_stcore/health"
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.read() == b"ok"

    def test_the_dashboards_container_reaches_the_api(self, up: Compose) -> None:
        ask = (
            "import os, urllib.request as u; "
            "direct = u.build_opener(u.ProxyHandler({})); "
            "print(direct.open(os.environ['API_URL'] + '/livez').status)"
        )
        assert up("exec", "-T", "frontend", "python", "-c", ask).strip() == "200"

    def test_the_root_is_read_only_and_the_state_is_not(self, up: Compose) -> None:
        tries = "touch /app/state/x && ! touch /app/x && ! touch /app/data/processed/x && id -u"
        assert up("exec", "-T", "backend", "sh", "-c", tries).strip() == "1000"

    def test_there_is_no_tensorflow_in_the_backends_image(self, up: Compose) -> None:
        look = "import importlib.util as i; print(i.find_spec('tensorflow'), i.find_spec('keras'))"
        assert up("exec", "-T", "backend", "python", "-c", look).strip() == "None None"

    def test_both_stop_of_themselves_when_asked(self, up: Compose) -> None:
        up("stop", "--timeout", "20")
        states = [json.loads(line) for line in up("ps", "--all", "--format", "json").splitlines()]
        assert len(states) == 2
        # 137 would mean that the grace ran out and the engine killed it
        assert all(state["ExitCode"] in {0, 143} for state in states), states


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(900)
class TestStartScript:
    @pytest.fixture
    def started(
        self, checkout: Path, settings: dict[str, str], compose: Compose, tmp_path: Path
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
            compose("down", "--volumes", "--timeout", "10")

    def test_where_an_engine_answers_it_is_used_and_a_signal_ends_both(
        self, started: subprocess.Popen[bytes], compose: Compose
    ) -> None:
        assert len(compose("ps", "--quiet").split()) == 2
        started.terminate()
        assert started.wait(timeout=120) == 0
        assert compose("ps", "--all", "--quiet") == ""

    def test_stop_ends_what_a_killed_start_left_running(
        self,
        started: subprocess.Popen[bytes],
        compose: Compose,
        checkout: Path,
        settings: dict[str, str],
    ) -> None:
        started.kill()
        started.wait()
        assert len(compose("ps", "--quiet").split()) == 2
        subprocess.run(
            ["./start.sh", "stop"], cwd=checkout, env=settings, check=True, capture_output=True
        )
        assert compose("ps", "--all", "--quiet") == ""
