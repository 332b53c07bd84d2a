from __future__ import annotations

import itertools

import pytest
from sqlalchemy import create_engine, text

from assay.store import open_store
from private_postgres import private_postgres

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres():
    """The URL of a private cluster on a socket of its own, without the database's name."""
    with private_postgres() as folder:
        yield f"postgresql://assay@/{{}}?host={folder}"


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
