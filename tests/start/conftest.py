"""A checkout that is as a fresh clone would be, and machines that lack what it needs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from started_script import StubDocker

# All that start.sh calls besides Python and uv.
# fmt: off
TOOLS = [
    "bash", "cat", "date", "dirname", "env", "git", "grep", "mkdir", "rm", "sleep", "tail", "touch",
]
# fmt: on
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for the PATH with the system's everyday tools and no interpreter."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found is not None:
            (folder / tool).symlink_to(found)
    return folder


@pytest.fixture
def clean_copy(checkout: Path, tmp_path: Path) -> Path:
    """The checkout as a fresh clone would be: no environment, no private tools."""
    copy = tmp_path / "assay"
    left_out = shutil.ignore_patterns("tests", "__pycache__", "*.pyc")
    copy.mkdir()
    for folder in ("core", "backend", "frontend", "training", "scripts"):
        shutil.copytree(checkout / folder, copy / folder, ignore=left_out)
    for file in ("start.sh", "env.example", "pyproject.toml", "uv.lock"):
        shutil.copy(checkout / file, copy / file)
    return copy


@pytest.fixture
def offline(bare_path: Path, tmp_path: Path) -> dict[str, str]:
    """An environment with a Python, empty caches, and a proxy where nothing listens."""
    (bare_path / "python3").symlink_to(Path(sys.base_prefix, "bin", Path(sys.executable).name))
    proxies = {name: NOWHERE for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")}
    return proxies | {
        "PATH": str(bare_path),
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "UV_NO_CONFIG": "1",
    }


@pytest.fixture
def docker(bare_path: Path) -> StubDocker:
    return StubDocker(bare_path)
