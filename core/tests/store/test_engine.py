"""Databases are set up for durability, and what is wrong with one is said in our own name."""

import contextlib
import sqlite3
import threading
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from assay.errors import StorageError
from assay.market.bars import Bars, CheckedBars
from assay.market.keys import SeriesKey
from assay.store import Store, open_store
from assay.store.engine import WRITE_LOCK, make_engine, parse_url, reading, sqlite_file

AT = datetime(2025, 4, 15, tzinfo=UTC)
GOLD = SeriesKey("yahoo", "GC=F", "1d")
ONE_BAR = CheckedBars(Bars(np.array(["2025-04-14"], "datetime64[ms]"), *np.ones((5, 1))))


def settings_of(store, *statements):
    with store._engine.connect() as connection:
        return [connection.execute(text(statement)).scalar() for statement in statements]


def test_sqlite_is_set_up_for_durability(sqlite_store):
    names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
    full = 2
    found = settings_of(sqlite_store, *(f"PRAGMA {name}" for name in names))
    assert found == ["wal", full, 5_000, 1]


def test_postgres_is_set_up_for_durability(postgres_url):
    store = open_store(postgres_url)
    assert settings_of(store, "SHOW synchronous_commit", "SHOW lock_timeout") == ["on", "5s"]
    store.close()


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://me@db/assay", "psycopg"),
        ("postgres://me@db/assay", "psycopg"),
        ("postgresql+psycopg2://me@db/assay", "psycopg"),
        ("postgresql+psycopg://me@db/assay", "psycopg"),
    ],
)
def test_postgres_is_spoken_to_by_one_driver_however_its_url_begins(url, driver):
    assert parse_url(url).get_driver_name() == driver


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///data/assay.db", "data/assay.db"),
        ("sqlite:////srv/assay.db", "/srv/assay.db"),
        ("sqlite:///file:/srv/my%20data/assay.db?mode=ro&uri=true", "/srv/my data/assay.db"),
        ("sqlite:///file:data/assay.db?uri=true", "data/assay.db"),
    ],
)
def test_the_file_of_a_url(url, file):
    assert str(sqlite_file(parse_url(url))) == file


def test_it_knows_whether_it_can_be_written(sqlite_store, sqlite_url, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert sqlite_store.writable()
    uri = sqlite_url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    watcher = Store(make_engine(uri))
    assert not watcher.writable()
    with pytest.raises(StorageError, match="readonly"):
        watcher.write(GOLD, ONE_BAR, at=AT)
    watcher.close()
    assert list(here.iterdir()) == [], "the URI of a database is no folder to make"


def test_a_database_locked_by_another_process_is_a_storage_error(sqlite_store, sqlite_url):
    settings_of(sqlite_store, "PRAGMA busy_timeout = 50")
    blocker = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    assert not sqlite_store.writable()
    with pytest.raises(StorageError, match="locked"):
        sqlite_store.write(GOLD, ONE_BAR, at=AT)
    assert len(sqlite_store.read_bars(GOLD)) == 0, "readers do not wait for a writer"
    blocker.execute("ROLLBACK")
    blocker.close()
    assert sqlite_store.writable()


def test_what_fails_names_the_setting_that_says_where_the_database_is(sqlite_store, sqlite_url):
    store = open_store(sqlite_url, named_by="ASSAY_DATA_DIR")
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as database:
        database.execute("DROP TABLE meta")
    database.close()
    with pytest.raises(StorageError, match="no such table") as raised:
        store.check_writable()
    assert raised.value.message.endswith("meta (ASSAY_DATA_DIR says where it is)")
    store.close()
    with pytest.raises(StorageError, match=r"meta$"):
        sqlite_store.check_writable()


def test_room_is_looked_for_and_left_as_it_was(sqlite_store, sqlite_url):
    rows = "SELECT count(*) FROM meta"
    with contextlib.closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as database:
        sqlite_store.check_writable()
        before = database.execute(rows).fetchone()
        pages = database.execute("PRAGMA page_count").fetchone()
        sqlite_store.check_writable(room_bytes=50_000)
        assert database.execute(rows).fetchone() == before
        assert database.execute("PRAGMA page_count").fetchone() >= (pages[0] + 12,)


@pytest.mark.parametrize("url", ["mysql://db/assay", "sqlite:////proc/nowhere/assay.db"])
def test_what_cannot_be_opened_names_the_setting_once(url):
    with pytest.raises(StorageError) as raised:
        open_store(url, named_by="ASSAY_DATABASE_URL")
    assert raised.value.message.endswith(" (ASSAY_DATABASE_URL says where it is)")
    assert raised.value.message.count("says where it is") == 1
    assert raised.value.fields["setting"] == "ASSAY_DATABASE_URL"
    assert raised.value.naming("ASSAY_DATA_DIR") is raised.value


def test_writers_to_postgres_wait_for_each_other_and_not_for_ever(postgres_url, monkeypatch):
    monkeypatch.setattr("assay.store.engine.BUSY_TIMEOUT_MS", 50)
    store = open_store(postgres_url)
    other = make_engine(postgres_url)
    with other.connect() as blocker:
        blocker.execute(text(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})"))
        assert not store.writable()
        with pytest.raises(StorageError, match="lock timeout"):
            store.write(GOLD, ONE_BAR, at=AT)
        assert len(store.read_bars(GOLD)) == 0
    assert store.writable()
    store.close()
    other.dispose()


def test_what_cannot_be_opened_is_a_storage_error(tmp_path):
    no_database = tmp_path / "notes.db"
    no_database.write_bytes(b"these are notes, not tables. " * 100)
    (tmp_path / "file").write_text("")
    for url, word in (
        (f"sqlite:///{no_database}", "not a database"),
        (f"sqlite:///{tmp_path / 'file' / 'assay.db'}", "cannot be opened"),
        (f"sqlite:///{tmp_path}", "unable to open"),
        ("sqlite://", "needs a file"),
        ("mysql://localhost/assay", "must be sqlite or postgresql"),
        ("no url", "cannot be opened"),
        ("postgresql://me:s3cret@127.0.0.1:1/assay", "127.0.0.1"),
    ):
        with pytest.raises(StorageError, match=word) as caught:
            open_store(url)
        assert "s3cret" not in str(caught.value.fields) + caught.value.message
    assert no_database.read_bytes() == b"these are notes, not tables. " * 100


def test_a_password_is_never_in_an_error(tmp_path):
    engine = create_engine("sqlite:///" + str(tmp_path))
    engine.url = engine.url.set(username="me", password="s3cret")
    with pytest.raises(StorageError) as caught, reading(engine):
        pass
    assert "s3cret" not in str(caught.value.fields) + caught.value.message


def test_many_threads_may_open_a_new_database_at_once(tmp_path):
    together, faults = threading.Barrier(8), []

    def open_and_close(url):
        together.wait()
        try:
            open_store(url).close()
        except StorageError as error:
            faults.append(error.message)

    for number in range(10):
        url = f"sqlite:///{tmp_path}/{number}.db"
        threads = [threading.Thread(target=open_and_close, args=(url,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []


def test_a_database_that_is_not_yet_in_wal_mode_is_waited_for_while_another_writes(tmp_path):
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    release.start()
    store = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    assert settings_of(store, "PRAGMA journal_mode") == ["wal"]
    store.close()
    release.join()
    other.close()
