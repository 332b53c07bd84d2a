"""The Dockerfiles and the Compose file as they are written; test_docker.py runs them."""

from __future__ import annotations

import http.server
import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay_backend.settings import Settings as BackendSettings
from assay_backend.settings import environment_name
from assay_training.settings import TrainingSettings

IMAGES = ["backend", "frontend", "training"]
COMPOSE = Path(__file__).resolve().parents[1] / "docker-compose.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]

# Started as root, without root's rights: to become the owner of data/processed, and nothing else.
BECOME_THE_OWNER = {"training", "worker"}
USERS = {**dict.fromkeys(BECOME_THE_OWNER, "0:0"), "postgres": "postgres"}
END_WITH_THEIR_WORK = {"training", "mlops-secrets", "mlops-prepare"}
ASKED_BY_THE_COMPOSE_FILE = ["mlflow", "prefect", "worker"]
PINNED = re.compile(r"([a-z.]+/)*[a-z]+:(v?\d+\.\d+(\.\d+)?(-[a-z]+)?|RELEASE\.[\dTZ-]+)")

# Settings that Compose keeps from a service, and why.
NOT_PASSED = {
    "backend": {
        "ASSAY_BUILD_TIME": "the image's own",
        "ASSAY_GIT_COMMIT": "the image's own",
    },
    "training": {
        "ASSAY_DATA_DIR": "the image's own: data/ is mounted there",
        "API_URL": "of the daily flow, which is not in this profile",
        "ASSAY_DAILY_CRON": "of the daily flow",
        "ASSAY_REFIT_WEEKDAY": "of the daily flow",
        "PREFECT_API_URL": "of the daily flow",
    },
    "frontend": {"ASSAY_HF_TOKEN": "of private Spaces", "SPACE_HOST": "of Spaces"},
    "worker": {"ASSAY_DATA_DIR": "the image's own: data/ is mounted there"},
}


