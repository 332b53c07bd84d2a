"""The two Spaces: what build_space.py stages is complete, and builds into images that answer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from space_dockerfile import (
    REQUIREMENTS,
    WHEELS,
    NotAServiceDockerfile,
    copied,
    for_a_space,
    stages,
)
from staging import PORT

NETWORK = "assay-test-spaces"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # past any proxy
OWN_WHEELS = {
    "backend": {"assay_core", "assay_backend"},
    "frontend": {"assay_frontend"},
}


@pytest.fixture(scope="module")
def staged(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (checkout / "data/processed/manifest.json").exists():
        pytest.skip("data/processed holds no bundle to stage")
    out = tmp_path_factory.mktemp("spaces")
    done = subprocess.run(
        [sys.executable, "huggingface/build_space.py", "--out", str(out)],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def front_matter(readme: Path) -> dict[str, object]:
    _, matter, _ = readme.read_text().split("---\n", 2)
    return yaml.safe_load(matter)


@pytest.mark.parametrize("space", ["backend", "frontend"])
def test_the_front_matter_names_a_docker_space_on_the_images_port(staged: Path, space: str) -> None:
    matter = front_matter(staged / space / "README.md")
    assert matter["sdk"] == "docker"
    assert matter["app_port"] == PORT
    assert len(str(matter["short_description"])) <= 60
    dockerfile = (staged / space / "Dockerfile").read_text()
    assert re.findall(r"\bPORT=(\d+)", dockerfile)[-1] == str(PORT)
    assert re.findall(r"^EXPOSE (\d+)$", dockerfile, re.MULTILINE)[-1] == str(PORT)


@pytest.mark.parametrize("space", ["backend", "frontend"])
def test_a_space_and_compose_run_one_image(staged: Path, checkout: Path, space: str) -> None:
    _, own = stages((checkout / space / "Dockerfile").read_text())
    _, final = stages((staged / space / "Dockerfile").read_text())
    shared, _, as_a_space = final.partition("\n# As a Space.\n")
    given = re.compile(r"^ARG (ASSAY_GIT_COMMIT|ASSAY_BUILD_TIME)=.*$", re.MULTILINE)
    assert given.sub("", shared) == given.sub("", own)
    assert {line.split()[0] for line in as_a_space.splitlines()} == {"ENV", "EXPOSE"}


@pytest.mark.parametrize("space", ["backend", "frontend"])
def test_a_space_is_built_as_the_service_is_but_for_its_sources(
    staged: Path, checkout: Path, space: str
) -> None:
    own, _ = stages((checkout / space / "Dockerfile").read_text())
    build, _ = stages((staged / space / "Dockerfile").read_text())
    assert "uv sync" not in build
    assert build.index(REQUIREMENTS) < build.index(WHEELS)
    rest = build.replace(REQUIREMENTS, "").replace(WHEELS, "").splitlines()
    assert rest == [line for line in own.splitlines() if line in rest]


@pytest.mark.parametrize("space", ["backend", "frontend"])
def test_a_staged_space_holds_all_that_its_dockerfile_copies(staged: Path, space: str) -> None:
    folder = staged / space
    dockerfile = (folder / "Dockerfile").read_text()
    assert len(copied(dockerfile)) >= 2
    for source in copied(dockerfile):
        assert (folder / source).exists(), source
    assert {wheel.name.split("-")[0] for wheel in folder.glob("wheels/*")} == OWN_WHEELS[space]


SERVICE = """\
# The service.
FROM python AS build
COPY --from=uv /uv /bin/uv
COPY pyproject.toml uv.lock ./
COPY core/pyproject.toml core/
RUN --mount=type=cache,target=/root/.cache/uv \\
    uv sync --frozen --no-install-workspace
COPY scripts/slim.py scripts/
RUN python scripts/slim.py
COPY core/src core/src
RUN uv sync --frozen

