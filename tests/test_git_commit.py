"""scripts/git_commit.sh: the commit that is told, and whether it is what is built."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BUILT = [
    "uv.lock",
    "core/src/assay/clock.py",
    "core/pyproject.toml",
    "backend/Dockerfile",
    "training/entrypoint.sh",
    "scripts/slim_environment.py",
    "huggingface/backend/README.md",
    "data/processed/manifest.json",
]
NOT_BUILT = ["README.md", "core/tests/test_clock.py", "docs/adr/0001.md", "data/raw/gold.csv"]


def git(folder: Path, *arguments: str) -> str:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ("-c", "user.name=Someone", "-c", "user.email=someone@example.com")
    done = subprocess.run(
        ["git", *who, *arguments],
        cwd=folder,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def told(folder: Path) -> str:
    done = subprocess.run(
        [folder / "scripts/git_commit.sh"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.fixture
def folder(checkout: Path, tmp_path: Path) -> Path:
    """The script among files that are built, and some that are not; no clone yet."""
    made = tmp_path / "around" / "assay"
    for name in (*BUILT, *NOT_BUILT):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text("as it was\n")
    (made / ".gitignore").write_text("__pycache__/\n")
    shutil.copy(checkout / "scripts/git_commit.sh", made / "scripts")
    return made


@pytest.fixture
def clone(folder: Path) -> Path:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "First")
    return folder


def test_a_clean_clone_is_its_commit(clone: Path) -> None:
    assert told(clone) == git(clone, "rev-parse", "HEAD")


@pytest.mark.parametrize("name", BUILT)
def test_a_change_of_what_is_built_is_told(clone: Path, name: str) -> None:
    (clone / name).write_text("changed\n")
    dirty = git(clone, "rev-parse", "HEAD") + "-dirty"
    assert told(clone) == dirty
    git(clone, "add", name)
    assert told(clone) == dirty
    git(clone, "commit", "--quiet", "--message", "Second")
    assert told(clone) == git(clone, "rev-parse", "HEAD") != dirty


def test_so_is_what_was_taken_out_or_is_new(clone: Path) -> None:
    (clone / BUILT[1]).unlink()
    assert told(clone).endswith("-dirty")
    git(clone, "checkout", "--quiet", "--", ".")
    assert not told(clone).endswith("-dirty")
    (clone / "backend" / "src").mkdir()
    (clone / "backend" / "src" / "new.py").touch()
    assert told(clone).endswith("-dirty")


def test_nothing_else_is(clone: Path) -> None:
    for name in NOT_BUILT:
        (clone / name).write_text("changed\n")
    (clone / "core/src/assay/__pycache__").mkdir()
    (clone / "core/src/assay/__pycache__/clock.pyc").touch()
    assert told(clone) == git(clone, "rev-parse", "HEAD")


def test_where_nothing_was_committed_nothing_is_told(folder: Path) -> None:
    assert told(folder) == ""
    git(folder, "init", "--quiet")
    assert told(folder) == ""


def test_a_repository_around_it_is_not_its_own(folder: Path) -> None:
    around = folder.parent
    git(around, "init", "--quiet")
    git(around, "commit", "--quiet", "--allow-empty", "--message", "Another's")
    assert told(folder) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_clone_of_another_user_is_told_too(clone: Path) -> None:
    for path in (clone, *clone.rglob("*")):
        os.chown(path, 12345, 12345)
    assert len(told(clone)) == 40


def test_it_looks_at_all_that_the_images_are_made_of(checkout: Path) -> None:
    script = (checkout / "scripts/git_commit.sh").read_text()
    taken = (checkout / ".dockerignore").read_text().splitlines()
    sources = [line.removeprefix("!") for line in taken if line.startswith("!")]
    assert len(sources) > 10
    for source in sources:
        general = ":(glob)*/" + {"src": "src/**"}.get(Path(source).name, Path(source).name)
        assert f" {source}" in script or f"'{general}'" in script, source
