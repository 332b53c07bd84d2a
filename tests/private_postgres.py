"""A Postgres of the test's own, from the system's programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def private_postgres(*, port: int | None = None, password: str = "") -> Iterator[Path]:
    """A private cluster whose user is `assay`; the folder of its socket.

    Nobody needs a password there, and nobody else gets in. With a `port` it listens on loopback
    too, and asks everybody for the `password`. Skips where no Postgres is installed.
    """
    programs = _programs()
    if programs is None:
        pytest.skip("no Postgres (initdb) on this machine")
    as_user = []
    if os.geteuid() == 0:  # as whom Postgres refuses to run
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    # Not in pytest's folder: its path is too long for a socket, and closed to other users.
    with tempfile.TemporaryDirectory(prefix="assay-pg-", ignore_cleanup_errors=True) as folder:
        if as_user:
            shutil.chown(folder, "postgres", "postgres")

        def run(program: str, *arguments: str) -> None:
            command = [*as_user, str(programs / program), "-D", f"{folder}/data", *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

        secret = Path(folder, "password")
        secret.write_text(password)
        asks = ["-A", "scram-sha-256", "--pwfile", str(secret)] if password else ["-A", "trust"]
        run("initdb", "-U", "assay", *asks, "--no-sync")
        listens = f"'127.0.0.1' -c port={port}" if port else "''"
        options = f"-c listen_addresses={listens} -c unix_socket_directories='{folder}' -F"
        run("pg_ctl", "-l", f"{folder}/log", "-o", options, "-w", "start")
        try:
            yield Path(folder)
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")


def _programs() -> Path | None:
    """The folder of initdb and pg_ctl, the newest version's where Debian has several."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda at: at.parent.name)
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)
