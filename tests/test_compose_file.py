"""The Dockerfiles and the Compose file as they are written; test_docker.py runs them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay_backend.settings import Settings as BackendSettings
from assay_backend.settings import environment_name
from assay_training.settings import TrainingSettings

IMAGES = ["backend", "frontend", "training"]

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
}


@pytest.fixture(scope="module")
def services(checkout: Path) -> dict[str, Any]:
    return yaml.safe_load((checkout / "docker-compose.yaml").read_text())["services"]


def run_tool(name: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name(name), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_one(checkout: Path) -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    run_tool("check-jsonschema", *schema, checkout / "docker-compose.yaml")


@pytest.mark.parametrize("name", IMAGES)
def test_hadolint_has_nothing_to_say(checkout: Path, name: str) -> None:
    run_tool("hadolint", checkout / name / "Dockerfile")


@pytest.mark.parametrize("name", IMAGES)
def test_a_service_has_no_more_rights_than_it_needs(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    # Training alone starts as root: to become the owner of data/processed, and nothing else.
    may = ["SETUID", "SETGID"] if name == "training" else []
    assert service.get("cap_add", []) == may
    assert ("user" in service) is (name == "training")


@pytest.mark.parametrize("name", IMAGES)
def test_a_service_is_bounded(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["restart"] == ("no" if name == "training" else "unless-stopped")


def test_the_champion_can_be_written_only_by_training_or_with_an_admin_key(
    services: dict[str, Any],
) -> None:
    mounts = [mount for mount in services["backend"]["volumes"] if "/app/data" in mount]
    everything, champion = mounts
    assert everything == "./data:/app/data:ro"
    assert champion.endswith(":/app/data/processed:ro${ASSAY_ADMIN_KEY:+,rw}")


@pytest.mark.parametrize("name", IMAGES)
def test_a_service_is_told_every_setting_that_it_reads(
    checkout: Path, services: dict[str, Any], name: str
) -> None:
    dashboard = (checkout / "frontend/src/assay_frontend/settings.py").read_text()
    reads = {
        "backend": {
            environment_name(field, info) for field, info in BackendSettings.model_fields.items()
        },
        "training": {
            str(info.validation_alias or f"ASSAY_{field.upper()}")
            for field, info in TrainingSettings.model_fields.items()
        },
        "frontend": set(re.findall(r'"([A-Z][A-Z_]{3,})"', dashboard)),
    }[name]
    assert len(reads) > 5
    told = services[name]["environment"].keys()
    assert reads - told == NOT_PASSED[name].keys()


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