def run_tool(name: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name(name), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_one() -> None:
    run_tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


@pytest.mark.parametrize("name", IMAGES)
def test_hadolint_has_nothing_to_say(checkout: Path, name: str) -> None:
    run_tool("hadolint", checkout / name / "Dockerfile")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.keys() & {"privileged", "devices", "network_mode", "pid", "ipc"}
    assert service.get("cap_add") == (["SETUID", "SETGID"] if name in BECOME_THE_OWNER else None)
    assert service.get("user") == USERS.get(name)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_reached_from_this_machine_alone(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_bounded(name: str) -> None:
    service = SERVICES[name]
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["restart"] == ("no" if name in END_WITH_THEIR_WORK else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_of_a_version_or_ours(name: str) -> None:
    image = SERVICES[name]["image"]
    if image not in {f"assay-{each}" for each in IMAGES}:
        assert PINNED.fullmatch(image)
        assert "build" not in SERVICES[name]


def test_an_image_of_ours_is_built_once_in_every_profile_that_runs_it() -> None:
    runs = {(s["image"], *s.get("profiles", [])) for s in SERVICES.values()}
    builds = [(s["image"], *s.get("profiles", [])) for s in SERVICES.values() if "build" in s]
    assert sorted(builds) == sorted(run for run in runs if run[0].startswith("assay-"))


def test_the_champion_can_be_written_only_by_training_or_where_it_is_asked_for() -> None:
    mounts = [mount for mount in SERVICES["backend"]["volumes"] if "/app/data" in mount]
    everything, champion = mounts
    assert everything == "./data:/app/data:ro"
    assert champion.endswith(":/app/data/processed:${ASSAY_BUNDLE_MODE:-ro}")
    writers = {n for n, s in SERVICES.items() if "./data:/app/data" in s.get("volumes", [])}
    assert writers == BECOME_THE_OWNER


@pytest.mark.parametrize("name", NOT_PASSED)
def test_a_service_is_told_every_setting_that_it_reads(checkout: Path, name: str) -> None:
    dashboard = (checkout / "frontend/src/assay_frontend/settings.py").read_text()
    training = {
        str(info.validation_alias or f"ASSAY_{field.upper()}")
        for field, info in TrainingSettings.model_fields.items()
    }
    reads = {
        "backend": {
            environment_name(field, info) for field, info in BackendSettings.model_fields.items()
        },
        "training": training,
        "worker": training,
        "frontend": set(re.findall(r'"([A-Z][A-Z_]{3,})"', dashboard)),
    }[name]
    assert len(reads) > 5
    told = SERVICES[name]["environment"].keys()
    assert reads - told == NOT_PASSED[name].keys()


@pytest.mark.parametrize("name", ["backend", "mlflow", "prefect"])
def test_the_worker_uses_its_own_neighbours_wherever_the_host_has_others(name: str) -> None:
    """By an address without a variable in it, and past the host's proxy."""
    told = SERVICES["worker"]["environment"]
    address = next(value for value in told.values() if value and value.startswith(f"http://{name}"))
    assert re.fullmatch(rf"http://{name}:\d+(/api)?", address)
    assert name in told["NO_PROXY"].rpartition("}")[2].split(",")


def environment_of_the_image(dockerfile: str) -> set[str]:
    instructions = re.findall(r"^ENV ((?:.*\\\n)*.*)$", dockerfile, re.MULTILINE)
    return {name for text in instructions for name in re.findall(r"(?:^|\s)(\w+)=", text)}


@pytest.mark.parametrize(
    "name", [n for n, s in SERVICES.items() if s["image"].startswith("assay-")]
)
def test_a_setting_that_is_not_given_leaves_the_images_own(checkout: Path, name: str) -> None:
    """A bare key takes a variable that is not set out of the environment, the image's too."""
    service = SERVICES[name]
    image = service["image"].removeprefix("assay-")
    set_there = environment_of_the_image((checkout / image / "Dockerfile").read_text())
    assert {"PATH", "PYTHONUNBUFFERED"} <= set_there
    bare = {key for key, value in service["environment"].items() if value is None}
    assert not bare & set_there


def test_prefect_hears_no_page_but_its_own() -> None:
    """The origins keep others from reading, the token from writing what needs no preflight."""
    service = SERVICES["prefect"]
    told = service["environment"]
    published = re.fullmatch(r"127\.0\.0\.1:(.+):4200", *service["ports"])
    assert published is not None
    assert told["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"].split(",") == [
        f"http://{host}:{published[1]}" for host in ("127.0.0.1", "localhost")
    ]
    assert told["PREFECT_SERVER_CSRF_PROTECTION_ENABLED"] == "true"


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("name", ASKED_BY_THE_COMPOSE_FILE)
def test_a_health_check_asks_the_container_itself_and_no_proxy(name: str) -> None:
    service = SERVICES[name]
    word, python, *arguments = service["healthcheck"]["test"]
    assert (word, python) == ("CMD", "python")
    assert service["environment"]["HEALTH_URL"].startswith("http://127.0.0.1:")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for path, healthy in (("/health", True), ("/ailing", False)):
            address = f"http://127.0.0.1:{server.server_port}{path}"
            proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
            asked = subprocess.run(
                [sys.executable, *arguments],
                env={"HEALTH_URL": address, **proxies},
                capture_output=True,
                check=False,
            )
            assert (asked.returncode == 0) is healthy, asked.stderr
        server.shutdown()


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_runs_as_an_ordinary_user_from_pinned_bases(checkout: Path, name: str) -> None:
    dockerfile = (checkout / name / "Dockerfile").read_text()
    bases = re.findall(r"^(?:FROM|COPY --from=)\s*(\S+)", dockerfile, re.MULTILINE)
    assert {base for base in bases if base != "build"} == {
        "python:3.11-slim-bookworm",
        next(base for base in bases if "astral-sh/uv:" in base),
    }
    assert "\nUSER 1000\n" in dockerfile
    assert "# syntax=" not in dockerfile


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_bears_the_version_of_what_is_in_it(checkout: Path, name: str) -> None:
    project = tomllib.loads((checkout / name / "pyproject.toml").read_text())["project"]
    dockerfile = (checkout / name / "Dockerfile").read_text()
    assert re.findall(r"^ARG ASSAY_VERSION=(.*)$", dockerfile, re.M) == [project["version"]]


@pytest.mark.parametrize("name", IMAGES)
def test_what_an_image_holds_can_be_read_whatever_the_checkouts_rights(
    checkout: Path, name: str
) -> None:
    """A copy keeps the rights that a file has here, and those may be its owner's alone."""
    dockerfile = (checkout / name / "Dockerfile").read_text()
    _, build, final = re.split(r"^FROM .*$", dockerfile, flags=re.MULTILINE)
    for copy in re.findall(r"^COPY (.+)$", final, re.MULTILINE):
        assert copy.startswith(("--from=build /app/", "--chmod=755 ")), copy
    for target in re.findall(r"^COPY (?!--from=).* (/app/\S+)$", build, re.MULTILINE):
        assert f"\nRUN chmod -R a+rX {target}\n" in build
