"""Databases of every release are brought up to date without a loss, and only when it is needed."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from assay.errors import StorageError
from assay.market.bars import CheckedBars
from assay.market.keys import SeriesKey
from assay.store import Written, open_store, schema
from assay.store.engine import make_engine, sqlite_file, writing
from assay.store.ledger_records import Batch, Entry
from assay.store.migrate import _MIGRATIONS, _migrate

FIRST, LATER = 1_744_752_600_250, 1_744_839_000_250
DAY = 86_400_000
OLD_ROWS = [
    # source, symbol, timeframe, open_time_ms, open, high, low, close, volume, first seen, updated
    ("yahoo", "GC=F", "1d", 20192 * DAY, 3221.1, 3240.25, 3205.0, 3226.3, 0.1 + 0.2, FIRST, FIRST),
    ("yahoo", "GC=F", "1d", 20193 * DAY, 3226.4, 3250.0, 3220.0, 3240.4, 1e15, FIRST, LATER),
    ("yahoo", "^GSPC", "1d", 20192 * DAY, 5441.96, 5459.46, 5358.02, 5405.97, 5e9, LATER, LATER),
    ("simulated", "GC=F", "1d", -DAY, 1e-6, 1e9, 1e-7, 2.5, 0.0, FIRST, FIRST),
]
# as the first release made them
OLD_TABLES = """
CREATE TABLE meta (
    "key" VARCHAR(64) NOT NULL,
    value VARCHAR(255) NOT NULL,
    CONSTRAINT pk_meta PRIMARY KEY ("key")
);
CREATE TABLE bars (
    source VARCHAR(32) NOT NULL,
    symbol VARCHAR(32) NOT NULL,
    timeframe VARCHAR(8) NOT NULL,
    open_time_ms BIGINT NOT NULL,
    open DOUBLE NOT NULL,
    high DOUBLE NOT NULL,
    low DOUBLE NOT NULL,
    close DOUBLE NOT NULL,
    volume DOUBLE NOT NULL,
    first_seen_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    CONSTRAINT pk_bars PRIMARY KEY (source, symbol, timeframe, open_time_ms)
);
INSERT INTO meta VALUES ('schema_version', '1');
INSERT INTO meta VALUES ('last_write_probe', 'ok')
"""
OPEN = """
import sys
from assay.store import open_store
store = open_store(sys.argv[1])
print(store.series(), "alembic" in sys.modules)
"""


def run(url, statements):
    engine = make_engine(url)
    with writing(engine) as connection:
        found = [connection.execute(statement) for statement in statements]
        rows = [result.all() if result.returns_rows else [] for result in found]
    engine.dispose()
    return rows


def make_old(url):
    double = "DOUBLE PRECISION" if url.startswith("postgres") else "DOUBLE"
    statements = OLD_TABLES.replace("DOUBLE", double).split(";")
    rows = [f"INSERT INTO bars VALUES {row!r}" for row in OLD_ROWS]
    run(url, map(text, [*statements, *rows]))


def migrate_from_nothing(url):
    engine = make_engine(url)
    with writing(engine) as connection:
        _migrate(connection, "base")
    engine.dispose()


def open_and_close(url):
    store = open_store(url)
    store.close()


def differences(url):
    engine = make_engine(url)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    engine.dispose()
    return found


def names_of_constraints(url):
    engine = make_engine(url)
    inspector = inspect(engine)
    found = {
        (table, kind, one["name"])
        for table in inspector.get_table_names()
        for kind, many in (
            ("key", [inspector.get_pk_constraint(table)]),
            ("foreign", inspector.get_foreign_keys(table)),
            ("unique", inspector.get_unique_constraints(table)),
            ("index", inspector.get_indexes(table)),
        )
        for one in many
    }
    engine.dispose()
    return found


def sqlite_tables(url):
    """The text of every table and index, without its spacing."""
    query = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    (rows,) = run(url, [query])
    return {name: " ".join(sql.replace("(", " ( ").split()) for name, sql in rows}


def test_the_program_knows_the_revisions_that_there_are():
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert [item.revision for item in scripts.walk_revisions()][::-1] == list(schema.REVISIONS)
    assert scripts.get_heads() == [schema.HEAD]


def test_a_database_of_the_first_release_is_migrated_and_loses_nothing(url):
    make_old(url)
    store = open_store(url)
    query = (
        schema.series.join(schema.bars)
        .select()
        .with_only_columns(
            *(schema.series.c[name] for name in ("source", "symbol", "timeframe")),
            *(column for column in schema.bars.c if column.name != "series_id"),
        )
    )
    with store._engine.connect() as connection:
        assert sorted(map(tuple, connection.execute(query))) == sorted(OLD_ROWS)
    gold = SeriesKey("yahoo", "GC=F", "1d")
    assert store.read_bars(gold).volume.tolist() == [0.1 + 0.2, 1e15]
    assert [(item.key.source, item.rows) for item in store.series(symbol="GC=F")] == [
        ("simulated", 1),
        ("yahoo", 2),
    ]
    bars = store.read_bars(gold)
    bars.close[1] += 1.0
    at = datetime(2025, 5, 1, tzinfo=UTC)
    assert store.write(gold, CheckedBars(bars), at=at) == Written(corrected=1)
    store.close()


@pytest.mark.parametrize("make", [make_old, migrate_from_nothing, open_and_close])
def test_the_tables_are_the_same_however_they_came_about(url, make):
    make(url)
    open_and_close(url)
    assert differences(url) == []
    expected = {
        (table.name, "key", table.primary_key.name) for table in schema.metadata.sorted_tables
    }
    assert expected <= names_of_constraints(url)
    assert ("bars", "foreign", "fk_bars_series_id_series") in names_of_constraints(url)


def test_sqlites_tables_are_the_same_to_the_letter(sqlite_url, tmp_path):
    open_and_close(sqlite_url)
    for name, make in (("old", make_old), ("nothing", migrate_from_nothing)):
        url = f"sqlite:///{tmp_path / name}.db"
        make(url)
        open_and_close(url)
        assert sqlite_tables(url) == sqlite_tables(sqlite_url)
    assert "WITHOUT ROWID" in sqlite_tables(sqlite_url)["bars"]


def test_a_difference_between_tables_and_migrations_would_show(url):
    open_and_close(url)
    run(url, [text("ALTER TABLE markets ADD COLUMN more INTEGER")])
    assert [kind for kind, *_ in differences(url)] == ["remove_column"]


def test_a_migrated_ledger_takes_rows_and_refuses_to_change_them(url):
    make_old(url)
    store = open_store(url)
    at = datetime(2025, 5, 1, tzinfo=UTC)
    entry = Entry("signal", "s-1", b"{}", at, at, "binance BTC/USDT 1h", "binance")
    store.ledger.append([Batch([entry])], at=at)
    for statement in ("UPDATE ledger SET due_ms = 0", "DELETE FROM ledger"):
        with pytest.raises(StorageError, match="rows of the ledger"), writing(store._engine) as to:
            to.execute(text(statement))
    assert store.ledger.verify().intact
    store.close()


def test_the_first_release_sees_that_the_tables_are_no_longer_its_own(url):
    make_old(url)
    open_and_close(url)
    query = text("SELECT value FROM meta WHERE key = 'schema_version'")
    assert run(url, [query]) == [[("3",)]]


def test_a_copy_is_made_before_the_tables_are_changed(sqlite_url):
    make_old(sqlite_url)
    open_and_close(sqlite_url)
    file = sqlite_file(make_engine(sqlite_url).url)
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "assay.db",
        "assay.db.before-0003",
    ]
    with closing(sqlite3.connect(file.with_name("assay.db.before-0003"))) as copy:
        assert sorted(copy.execute("SELECT * FROM bars")) == sorted(OLD_ROWS)
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_no_copy_no_change(sqlite_url):
    make_old(sqlite_url)
    file = sqlite_file(make_engine(sqlite_url).url)
    file.with_name("assay.db.before-0003").mkdir()
    with pytest.raises(StorageError, match="without a copy, and none was made"):
        open_store(sqlite_url)
    assert run(sqlite_url, [text("SELECT count(*) FROM bars")]) == [[(4,)]]
    assert "alembic_version" not in sqlite_tables(sqlite_url)


def test_a_migration_that_fails_leaves_everything_as_it_was(url):
    make_old(url)
    run(url, [text("CREATE TABLE series (of_another_program INTEGER)")])
    with pytest.raises(StorageError, match="already exists"):
        open_store(url)
    assert sorted(run(url, [text("SELECT * FROM bars")])[0]) == sorted(OLD_ROWS)
    run(url, [text("DROP TABLE series")])
    open_and_close(url)
    assert differences(url) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE alembic_version SET version_num = '0099'", ["'0099'", "0001 to 0003"]),
        ("DELETE FROM alembic_version", ["'version 3'"]),
    ],
)
def test_a_database_of_a_newer_program_is_refused_and_left_alone(url, statement, words):
    open_and_close(url)
    run(url, [text(statement)])
    with pytest.raises(StorageError) as caught:
        open_store(url)
    for word in [*words, "use the newer program that made them, or restore a backup"]:
        assert word in caught.value.message
    assert differences(url) == []


def test_a_database_of_another_program_is_refused_and_left_alone(url):
    run(url, [text("CREATE TABLE bars (drinks INTEGER)")])
    with pytest.raises(StorageError, match="tables of another program: bars"):
        open_store(url)
    assert run(url, [text("SELECT * FROM bars")]) == [[]]


def test_tables_of_others_with_other_names_do_no_harm(url):
    run(url, [text("CREATE TABLE drinks (name INTEGER)")])
    store = open_store(url)
    assert store.writable()
    store.close()


def start(url):
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_alembic_is_loaded_only_where_there_is_something_to_migrate(sqlite_url, tmp_path):
    old = f"sqlite:///{tmp_path / 'old.db'}"
    make_old(old)
    loaded = []
    for url in (sqlite_url, sqlite_url, old, old):
        out, err = start(url).communicate()
        assert err == ""
        loaded.append(out.split()[-1])
    assert loaded == ["False", "False", "True", "False"]


@pytest.mark.parametrize("make", [None, make_old])
def test_several_processes_may_open_a_database_at_once_whatever_has_to_be_done(url, make):
    if make:
        make(url)
    opened = [process.communicate() for process in [start(url) for _ in range(3)]]
    assert [err for _, err in opened] == [""] * 3
    assert len({out.rsplit(" ", 1)[0] for out, _ in opened}) == 1
    assert differences(url) == []
    store = open_store(url)
    assert sum(item.rows for item in store.series()) == (4 if make else 0)
    assert np.all(store.read_bars(SeriesKey("yahoo", "GC=F", "1d")).close > 0)
    store.close()
