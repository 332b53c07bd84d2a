"""start.sh, run in a folder, and a `docker` for it that does as it is told."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asking import free_port


def run(
    folder: Path, *arguments: str, environment: dict[str, str], under: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """`./start.sh` until it ends; `under` is the command that starts it, where one does."""
    return subprocess.run(
        [*under, "./start.sh", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def started(folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`./start.sh` in a process group of its own, as a terminal has it."""
    process = subprocess.Popen(
        ["./start.sh"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def assert_one_sentence(text: str) -> None:
    assert text.startswith("start.sh: "), text
    assert text.count("\n") == 1, text


class StubDocker:
    """A `docker` that notes what it is asked, and does what the files beside it tell it to."""

    SCRIPT = """#!/bin/sh
cd "${0%/*}/../engine"
echo "$@" >>asked
env >environment
case $* in
  *" ps "*) cat running; exit ;;
  *" down"*) : >running ;;
  *" up "*) echo a-container >running ;;
  *" logs "*) [ ! -e log ] || cat log ;;
esac
for word in build up; do
  case $* in *" $word"*) [ ! -e "$word-hangs" ] || { : >hanging; exec sleep 1000; } ;; esac
  case $* in *" $word"*) [ ! -e "$word-fails" ] || exit 17 ;; esac
done
"""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent / "engine"
        self.folder.mkdir()
        (self.folder / "running").touch()
        (path / "docker").write_text(self.SCRIPT)
        (path / "docker").chmod(0o755)
        ports = {name: str(free_port()) for name in ("BACKEND_PORT", "FRONTEND_PORT")}
        self.environment = {"PATH": str(path), **ports}

    def tell(self, name: str, what: str = "") -> None:
        (self.folder / name).write_text(what)

    def asked(self, command: str) -> list[str]:
        """Its requests with that word."""
        lines = (self.folder / "asked").read_text().splitlines()
        return [line for line in lines if command in line.split()]

    def was_given(self) -> dict[str, str]:
        """The environment of its last request."""
        lines = (self.folder / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)
