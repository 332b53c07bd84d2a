"""training/entrypoint.sh: as whom it goes on, and that it asks for that once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# Becomes whom it is told to, as `id` tells it afterwards: tests need not be root for it.
SETPRIV = """#!/bin/sh
echo "$*" >>"{folder}/asked"
[ "$(wc -l <"{folder}/asked")" -lt 4 ] || exit 9 # it goes round in circles
echo "$2" >"{folder}/uid"
echo "$4" >"{folder}/gid"
shift 5
exec "$@"
"""
ID = '#!/bin/sh\ncase $1 in -u) cat "{folder}/uid" ;; -g) cat "{folder}/gid" ;; *) exit 9 ;; esac\n'
STAT = '#!/bin/sh\ncat "{folder}/owner"\n'
TRAIN = '#!/bin/sh\necho "$(id -u):$(id -g) $*"\n'


@pytest.fixture
def app(checkout: Path, tmp_path: Path) -> Path:
    """A container's /app, with the programs that the script calls."""
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "processed").mkdir()
    shutil.copy(checkout / "training/entrypoint.sh", tmp_path)
    (tmp_path / "bin").mkdir()
    for name, text in {"setpriv": SETPRIV, "id": ID, "stat": STAT, "assay-train": TRAIN}.items():
        program = tmp_path / "bin" / name
        program.write_text(text.replace("{folder}", str(tmp_path)))
        program.chmod(0o755)
    return tmp_path


def start(app: Path, *, user: str, owner: str) -> subprocess.CompletedProcess[str]:
    for name, value in zip(("uid", "gid"), user.split(":"), strict=True):
        (app / name).write_text(f"{value}\n")
    (app / "owner").write_text(f"{owner}\n")
    (app / "asked").touch()
    return subprocess.run(
        ["./entrypoint.sh", "--quick"],
        cwd=app,
        env={"PATH": f"{app / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("owner", ["1000:1000", "0:100", "1000:0"])
def test_root_becomes_the_folders_owner_once(app: Path, owner: str) -> None:
    done = start(app, user="0:0", owner=owner)
    assert (done.returncode, done.stdout) == (0, f"{owner} run --quick\n"), done.stderr
    uid, gid = owner.split(":")
    [asked] = (app / "asked").read_text().splitlines()
    assert asked == f"--reuid {uid} --regid {gid} --clear-groups ./entrypoint.sh run --quick"


@pytest.mark.parametrize(
    ("user", "owner"),
    [("0:0", "0:0"), ("0:100", "0:100"), ("1000:1000", "1000:1000"), ("1000:100", "0:100")],
)
def test_whoever_is_the_owner_or_cannot_become_it_stays(app: Path, user: str, owner: str) -> None:
    done = start(app, user=user, owner=owner)
    assert (done.returncode, done.stdout) == (0, f"{user} run --quick\n"), done.stderr
    assert (app / "asked").read_text() == ""
