"""`assay-data backup` and `restore`."""

import io
import sqlite3
from contextlib import closing

import pytest

from assay.market.keys import SeriesKey

BTC = SeriesKey("binance", "BTC/USDT", "1h")
BAR = (10.0, 12.0, 8.0, 11.0, 5.0)


@pytest.fixture
def saved(run, tmp_path):
    """A backup with one bar; the database has two by now."""
    run.keep(BTC, [BAR], times=["2026-11-01T00"])
    file = tmp_path / "saved.db"
    ran = run("backup", file)
    assert (ran.code, ran.out) == (0, f"{file}: {file.stat().st_size:,} bytes, whole and checked\n")
    run.keep(BTC, [BAR], times=["2026-11-01T01"])
    return file


def test_what_was_saved_comes_back_and_what_was_there_stays_beside_it(run, saved):
    assert len(run.bars(BTC)) == 2
    ran = run("restore", "--yes", saved)
    assert ran.code == 0, ran.err
    assert len(run.bars(BTC)) == 1
    beside = run.database.with_name("assay.db.replaced-1")
    assert ran.out == f"{saved} is restored; what was there is {beside}\n"
    with closing(sqlite3.connect(beside)) as connection:
        assert connection.execute("select count(*) from bars").fetchone() == (2,)


@pytest.mark.parametrize(
    ("answer", "code", "bars"),
    [("y\n", 0, 1), ("YES\n", 0, 1), ("n\n", 1, 2), ("\n", 1, 2), ("", 2, 2)],
)
def test_restore_asks_before_it_replaces(run, saved, monkeypatch, answer, code, bars):
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    ran = run("restore", saved)
    assert ran.code == code
    assert "Go on? [y/N]" in ran.err
    assert len(run.bars(BTC)) == bars
    assert ("say --yes" in ran.err) == (answer == "")


def test_where_nothing_would_be_replaced_nobody_is_asked(run, saved):
    run.database.unlink()
    ran = run("restore", saved)
    assert (ran.code, ran.err) == (0, "")
    assert len(run.bars(BTC)) == 1


def test_a_database_in_use_is_not_replaced(run, saved):
    store = run.store()
    assert store.writable()
    ran = run("restore", "--yes", saved)
    store.close()
    assert ran.code == 1
    assert "is in use; stop every program that has it open" in ran.err
    assert len(run.bars(BTC)) == 2


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("restore", "--yes", "{tmp}/none.db"), 2, "is no file: name a backup"),
        (("restore", "--yes", "{junk}"), 1, "could not be restored"),
        (("backup", "{tmp}"), 2, "is a folder"),
        (("backup", "{tmp}/none/x.db"), 2, "is in a folder that does not exist"),
        (("backup", ""), 2, "'' is no file's name"),
        (("backup", "{database}"), 1, "needs another name than the database"),
    ],
)
def test_what_cannot_be_is_a_sentence(run, saved, tmp_path, words, code, says):
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"no database" * 999)
    ran = run(*(w.format(tmp=tmp_path, junk=junk, database=run.database) for w in words))
    assert ran.code == code
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert len(run.bars(BTC)) == 2


def test_nothing_to_back_up_is_a_sentence(run, tmp_path):
    ran = run("backup", tmp_path / "saved.db")
    assert ran.code == 1
    assert "there is no such file" in ran.err
