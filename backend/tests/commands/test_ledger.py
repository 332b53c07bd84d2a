"""`assay-ledger`: checks, shows and exports what was said before."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import text

from assay.store.engine import writing
from assay.store.ledger_records import Batch, Entry
from assay_backend.commands.context import Context
from assay_backend.commands.ledger import main
from assay_backend.settings import Settings


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def ledger(folder, clock, capsys):
    """Runs `assay-ledger`."""

    def ledger(*words):
        context = Context(Settings(data_dir=folder), clock)
        try:
            code = main([str(word) for word in words], context=lambda: context)
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    return ledger


@pytest.fixture
def recorded(run, clock, folder):
    """Three signals and a forecast, and the file that goes with them."""
    store = run.store()
    now = clock.now()

    def entry(kind, number):
        payload = f'{{"signal_id":"s-{number}","summary":"¿subirá {number}?"}}'.encode()
        due = now + timedelta(hours=1)
        return Entry(kind, f"s-{number}", payload, now, due, "binance BTC/USDT 1h", "binance")

    entries = [entry(*each) for each in (("signal", 1), ("gold_forecast", 2), ("signal", 3))]
    rows = store.ledger.append([Batch([*entries, entry("signal", 4)])], at=now)[0]
    store.close()
    lines = [row.entry.payload for row in rows if row.entry.kind == "signal"]
    (folder / "signals.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return rows


def tamper(run, *statements):
    store = run.store()
    with writing(store._engine) as connection:
        for trigger in ("ledger_no_update", "ledger_no_delete"):
            connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
        for statement in statements:
            connection.execute(text(statement))
    store.close()


def test_a_ledger_that_is_what_was_written(ledger, recorded, folder):
    code, out, err = ledger("verify")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"4 rows, head {recorded[-1].hash.hex()}: intact",
        f"{folder}/signals.jsonl: 3 lines, in step",
    ]
    code, out, _ = ledger("verify", "--json", "--published", f"2:{recorded[1].hash.hex()}")
    assert code == 0
    assert json.loads(out) == {
        "rows": 4,
        "head": recorded[-1].hash.hex(),
        "intact": True,
        "first_bad": None,
        "signals_file": {
            "path": f"{folder}/signals.jsonl",
            "lines": 3,
            "missing": 0,
            "fault": None,
        },
        "published": {"rows": 2, "head": recorded[1].hash.hex(), "fault": None},
    }


OF_OTHER_TYPES = [
    ("UPDATE ledger SET payload = CAST(payload AS TEXT) WHERE sequence = 3", 3),
    ("UPDATE ledger SET payload = x'ff' WHERE sequence = 3", 3),
    ("UPDATE ledger SET created_ms = 'x' WHERE sequence = 2", 2),
    ("UPDATE ledger SET due_ms = due_ms + 0.5 WHERE sequence = 4", 4),
    ("UPDATE ledger SET due_ms = 9223372036854775807 WHERE sequence = 4", 4),
    ("UPDATE ledger SET key = x'00' WHERE sequence = 1", 1),
    ("UPDATE ledger SET source = CAST(x'62ff' AS TEXT) WHERE sequence = 4", 4),
    ("UPDATE ledger SET hash = 'abc' WHERE sequence = 4", 4),
]


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE ledger SET due_ms = 0 WHERE sequence = 2", 2),
        ("DELETE FROM ledger WHERE sequence = 3", 3),
        ("DELETE FROM ledger WHERE sequence > 3", 4),
        *OF_OTHER_TYPES,
    ],
)
def test_the_first_bad_row_is_named_and_the_exit_status_is_1(ledger, recorded, run, statement, row):
    tamper(run, statement)
    code, out, _ = ledger("verify")
    assert code == 1
    assert "NOT intact" in out
    assert f"row {row} is missing, or not what the chain says" in out
    assert json.loads(ledger("verify", "--json")[1])["first_bad"] == row


@pytest.mark.parametrize(("statement", "row"), OF_OTHER_TYPES)
def test_a_row_that_cannot_be_shown_is_named(ledger, recorded, run, tmp_path, statement, row):
    tamper(run, statement)
    to = tmp_path / "ledger.jsonl"
    for words in (["tail"], ["tail", "--json"], ["export", "--out", to]):
        code, _, err = ledger(*words)
        assert (code, f"Row {row} of the ledger" in err) == (1, True), words
    assert not to.exists()


def test_a_payload_that_is_no_json_is_named(ledger, recorded, run):
    tamper(run, "UPDATE ledger SET payload = x'7b' WHERE sequence = 3")
    code, _, err = ledger("tail", "--json")
    assert (code, "Row 3 of the ledger" in err) == (1, True)
    assert ledger("export")[0] == 0, "who recomputes the hashes needs every byte"


def test_a_head_that_was_published_is_held_against_rows_of_any_type(ledger, recorded, run):
    tamper(run, "UPDATE ledger SET hash = 'abc' WHERE sequence = 2")
    code, out, _ = ledger("verify", "--published", f"2:{recorded[1].hash.hex()}")
    assert (code, "row 2 has not the hash that was published" in out) == (1, True)


def cut_everything(run):
    tamper(
        run,
        "DELETE FROM ledger WHERE sequence > 3",
        "UPDATE ledger_extents SET rows = 2 WHERE kind = 'signal'",
    )


def test_a_cut_end_shows_against_the_file_and_against_what_was_published(ledger, recorded, run):
    cut_everything(run)
    code, out, _ = ledger("verify")
    assert code == 1
    assert "intact" in out
    assert "line 3 is of no row of the ledger: its end was cut off" in out
    (run.folder / "signals.jsonl").unlink()
    assert ledger("verify")[0] == 0
    code, out, _ = ledger("verify", "--published", f"4:{recorded[-1].hash.hex()}")
    assert code == 1
    assert "row 4 was the head once, and is missing" in out
    code, out, _ = ledger("verify", "--published", f"2:{recorded[-1].hash.hex()}")
    assert (code, "row 2 has not the hash that was published" in out) == (1, True)
    code, out, _ = ledger("verify", "--published", f"2:{recorded[1].hash.hex().upper()}")
    assert (code, "row 2 is the head that was published" in out) == (0, True)


FILES = {
    "a line short": (lambda whole: b"".join(whole.splitlines(True)[:2]), 0, "2 lines as in"),
    "a torn line": (lambda whole: whole[:-9], 0, "2 lines as in"),
    "no newline at its end": (lambda whole: whole[:-1], 0, "3 lines, in step"),
    "empty": (lambda whole: b"", 0, "3 to come"),
    "changed": (
        lambda whole: whole.replace(b"s-3", b"s-9"),
        1,
        "line 2 is not the signal of row 3",
    ),
    "in another order": (lambda whole: b"".join(whole.splitlines(True)[::-1]), 1, "line 1 is not"),
    "an empty line": (lambda whole: b"\n" + whole, 1, "line 1 is not"),
    "longer": (lambda whole: whole + b"\n", 1, "line 4 is of no row"),
}


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_held_against_the_ledger(ledger, recorded, folder, name):
    change, expected, words = FILES[name]
    file = folder / "signals.jsonl"
    file.write_bytes(change(file.read_bytes()))
    code, out, _ = ledger("verify")
    assert code == expected
    assert words in out


def test_the_tail(ledger, recorded):
    code, out, _ = ledger("tail", "-n", 2)
    assert code == 0
    header, *rows = out.splitlines()
    assert " ".join(header.split()) == "row created kind key subject source due hash"
    assert [row.split()[0] for row in rows] == ["3", "4"]
    shown = json.loads(ledger("tail", "--json", "--kind", "gold_forecast")[1])["rows"]
    assert [row["sequence"] for row in shown] == [2]
    assert shown[0]["payload"] == {"signal_id": "s-2", "summary": "¿subirá 2?"}


def test_an_export_is_enough_to_recompute_every_hash(ledger, recorded, tmp_path):
    to = tmp_path / "ledger.jsonl"
    assert ledger("export", "--out", to)[0] == 0
    previous = bytes(32)
    for line, row in zip(to.read_bytes().splitlines(), recorded, strict=True):
        found = json.loads(line)
        names = ("sequence", "created_ms", "origin_ms", "due_ms")
        texts = [found[name].encode() for name in ("kind", "key", "subject", "source", "payload")]
        hashed = previous + b"".join(found[name].to_bytes(8, "big", signed=True) for name in names)
        hashed += b"".join(len(each).to_bytes(4, "big") for each in texts) + b"".join(texts)
        assert found["previous_hash"] == previous.hex()
        previous = sha256(hashed).digest()
        assert found["hash"] == previous.hex() == row.hash.hex()


def test_an_export_of_one_kind(ledger, recorded, tmp_path):
    to = tmp_path / "ledger.jsonl"
    assert ledger("export", "--kind", "signal", "--out", to)[0] == 0
    assert [json.loads(line)["sequence"] for line in to.read_bytes().splitlines()] == [1, 3, 4]
    code, _, err = ledger("export", "--out", tmp_path / "no" / "folder")
    assert code == 2
    assert err.startswith("assay-ledger: --out")


def test_where_there_is_no_database_none_is_made(ledger, folder):
    for command in ("verify", "tail", "export"):
        code, out, err = ledger(command)
        assert (code, out) == (2, "")
        assert err.startswith(f"assay-ledger: {folder}/assay.db: there is no database")
    assert not folder.exists()


def test_an_empty_ledger(ledger, run):
    run.store().close()
    assert ledger("verify")[1].startswith("0 rows, head " + 64 * "0" + ": intact\n")
    code, out, err = ledger("tail")
    assert (code, out, err) == (0, "", "assay-ledger: nothing has been recorded yet\n")
    assert ledger("export")[:2] == (0, "")


def test_a_database_that_fails_is_exit_status_1(ledger, folder):
    folder.mkdir()
    (folder / "assay.db").write_bytes(b"these are notes, not tables. " * 100)
    code, _, err = ledger("verify")
    assert code == 1
    assert "not a database" in err


@pytest.mark.parametrize("words", [["verify", "--published", "12"], ["tail", "-n", "0"], []])
def test_what_cannot_be_meant_is_exit_status_2(ledger, words):
    assert ledger(*words)[0] == 2
