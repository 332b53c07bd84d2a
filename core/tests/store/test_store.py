"""What is written is there, once, with its provenance, and failures have our own name."""

import sqlite3
import threading
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.dialects import postgresql

from assay.errors import StorageError
from assay.market.bars import Bars, check_bars
from assay.store import open_store, schema
from assay.store.engine import make_engine, upsert_into

AT = datetime(2025, 4, 15, 21, 30, tzinfo=UTC)
LATER = AT + timedelta(days=1)


def bars_of(first="2025-04-14", closes=(11.0, 12.0)):
    prices = np.array([(10.0, 20.0, 5.0, close, 100.0) for close in closes])
    days = np.datetime64(first, "ms") + np.arange(len(closes)) * np.timedelta64(1, "D")
    return check_bars(days, prices).bars


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'new folder' / 'assay.db'}"


@pytest.fixture
def store(url):
    opened = open_store(url)
    yield opened
    opened.close()


def all_rows(store):
    with store._engine.connect() as connection:
        return connection.execute(select(schema.bars).order_by(schema.bars.c.open_time_ms)).all()


def test_bars_come_back_as_they_were_also_after_a_restart(store, url):
    bars = bars_of()
    store.write_bars("yahoo", "GC=F", "1d", bars, at=AT)
    assert store.read_bars("yahoo", "GC=F", "1d").fingerprint() == bars.fingerprint()
    store.close()
    again = open_store(url)
    assert again.read_bars("yahoo", "GC=F", "1d").fingerprint() == bars.fingerprint()
    again.close()


def test_sources_symbols_and_timeframes_are_kept_apart(store):
    store.write_bars("yahoo", "GC=F", "1d", bars_of(closes=(1.0,)), at=AT)
    store.write_bars("kraken", "GC=F", "1d", bars_of(closes=(2.0, 2.5)), at=AT)
    store.write_bars("yahoo", "^GSPC", "1d", bars_of(closes=(3.0,)), at=AT)
    store.write_bars("yahoo", "GC=F", "1h", bars_of(closes=(4.0,)), at=AT)
    assert store.read_bars("yahoo", "GC=F", "1d").close.tolist() == [1.0]
    assert store.sources("GC=F", "1d") == ("kraken", "yahoo")
    assert store.sources("GC=F", "1m") == ()
    assert len(store.read_bars("yahoo", "SI=F", "1d")) == 0


def test_a_correction_replaces_the_values_and_keeps_when_the_bar_was_first_seen(store):
    store.write_bars("yahoo", "GC=F", "1d", bars_of(closes=(11.0, 12.0)), at=AT)
    store.write_bars("yahoo", "GC=F", "1d", bars_of(closes=(11.0, 12.5, 13.0)), at=LATER)
    first, later = (int(at.timestamp() * 1000) for at in (AT, LATER))
    seen = [(row.close, row.first_seen_ms, row.updated_ms) for row in all_rows(store)]
    assert seen == [(11.0, first, first), (12.5, first, later), (13.0, later, later)]


def test_a_start_cuts_the_history_whatever_zone_it_is_given_in(store):
    store.write_bars("yahoo", "GC=F", "1d", bars_of(closes=(1.0, 2.0, 3.0)), at=AT)
    start = datetime(2025, 4, 15, 2, tzinfo=timezone(timedelta(hours=2)))
    bars = store.read_bars("yahoo", "GC=F", "1d", start=start)
    assert bars.session.tolist() == [date(2025, 4, 15), date(2025, 4, 16)]


def test_no_bars_are_nothing_to_write(store):
    store.write_bars("yahoo", "GC=F", "1d", Bars.empty(), at=AT)
    assert all_rows(store) == []


def test_naive_instants_are_refused(store):
    with pytest.raises(ValueError, match="aware"):
        store.write_bars("yahoo", "GC=F", "1d", bars_of(), at=AT.replace(tzinfo=None))
    with pytest.raises(ValueError, match="aware"):
        store.read_bars("yahoo", "GC=F", "1d", start=AT.replace(tzinfo=None))