FROM python
COPY --from=build /app/.venv .venv
ARG COMMIT
"""


def test_only_what_needs_our_sources_makes_way() -> None:
    made = for_a_space(SERVICE, port=7860, arguments={"COMMIT": "abc"}, environment={"A": "b"})
    assert made.partition("\n\n")[2] == (
        "FROM python AS build\nCOPY --from=uv /uv /bin/uv\n"
        f"{REQUIREMENTS}COPY scripts/slim.py scripts/\nRUN python scripts/slim.py\n{WHEELS}\n"
        'FROM python\nCOPY --from=build /app/.venv .venv\nARG COMMIT="abc"\n\n'
        "# As a Space.\nENV PORT=7860\nENV A=b\nEXPOSE 7860\n"
    )
    assert copied(made) == ["requirements.txt", "scripts/slim.py", "wheels"]


@pytest.mark.parametrize(
    ("dockerfile", "says"),
    [
        ("FROM python\n", "1 stages, not 2"),
        (SERVICE.replace("RUN uv sync", "RUN true"), "does not sync twice"),
        (SERVICE.replace("RUN python", "RUN uv sync && python"), "does not sync twice"),
        (SERVICE.replace("ARG COMMIT", "ARG REVISION"), "no ARG COMMIT"),
    ],
)
def test_a_dockerfile_of_another_form_is_refused(dockerfile: str, says: str) -> None:
    with pytest.raises(NotAServiceDockerfile, match=says):
        for_a_space(dockerfile, port=7860, arguments={"COMMIT": "abc"}, environment={})


@pytest.mark.parametrize("space", ["backend", "frontend"])
def test_every_requirement_is_pinned_and_hashed_and_none_is_ours(staged: Path, space: str) -> None:
    text = (staged / space / "requirements.txt").read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(entries) > 10
    for entry in entries:
        assert re.match(r"[a-z0-9.\-\[\]]+==", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert not re.search("^(assay|tensorflow|file:|-e )", text, re.MULTILINE)


def test_the_backend_space_carries_the_champion_byte_for_byte(staged: Path, checkout: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        files = sorted(path for path in folder.iterdir() if path.is_file())
        assert len(files) > 5
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }

    assert digests(staged / "backend/data/processed") == digests(checkout / "data/processed")
    assert not (staged / "backend/data/processed/.versions").exists(), "former champions stay"


@pytest.mark.parametrize("space", ["backend", "frontend"])
def test_a_staged_space_says_what_it_was_built_from(
    staged: Path, checkout: Path, space: str
) -> None:
    facts = json.loads((staged / space / "build.json").read_text())
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert facts["git_commit"].removesuffix("-dirty") == done.stdout.strip()
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", facts["build_time"])
    metadata = json.loads((checkout / "data/processed/model_metadata.json").read_text())
    assert facts["champion_version"] == metadata["version"]
    dockerfile = (staged / space / "Dockerfile").read_text()
    assert f'ARG ASSAY_GIT_COMMIT="{facts["git_commit"]}"\n' in dockerfile
    assert f'ARG ASSAY_BUILD_TIME="{facts["build_time"]}"\n' in dockerfile


@dataclass(frozen=True, slots=True)
class Running:
    """Both Spaces as containers; the addresses are those from outside."""

    docker: Callable[..., str]
    api: str
    dashboard: str

    def get(self, address: str) -> bytes:
        with DIRECT.open(address, timeout=30) as answer:
            return answer.read()


@pytest.fixture(scope="module")
def docker(base_images: dict[str, str]) -> Callable[..., str]:
    def docker(*arguments: str) -> str:
        done = subprocess.run(
            ["docker", *arguments], env=base_images, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    return docker


@pytest.fixture(scope="module")
def running(
    staged: Path, docker: Callable[..., str], free_ports: tuple[int, int]
) -> Iterator[Running]:
    """Built and started with what a Space on free hardware gets."""
    settings = {
        "backend": ("ASSAY_MARKET_SOURCE=simulated",),
        "frontend": ("API_URL=http://space-backend:7860", "SPACE_HOST=someone-assay.hf.space"),
    }
    docker("network", "create", NETWORK)
    try:
        for (name, variables), port in zip(settings.items(), free_ports, strict=True):
            docker("build", "--tag", f"assay-test-space-{name}", str(staged / name))
            docker(
                *("run", "--detach", "--name", f"space-{name}", "--network", NETWORK),
                *("--cpus", "2", "--memory", "16g", "--publish", f"127.0.0.1:{port}:{PORT}"),
                *(part for variable in variables for part in ("--env", variable)),
                f"assay-test-space-{name}",
            )
            _wait_until_healthy(docker, f"space-{name}")
        yield Running(docker, *(f"http://127.0.0.1:{port}" for port in free_ports))
    finally:
        for name in settings:
            # by name: one that never started is no reason to leave the other
            with contextlib.suppress(AssertionError):
                docker("rm", "--force", "--volumes", f"space-{name}")
        docker("network", "rm", NETWORK)


def _wait_until_healthy(docker: Callable[..., str], container: str) -> None:
    """By the image's own health check."""
    for _ in range(240):
        state = json.loads(docker("inspect", "--format", "{{json .State}}", container))
        assert state["Running"], docker("logs", "--tail", "20", container)
        if state["Health"]["Status"] == "healthy":
            return
        time.sleep(0.5)
    pytest.fail(docker("logs", "--tail", "20", container))


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(900)
class TestRunningSpaces:
    def test_the_api_answers_and_says_what_it_was_built_from(
        self, running: Running, staged: Path
    ) -> None:
        facts = json.loads((staged / "backend" / "build.json").read_text())
        told = json.loads(running.get(f"{running.api}/version"))
        assert told["git_commit"] == facts["git_commit"]
        assert told["build_time"] == facts["build_time"]
        assert told["model_version"] == facts["champion_version"]
        forecast = json.loads(running.get(f"{running.api}/v1/gold/forecast"))
        assert forecast["source"] == "simulated"
        assert forecast["model_version"] == facts["champion_version"]

    def test_a_signal_is_recorded_on_the_disk_that_there_is(self, running: Running) -> None:
        body = b'{"symbol": "BTCUSDT"}'
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{running.api}/v1/crypto/signal", body, headers)
        with DIRECT.open(asked, timeout=60) as answer:
            assert json.load(answer)["signal_id"]
        assert json.loads(running.get(f"{running.api}/v1/ledger/verify"))["intact"]

    def test_the_dashboard_answers(self, running: Running) -> None:
        assert running.get(f"{running.dashboard}/_stcore/health") == b"ok"
        assert b"<title>Assay</title>" in running.get(f"{running.dashboard}/")

    def test_the_dashboard_has_its_figures_from_the_api(self, running: Running) -> None:
        ask = (
            "from assay_frontend.api.client import AssayClient\n"
            "from assay_frontend.settings import read_settings\n"
            "print(AssayClient(read_settings().api_url).forecast().provenance.source)"
        )
        asked = running.docker("exec", "space-frontend", "python", "-c", ask)
        assert asked == "simulated"

    @pytest.mark.parametrize("name", ["backend", "frontend"])
    def test_both_run_as_the_user_of_a_space(self, running: Running, name: str) -> None:
        assert running.docker("exec", f"space-{name}", "id", "-u") == "1000"
        assert running.docker("exec", f"space-{name}", "sh", "-c", "echo $PORT") == str(PORT)
