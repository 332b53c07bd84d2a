"""Where build_space.py stages: nothing goes but what it staged itself, and not before the new is
complete.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from staged_folders import CannotStage, filled_anew

STAGED = ("backend", "frontend")
UV = """#!/bin/sh
for last; do :; done
case $1 in
  export) echo 'a==1' >"$last" ;;
  build) [ ! -e "{folder}/fails" ] && mkdir -p "$last" && : >"$last/$4-1-py3-none-any.whl" ;;
esac
"""


@pytest.fixture
def copy(checkout: Path, tmp_path: Path) -> Path:
    """What is staged from, in a folder of its own."""
    made = tmp_path / "assay"
    left_out = shutil.ignore_patterns("tests", "__pycache__", "build", ".versions")
    for folder in ("huggingface", "backend", "frontend", "scripts", "data/processed"):
        shutil.copytree(checkout / folder, made / folder, ignore=left_out)
    return made


@pytest.fixture
def uv(tmp_path: Path) -> Path:
    """One that makes empty wheels, and fails where the file `fails` is beside it."""
    program = tmp_path / "tool" / "uv"
    program.parent.mkdir()
    program.write_text(UV.format(folder=program.parent))
    program.chmod(0o755)
    return program


def stage(
    copy: Path, uv: Path, out: Path | str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "huggingface/build_space.py", "--out", str(out), *arguments],
        cwd=copy,
        env=os.environ | {"UV": str(uv), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "hf_a"},
        capture_output=True,
        text=True,
        check=False,
    )


def content(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert done.stderr.startswith("build_space.py: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize("out", [".", "huggingface"])
def test_the_sources_are_never_replaced(copy: Path, uv: Path, out: str) -> None:
    before = content(copy)
    said = refusal(stage(copy, uv, out))
    assert content(copy) == before
    assert f"{copy / out / 'backend'} holds " in said
    assert "--out" in said


@pytest.mark.parametrize("name", STAGED)
@pytest.mark.parametrize("foreign", ["notes.txt", "build.json", "Dockerfile"])
def test_a_folder_of_something_else_is_left_as_it_is(
    copy: Path, uv: Path, tmp_path: Path, name: str, foreign: str
) -> None:
    out = tmp_path / "out"
    (out / name).mkdir(parents=True)
    (out / name / foreign).write_text('{"mine": true}')
    before = content(out)
    assert f"{out / name} holds {foreign}, " in refusal(stage(copy, uv, out))
    assert content(out) == before


@pytest.mark.parametrize("name", STAGED)
def test_what_was_put_into_a_staged_folder_is_not_lost(
    copy: Path, uv: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    assert stage(copy, uv, out).returncode == 0
    (out / name / ".git").mkdir()
    before = content(out)
    assert f"{out / name} holds .git, " in refusal(stage(copy, uv, out))
    assert content(out) == before


def test_a_link_is_no_folder_to_replace(copy: Path, uv: Path, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "frontend").symlink_to(elsewhere)
    assert f"{out / 'frontend'} is " in refusal(stage(copy, uv, out))
    assert elsewhere.is_dir()


def test_the_champion_is_not_staged_into_itself(copy: Path, uv: Path) -> None:
    before = content(copy)
    assert "data/processed/spaces" in refusal(stage(copy, uv, "data/processed/spaces"))
    assert content(copy) == before


def test_what_it_staged_itself_makes_way_and_so_does_an_empty_folder(
    copy: Path, uv: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "backend").mkdir(parents=True)
    assert stage(copy, uv, out).returncode == 0
    (out / "backend" / "wheels" / "outworn.whl").touch()
    done = stage(copy, uv, out)
    assert done.returncode == 0, done.stderr
    for name in STAGED:
        assert json.loads((out / name / "build.json").read_text())["champion_version"]
    assert not (out / "backend" / "wheels" / "outworn.whl").exists()
    assert sorted(path.name for path in out.iterdir()) == sorted(STAGED)


def test_a_staging_that_fails_leaves_the_former_one(copy: Path, uv: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert stage(copy, uv, out).returncode == 0
    before = content(out)
    uv.with_name("fails").touch()
    done = stage(copy, uv, out)
    assert done.returncode == 1
    assert "uv build failed" in done.stderr
    assert content(out) == before


def test_both_take_their_places_or_none_does(tmp_path: Path) -> None:
    (tmp_path / "backend").mkdir()
    before = (tmp_path / "backend").stat().st_ino
    with pytest.raises(CannotStage, match="frontend"), filled_anew(tmp_path, STAGED) as beside:
        (beside / "backend").mkdir()
    assert (tmp_path / "backend").stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == ["backend"]


def test_where_nothing_can_be_written_it_says_so(copy: Path, uv: Path, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    said = refusal(stage(copy, uv, tmp_path / "a-file"))
    assert str(tmp_path / "a-file") in said


@pytest.fixture
def clone(copy: Path) -> Path:
    """The copy with all that is in it committed."""
    who = ("-c", "user.name=Someone", "-c", "user.email=someone@example.com")
    for command in (("init",), ("add", "--all"), (*who, "commit", "--message", "First")):
        subprocess.run(["git", *command], cwd=copy, check=True, stdout=subprocess.DEVNULL)
    return copy


def told_commit(out: Path) -> str:
    facts = [json.loads((out / name / "build.json").read_text()) for name in STAGED]
    files = [(out / name / "Dockerfile").read_text() for name in STAGED]
    [commit] = {fact["git_commit"] for fact in facts}
    assert all(f'ARG ASSAY_GIT_COMMIT="{commit}"\n' in file for file in files)
    return str(commit)


def test_both_tell_their_commit_and_whether_they_are_it(
    clone: Path, uv: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True
    )
    commit = done.stdout.strip()
    assert stage(clone, uv, tmp_path / "out").returncode == 0
    assert told_commit(tmp_path / "out") == commit
    (clone / "data/processed/scaler.json").write_text("{}")
    assert stage(clone, uv, tmp_path / "out").returncode == 0
    assert told_commit(tmp_path / "out") == f"{commit}-dirty"


def test_what_is_not_committed_is_pushed_only_where_that_is_asked_for(
    clone: Path, uv: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    dockerfile = clone / "backend/Dockerfile"
    dockerfile.write_text(f"# changed\n{dockerfile.read_text()}")
    said = refusal(stage(clone, uv, out, "--push", "someone"))
    assert "not committed" in said
    assert "--allow-dirty" in said
    assert not out.exists()

    tried = stage(clone, uv, out, "--push", "someone", "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert re.search(r"^Assay [0-9a-f]{12}-dirty$", tried.stdout, re.MULTILINE)

    pushed = stage(clone, uv, out, "--push", "someone", "--allow-dirty")
    assert "cannot be reached" in refusal(pushed)