@settings(deadline=None, max_examples=25)
@given(
    writes=st.lists(
        st.dictionaries(st.integers(0, 12), st.floats(5.0, 20.0), min_size=1), max_size=4
    )
)
def test_the_last_write_of_each_bar_counts(tmp_path_factory, writes):
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('store') / 'assay.db'}")
    expected = {}
    for closes in writes:
        days = np.datetime64("2025-01-01", "ms") + np.array(list(closes)) * np.timedelta64(1, "D")
        prices = np.array([(10.0, 20.0, 5.0, close, 0.0) for close in closes.values()])
        store.write_bars("yahoo", "GC=F", "1d", check_bars(days, prices).bars, at=AT)
        expected |= closes
    found = store.read_bars("yahoo", "GC=F", "1d")
    assert found.close.tolist() == [expected[day] for day in sorted(expected)]
    store.close()


def test_sqlite_is_set_up_for_durability(store, url):
    with store._engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    full = 2
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": full,
        "busy_timeout": 5_000,
        "foreign_keys": 1,
    }


def test_several_threads_write_at_once(store):
    def write(source):
        for day in range(1, 10):
            store.write_bars(source, "GC=F", "1d", bars_of(f"2025-01-0{day}"), at=AT)

    threads = [threading.Thread(target=write, args=(f"source{at}",)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store._engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(schema.bars)).scalar()
    assert count == 4 * 10


def test_a_store_can_be_opened_twice(store, url):
    other = open_store(url)
    store.write_bars("yahoo", "GC=F", "1d", bars_of(), at=AT)
    assert len(other.read_bars("yahoo", "GC=F", "1d")) == 2
    assert other.schema_version() == schema.SCHEMA_VERSION
    other.close()


def test_it_knows_whether_it_can_be_written(store, url, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert store.writable()
    read_only = make_engine(url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true")
    from assay.store import Store

    watcher = Store(read_only)
    assert not watcher.writable()
    with pytest.raises(StorageError, match="readonly"):
        watcher.write_bars("yahoo", "GC=F", "1d", bars_of(), at=AT)
    watcher.close()
    assert list(here.iterdir()) == [], "the URI of a database is no folder to make"


def test_a_database_locked_by_another_process_is_a_storage_error(store, url, tmp_path):
    with store._engine.connect() as connection:
        connection.execute(text("PRAGMA busy_timeout = 50"))
    blocker = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    assert not store.writable()
    with pytest.raises(StorageError, match="locked"):
        store.write_bars("yahoo", "GC=F", "1d", bars_of(), at=AT)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert store.writable()


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
    ):
        with pytest.raises(StorageError, match=word):
            open_store(url)


def test_a_database_of_another_version_is_refused(store, url):
    with store._engine.begin() as connection:
        connection.execute(schema.meta.update().values(value="0").where(schema.meta.c.value == "1"))
    with pytest.raises(StorageError, match="schema version 0; this program knows 1"):
        open_store(url)


def test_a_password_is_never_in_an_error(tmp_path):
    engine = create_engine("sqlite:///" + str(tmp_path))
    engine.url = engine.url.set(username="me", password="s3cret")
    from assay.store.engine import reading

    with pytest.raises(StorageError) as caught, reading(engine):
        pass
    assert "s3cret" not in str(caught.value.fields) + caught.value.message


def test_upserts_are_also_postgres():
    class Connection:
        dialect = postgresql.dialect()

    insert = upsert_into(Connection(), schema.bars)
    upsert = insert.on_conflict_do_update(
        index_elements=["source"], set_={"close": insert.excluded.close}
    )
    sql = str(upsert.compile(dialect=postgresql.dialect()))
    assert "ON CONFLICT (source) DO UPDATE SET close = excluded.close" in sql
