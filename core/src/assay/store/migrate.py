"""Which tables a database has, and bringing them up to date. Alembic is loaded only for that."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select

from assay.errors import StorageError
from assay.store import schema
from assay.store.engine import reading, sqlite_file, writing
from assay.store.sqlite_copy import copy_pages, replace_durably, staged, told

_MIGRATIONS = Path(__file__).with_name("migrations")

# Alembic hands its migrations their connection through a global.
_ONE_MIGRATION = threading.Lock()


def prepare(engine: Engine) -> None:
    """Sees to it that the tables are those of this program. StorageError where they cannot be."""
    with reading(engine) as connection:
        if found_revision(connection) == schema.HEAD:
            return
    with writing(engine) as connection:  # of several processes one does it, the others wait
        found = found_revision(connection)
        if found is None:
            _create(connection)
        elif found != schema.HEAD:
            check_known(found, engine.url.render_as_string(hide_password=True))
            if engine.dialect.name == "sqlite":
                _keep_copy(sqlite_file(engine.url))
            _migrate(connection, found)


def found_revision(connection: Connection) -> str | None:
    """The revision of the tables that are there; None where none of ours are.

    StorageError where the tables are another program's.
    """
    tables = set(inspect(connection).get_table_names())
    if schema.revision.name in tables:
        found: str | None = connection.scalar(select(schema.revision.c.version_num))
        if found is not None:
            return found
    if schema.meta.name in tables:
        return _revision_before_alembic(connection)
    if foreign := tables & set(schema.metadata.tables):
        raise StorageError(
            f"The database has tables of another program: {', '.join(sorted(foreign))}; "
            "give Assay a database of its own"
        )
    return None


def check_known(found: str, database: str) -> None:
    """StorageError where `found` is a revision that this program has not heard of."""
    if found not in schema.REVISIONS:
        raise StorageError(
            f"{database}: the tables are of revision {found[:40]!r}, and this program knows "
            f"{schema.REVISIONS[0]} to {schema.HEAD}: use the newer program that made them, or "
            "restore a backup of before",
            found=found,
        )


def _revision_before_alembic(connection: Connection) -> str:
    table = schema.meta.c
    version = connection.scalar(select(table.value).where(table.key == "schema_version"))
    return schema.REVISIONS[0] if version == "1" else f"version {version}"


def _keep_copy(database: Path) -> None:
    copy = database.with_name(f"{database.name}.before-{schema.HEAD}")
    failed = f"{database}: the tables are not brought up to date without a copy, and none was made"
    with told(failed), staged(copy) as part:
        copy_pages(database, part)
        replace_durably(part, copy)


def _create(connection: Connection) -> None:
    schema.metadata.create_all(connection)
    schema.revision.create(connection)
    connection.execute(schema.revision.insert(), {"version_num": schema.HEAD})
    version = {"key": "schema_version", "value": schema.SCHEMA_VERSION}
    connection.execute(schema.meta.insert(), version)


def _migrate(connection: Connection, found: str) -> None:
    from alembic import command  # half a second, once in a database's life
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with _ONE_MIGRATION:
        command.stamp(config, found)
        command.upgrade(config, schema.HEAD)
