"""A backup is of one moment, whole, and comes back; and nothing is lost where it cannot."""

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from assay.errors import StorageError
from assay.market.bars import Bars, CheckedBars
from assay.market.keys import SeriesKey
from assay.store import open_store
from assay.store.backup import backup, restore
from assay.store.engine import parse_url, sqlite_file

AT = datetime(2025, 4, 15, tzinfo=UTC)
BITCOIN = SeriesKey("binance", "BTC/USDT", "1m")
POSTGRES = "postgresql://me:s3cret@db/assay"


def minutes(first, count):
    time = (np.arange(first, first + count) * 60_000).astype("datetime64[ms]")
    return CheckedBars(Bars(time, *np.full((5, count), 7.0)))


@pytest.fixture
def file(sqlite_url):
    return sqlite_file(parse_url(sqlite_url))


@pytest.fixture
def filled(sqlite_url):
    """The URL of a database with 20,000 bars that nobody has open."""
    store = open_store(sqlite_url)
    store.write(BITCOIN, minutes(0, 20_000), at=AT)
    store.close()
    return sqlite_url


def rows_of(url):
    store = open_store(url)
    count = len(store.read_bars(BITCOIN))
    store.close()
    return count


def test_a_backup_comes_back_in_place_of_what_was_there(filled, file, tmp_path):
    kept, told = tmp_path / "kept.db", []
    backup(filled, kept, progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.db", "new folder"]
    store = open_store(filled)
    store.write(BITCOIN, minutes(20_000, 5), at=AT)
    store.close()
    told.clear()
    beside = restore(filled, kept, progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0
    assert rows_of(filled) == 20_000
    assert rows_of(f"sqlite:///{beside}") == 20_005
    assert kept.exists()
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "assay.db",
        "assay.db.replaced-1",
    ]
    assert restore(filled, kept) == file.with_name("assay.db.replaced-2")


def test_a_backup_is_restored_where_there_was_nothing(filled, tmp_path):
    kept = tmp_path / "kept.db"
    backup(filled, kept)
    elsewhere = f"sqlite:///{tmp_path / 'another machine' / 'assay.db'}"
    assert restore(elsewhere, kept) is None
    assert rows_of(elsewhere) == 20_000


def test_a_log_whose_database_is_gone_is_not_read_into_the_restored_one(filled, file, tmp_path):
    kept = tmp_path / "kept.db"
    backup(filled, kept)
    write_and_be_killed(filled)
    file.unlink()
    restore(filled, kept)
    assert rows_of(filled) == 20_000


def test_the_restored_database_belongs_to_whom_the_old_one_did(filled, file, tmp_path):
    kept, link = tmp_path / "kept.db", tmp_path / "link.db"
    backup(filled, kept)
    file.chmod(0o640)
    link.symlink_to(file)
    if os.geteuid() == 0:
        os.chown(file, 12_345, 12_346)
    before = file.stat()
    restore(f"sqlite:///{link}", kept)
    after = file.stat()
    assert link.is_symlink()
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_a_backup_of_a_database_that_is_written_meanwhile_is_of_one_moment(
    filled, tmp_path, monkeypatch
):
    monkeypatch.setattr("assay.store.sqlite_copy.PAGES_A_STEP", 5)
    store, told = open_store(filled), []

    def write(done, total):
        told.append(total - done)
        if len(told) <= 20:
            store.write(BITCOIN, minutes(20_000 + 10 * len(told), 10), at=AT)

    backup(filled, tmp_path / "kept.db", progress=write)
    assert len(store.read_bars(BITCOIN)) == 20_200
    store.close()
    assert told == sorted(told, reverse=True), "the copy never had to begin again"
    assert rows_of(f"sqlite:///{tmp_path / 'kept.db'}") == 20_000


def write_and_be_killed(url):
    """Leaves 50 more bars in the log beside the database."""
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[2]); from test_backup import *; "
        "open_store(sys.argv[1]).write(BITCOIN, minutes(20_000, 50), at=AT); os._exit(9)"
    )
    command = [sys.executable, "-c", script, url, str(Path(__file__).parent)]
    assert subprocess.run(command, check=False).returncode == 9


