"""Stages the Spaces' folders: all that each is built from. Standard library and uv only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from space_dockerfile import NotAServiceDockerfile, copied, for_a_space
from staged_folders import CannotStage, filled_anew

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CHAMPION = Path("data/processed")
PORT = 7860  # the app_port of the README's front matter


@dataclass(frozen=True, slots=True)
class Space:
    """One of the two, and which of the environment's values may become secrets of it."""

    name: str
    package: str
    own_wheels: tuple[str, ...]
    secrets: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


BACKEND = Space(
    "backend",
    "assay-backend",
    ("assay-core", "assay-backend"),
    secrets=("ASSAY_ADMIN_KEY", "ASSAY_DATABASE_URL"),
    environment={"ASSAY_MARKET_SOURCE": "auto"},
)
FRONTEND = Space(
    "frontend",
    "assay-frontend",
    ("assay-frontend",),
    secrets=("ASSAY_HF_TOKEN",),
)
SPACES = (BACKEND, FRONTEND)


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """What a Space was built from: in `build.json`, and in what the running one says of itself."""

    git_commit: str
    build_time: str
    champion_version: str

    @property
    def is_dirty(self) -> bool:
        """Whether something of it is not in the commit."""
        return self.git_commit.endswith("-dirty")

    @property
    def short_commit(self) -> str:
        return "-".join(part[:12] for part in self.git_commit.split("-"))


def stage_all(out: Path, facts: BuildFacts) -> None:
    """Fill `out/backend` and `out/frontend` anew, both or, by CannotStage, none."""
    if out.is_relative_to(ROOT / CHAMPION):
        raise CannotStage(f"{out} is in the bundle that is staged: name another folder with --out.")
    with filled_anew(out, [space.name for space in SPACES]) as beside:
        for space in SPACES:
            _stage(space, beside / space.name, facts)


def build_facts() -> BuildFacts:
    """Those of what would be staged now."""
    if not (ROOT / CHAMPION / "manifest.json").is_file():
        raise CannotStage(f"{CHAMPION} holds no bundle: make one with ./start.sh train.")
    metadata = json.loads((ROOT / CHAMPION / "model_metadata.json").read_text(encoding="utf-8"))
    return BuildFacts(
        git_commit=_git_commit(),
        build_time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        champion_version=metadata["version"],
    )


def _stage(space: Space, folder: Path, facts: BuildFacts) -> None:
    folder.mkdir()
    shutil.copy(HERE / space.name / "README.md", folder)
    dockerfile = _dockerfile(space, facts)
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    (folder / "build.json").write_text(json.dumps(asdict(facts), indent=2) + "\n", encoding="utf-8")
    _lock_requirements(space.package, folder / "requirements.txt")
    for package in space.own_wheels:
        _uv("build", "--wheel", "--package", package, "--out-dir", str(folder / "wheels"))
    (folder / "wheels" / ".gitignore").unlink(missing_ok=True)  # uv's, and it would hide the wheels
    for source in copied(dockerfile):
        if not (folder / source).exists():
            _copy(ROOT / source, folder / source)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(".versions"))
    else:
        shutil.copy(source, target)


def _dockerfile(space: Space, facts: BuildFacts) -> str:
    own = ROOT / space.name / "Dockerfile"
    try:
        return for_a_space(
            own.read_text(encoding="utf-8"),
            port=PORT,
            arguments={
                "ASSAY_GIT_COMMIT": facts.git_commit,
                "ASSAY_BUILD_TIME": facts.build_time,
            },
            environment=space.environment,
        )
    except NotAServiceDockerfile as error:
        raise CannotStage(f"No Space can be made of {own.relative_to(ROOT)}: {error}.") from error


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
    done = subprocess.run(  # noqa: S603 - a script of this checkout
        [ROOT / "scripts" / "git_commit.sh"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
