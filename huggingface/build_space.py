"""Stages two complete Hugging Face Spaces, `backend` and `frontend`, ready to be pushed.

    python huggingface/build_space.py [--out huggingface/build]

Each folder holds its README and Dockerfile, the locked requirements with their hashes, and the
project's own wheels; the backend's also holds the champion. Standard library and uv only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CHAMPION = Path("data/processed")


@dataclass(frozen=True, slots=True)
class Space:
    name: str
    package: str
    own_wheels: tuple[str, ...]
    carries_champion: bool


SPACES = (
    Space("backend", "assay-backend", ("assay-core", "assay-backend"), carries_champion=True),
    Space("frontend", "assay-frontend", ("assay-frontend",), carries_champion=False),
)


class CannotStage(Exception):
    """Why a Space cannot be staged, as the one sentence a person reads."""


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """What the running Space says about itself in `/version`."""

    git_commit: str
    build_time: str

    def fill_in(self, dockerfile: str) -> str:
        for name, value in (
            ("ASSAY_GIT_COMMIT", self.git_commit),
            ("ASSAY_BUILD_TIME", self.build_time),
        ):
            blank = f'ARG {name}=""'
            if blank not in dockerfile:
                raise CannotStage(f"A Space's Dockerfile has no line {blank} to fill in.")
            dockerfile = dockerfile.replace(blank, f'ARG {name}="{value}"')
        return dockerfile


def stage(space: Space, folder: Path, *, facts: BuildFacts) -> None:
    """Fill `folder`, which must not exist yet, with everything the Space is built from."""
    folder.mkdir(parents=True)
    shutil.copy(HERE / space.name / "README.md", folder)
    dockerfile = (HERE / space.name / "Dockerfile").read_text(encoding="utf-8")
    (folder / "Dockerfile").write_text(facts.fill_in(dockerfile), encoding="utf-8")
    _lock_requirements(space.package, folder / "requirements.txt")
    for package in space.own_wheels:
        _uv("build", "--wheel", "--package", package, "--out-dir", str(folder / "wheels"))
    (folder / "wheels" / ".gitignore").unlink(missing_ok=True)  # uv's, and it would hide the wheels
    if space.carries_champion:
        shutil.copytree(
            ROOT / CHAMPION, folder / CHAMPION, ignore=shutil.ignore_patterns(".versions")
        )


def _lock_requirements(package: str, target: Path) -> None:
    _uv(
        *("export", "--frozen", "--no-dev", "--no-emit-workspace", "--no-header"),
        *("--package", package, "--output-file", str(target)),
    )


def _uv(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - uv itself, with arguments from this file
        [_uv_program(), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CannotStage(f"uv {arguments[0]} failed:\n{done.stderr.strip()}")


def _uv_program() -> str:
    """The running uv, the one on the PATH, or the one that start.sh keeps for itself."""
    private = ROOT / ".tools" / "uv" / "bin" / "uv"
    found = os.environ.get("UV") or shutil.which("uv") or (private.exists() and str(private))
    if not found:
        raise CannotStage("uv is missing: https://docs.astral.sh/uv/ says how to get it.")
    return found


def _git_commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", "HEAD"],  # noqa: S607 - the git that made this checkout
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def stage_all(out: Path) -> None:
    if not (ROOT / CHAMPION / "manifest.json").is_file():
        raise CannotStage(f"{CHAMPION} holds no bundle: make one with ./start.sh train.")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    facts = BuildFacts(git_commit=_git_commit(), build_time=now)
    for space in SPACES:
        folder = out / space.name
        if folder.exists():
            shutil.rmtree(folder)
        stage(space, folder, facts=facts)
        print(f"{space.name}: {folder}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE / "build")
    try:
        stage_all(parser.parse_args().out.resolve())
    except CannotStage as reason:
        print(f"build_space.py: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
