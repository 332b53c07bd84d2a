"""The commit that start.sh hands on for /version and the status page: this clone's, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asking import ask, free_port
from started_script import StubDocker, run

COMMIT = "ASSAY_GIT_COMMIT"

Handed = Callable[..., str | None]


@pytest.fixture(params=["local", "docker"])
def handed(
    request: pytest.FixtureRequest, clean_copy: Path, bare_path: Path, tmp_path: Path
) -> Handed:
    """What a start in `clean_copy` hands on as the commit, in either way."""

    def in_docker(**settings: str) -> str | None:
        engine = StubDocker(bare_path)
        engine.tell("build-fails")
        run(clean_copy, "--docker", environment=engine.environment | settings)
        assert engine.asked("build")
        return engine.was_given().get(COMMIT)

    def locally(**settings: str) -> str | None:
        told = tmp_path / "told"
        stub(bare_path / "uv", "[ $1 != --version ] || echo uv 0.9.30")
        serving = f'case $* in *--logs*) env >"{told}"; exit ;; esac'
        stub(clean_copy / ".venv/bin/python", f'{serving}\nexec "{sys.executable}" "$@"')
        ports = {name: str(free_port()) for name in ("BACKEND_PORT", "FRONTEND_PORT")}
        ended = run(
            clean_copy, "--local", environment={"PATH": str(bare_path), **ports, **settings}
        )
        assert ended.returncode == 0, ended.stderr
        lines = told.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line).get(COMMIT)

    return locally if request.param == "local" else in_docker


def stub(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def committed(folder: Path) -> str:
    """A repository of what is there, in one commit, whose name is returned."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "The first")
    return git(folder, "rev-parse", "HEAD")


@pytest.mark.parametrize("owner", ["oneself", "another"])
def test_a_clone_hands_on_its_commit_whoever_owns_it(
    clean_copy: Path, handed: Handed, owner: str
) -> None:
    commit = committed(clean_copy)
    another = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"} if owner == "another" else {}
    assert handed(**another) == commit


def test_it_is_marked_where_what_runs_is_not_as_it_was_committed(
    clean_copy: Path, handed: Handed
) -> None:
    commit = committed(clean_copy)
    with (clean_copy / "core/src/assay/clock.py").open("a") as source:
        source.write("# changed\n")
    assert handed() == f"{commit}-dirty"


def test_a_second_working_tree_hands_on_its_own(
    clean_copy: Path, tmp_path: Path, handed: Handed
) -> None:
    (tmp_path / "first").mkdir()
    first = committed(tmp_path / "first")  # of nothing, so that all that runs is new
    git(tmp_path / "first", "worktree", "add", "--quiet", str(tmp_path / "second"))
    (tmp_path / "second/.git").rename(clean_copy / ".git")
    assert (clean_copy / ".git").is_file()
    assert handed() == f"{first}-dirty"


def test_a_copy_without_a_repository_hands_on_none_not_even_that_around_it(
    tmp_path: Path, handed: Handed
) -> None:
    committed(tmp_path)
    assert not handed()


def test_a_repository_without_a_commit_hands_on_none(clean_copy: Path, handed: Handed) -> None:
    git(clean_copy, "init", "--quiet")
    assert not handed()


def test_a_machine_without_git_starts_all_the_same(
    clean_copy: Path, bare_path: Path, handed: Handed
) -> None:
    committed(clean_copy)
    (bare_path / "git").unlink()
    assert not handed()


def test_a_copy_that_lost_what_may_be_run_starts_all_the_same(
    clean_copy: Path, handed: Handed
) -> None:
    committed(clean_copy)
    (clean_copy / "scripts/git_commit.sh").chmod(0o644)
    assert not handed()


def test_what_is_set_stands(clean_copy: Path, handed: Handed) -> None:
    committed(clean_copy)
    assert handed(ASSAY_GIT_COMMIT="the packager's own") == "the packager's own"


@pytest.mark.slow
@pytest.mark.skipif("UV" not in os.environ, reason="needs uv to be the runner, as start.sh does")
def test_a_service_run_from_a_clone_tells_its_commit(start_assay, checkout: Path) -> None:
    if not (checkout / ".git").exists():
        pytest.skip("this is no clone")
    before = git(checkout, "rev-parse", "HEAD")
    assay = start_assay().until_ready()
    versions = [ask(f"{assay.backend}/version"), ask(f"{assay.backend}/v1/status")["versions"]]
    told = {version["git_commit"].removesuffix("-dirty") for version in versions}
    assert told <= {before, git(checkout, "rev-parse", "HEAD")}
    assert len(told) == 1
