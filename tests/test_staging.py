"""Where build_space.py stages: nothing goes but what it staged itself, and not before the new is
complete.
"""

from __future__ import annotations

import json
import os
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


def stage(copy: Path, uv: Path, out: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "huggingface/build_space.py", "--out", str(out)],
        cwd=copy,
        env=os.environ | {"UV": str(uv)},
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
