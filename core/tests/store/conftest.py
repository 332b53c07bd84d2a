from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from assay.store import open_store

_NUMBERS = itertools.count()


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl, the newest version's where Debian has several."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda at: at.parent.name)
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgres():
    """The URL of a private cluster on a socket of its own, without the database's name."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no Postgres (initdb) on this machine")
    as_user = []
    if os.geteuid() == 0:  # as whom Postgres refuses to run
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    # Not in pytest's folder: its path is too long for a socket, and closed to other users.
    with tempfile.TemporaryDirectory(prefix="assay-pg-", ignore_cleanup_errors=True) as folder:
        if as_user:
            shutil.chown(folder, "postgres", "postgres")

        def run(program, *arguments):
            command = [*as_user, str(programs / program), "-D", f"{folder}/data", *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

        run("initdb", "-U", "assay", "-A", "trust", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -F"
        run("pg_ctl", "-l", f"{folder}/log", "-o", options, "-w", "start")
        try:
            yield f"postgresql://assay@/{{}}?host={folder}"
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")


@pytest.fixture
def postgres_url(postgres):
    """A new, empty Postgres database."""
    name = f"assay{next(_NUMBERS)}"
    server = postgres.format("postgres").replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return postgres.format(name)


@pytest.fixture
def sqlite_url(tmp_path):
    """A SQLite database that does not exist yet, in a folder that does not either."""
    return f"sqlite:///{tmp_path / 'new folder' / 'assay.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request):
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def store(url):
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(sqlite_url):
    opened = open_store(sqlite_url)
    yield opened
    opened.close()