def damaged_page(path):
    with path.open("r+b") as handle:
        handle.seek(40 * 4096)
        handle.write(b"\xff" * 4096 * 20)


def no_database(path):
    path.write_bytes(b"these are notes. " * 1_000)


def another_programs(path):
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE drinks (name)")
    connection.close()


def of_a_newer_program(path):
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '0099'")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damaged_page, "is damaged|malformed"),
        (no_database, "not a database"),
        (another_programs, "holds none of Assay's tables"),
        (of_a_newer_program, "revision '0099', and this program knows 0001 to 0003"),
        (lambda path: path.unlink(), "there is no such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:50_000]), "is damaged|malformed"),
    ],
)
def test_a_backup_that_is_none_is_refused_and_nothing_changes(filled, file, tmp_path, spoil, words):
    kept = tmp_path / "kept.db"
    backup(filled, kept)
    spoil(kept)
    with pytest.raises(StorageError, match=words) as caught:
        restore(filled, kept)
    assert "kept.db" in caught.value.message
    assert [path.name for path in file.parent.iterdir()] == ["assay.db"]
    assert rows_of(filled) == 20_000


@pytest.mark.parametrize("spoil", [damaged_page, no_database, lambda path: path.write_bytes(b"")])
def test_a_damaged_database_is_replaced_and_kept(filled, file, tmp_path, spoil):
    kept = tmp_path / "kept.db"
    backup(filled, kept)
    spoil(file)
    before = file.read_bytes()
    beside = restore(filled, kept)
    assert rows_of(filled) == 20_000
    assert beside.read_bytes()[4096:] == before[4096:]


def test_a_damaged_database_is_not_backed_up_over_a_good_backup(filled, file, tmp_path):
    kept = tmp_path / "kept.db"
    backup(filled, kept)
    good = kept.read_bytes()
    damaged_page(file)
    with pytest.raises(StorageError, match=r"damaged|malformed"):
        backup(filled, kept)
    assert kept.read_bytes() == good
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.db", "new folder"]


def test_nothing_is_restored_under_a_program_that_has_the_database_open(filled, file, tmp_path):
    kept = tmp_path / "kept.db"
    backup(filled, kept)
    script = (
        "import sys; from assay.store import open_store; s = open_store(sys.argv[1]); "
        "s.series(); print('open', flush=True); input()"
    )
    command = [sys.executable, "-c", script, filled]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(StorageError, match="is in use; stop every program"):
            restore(filled, kept)
        assert not file.with_name("assay.db.replaced-1").exists()
        backup(filled, kept)
        other.communicate(b"\n")
    restore(filled, kept)


def test_what_a_kill_left_beside_the_database_is_not_read_into_the_restored_one(
    filled, file, tmp_path
):
    kept = tmp_path / "kept.db"
    backup(filled, kept)
    write_and_be_killed(filled)
    assert file.with_name("assay.db-wal").stat().st_size > 0
    beside = restore(filled, kept)
    assert rows_of(filled) == 20_000
    assert rows_of(f"sqlite:///{beside}") == 20_050


def test_a_database_is_not_its_own_backup(filled, file):
    for mistaken in (backup, restore):
        with pytest.raises(StorageError, match=r"assay\.db: .*database"):
            mistaken(filled, file)
    assert rows_of(filled) == 20_000


def test_no_database_no_backup(sqlite_url, tmp_path):
    with pytest.raises(StorageError, match="there is no such file"):
        backup(sqlite_url, tmp_path / "kept.db")
    assert not (tmp_path / "kept.db").exists()


def test_postgres_has_tools_of_its_own(tmp_path):
    for refused, tool in ((backup, "use pg_dump"), (restore, "use pg_restore")):
        with pytest.raises(StorageError, match=tool) as caught:
            refused(POSTGRES, tmp_path / "kept.db")
        assert "s3cret" not in caught.value.message
