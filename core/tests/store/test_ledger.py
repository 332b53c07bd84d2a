"""The ledger: one chain, whoever writes, and answers that are remembered with their rows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from assay.store import ledger as ledger_module
from assay.store.ledger_chain import NO_ROW
from assay.store.ledger_records import Batch, Entry, Extent, Head, Remember, check_entry
from small_ledger import AT, HOUR, append, entry, sequences


def test_the_hashes_of_two_rows_worked_out_by_hand(store):
    """Put together byte by byte, and hashed by `sha256sum`."""
    one, two = append(store, entry(1), entry(2))
    # 2025-11-18T23:00Z is 0x19a99324580 ms after 1970, an hour later 0x19a99693400
    assert (
        sha256(
            bytes(32)
            + bytes.fromhex("0000000000000001 0000019a99324580 0000019a99324580 0000019a99693400")
            + bytes.fromhex("00000006 00000003 00000013 00000007 00000012")
            + b'signals-1binance BTC/USDT 1hbinance{"risk_score":0.1}'
        ).hexdigest()
        == "69e217062bcf2d44842665470d2a06e6cb599c7666b2ec89ba8f1a30e1af490a"
    )
    assert one.previous_hash == bytes(32)
    assert one.hash.hex() == "69e217062bcf2d44842665470d2a06e6cb599c7666b2ec89ba8f1a30e1af490a"
    assert two.previous_hash == one.hash
    assert two.hash.hex() == "a0cf66ce8ff5adbef07066dea61ce95f5fb560fe09ad38a8664b227e123fce1e"
    assert store.ledger.head() == Head(2, two.hash)


def test_what_is_appended_is_read_as_it_was(store):
    odd = Entry("gold_forecast", "clé ☃", '{"é":"☃"}'.encode(), AT, AT - HOUR, "GC=F", "yahoo")
    fine = entry(1, due=datetime(2025, 11, 19, 0, 0, 0, 123_456, tzinfo=UTC))
    rows = append(store, odd, fine)
    assert rows[0].entry == odd
    assert rows[1].entry == replace(fine, due=datetime(2025, 11, 19, 0, 0, 0, 123_000, tzinfo=UTC))
    assert [row.created for row in rows] == [AT, AT]
    assert list(store.ledger.rows()) == rows
    assert store.ledger.verify().intact


def test_an_empty_ledger(store):
    ledger = store.ledger
    assert ledger.head() == Head(0, NO_ROW)
    assert (ledger.counts(), ledger.tail(5), list(ledger.rows())) == ({}, (), [])
    found = ledger.verify()
    assert (found.rows, found.head, found.intact, found.first_bad) == (0, NO_ROW, True, None)
    assert ledger.append([], at=AT) == []
    assert ledger.append([Batch(())], at=AT) == [[]]
    assert ledger.head().rows == 0


def test_an_entry_that_is_there_gets_its_row_and_is_not_written_again(store):
    (first,) = append(store, entry(1))
    other = replace(entry(1), payload=b'{"another":1}')
    answers = store.ledger.append(
        [Batch([entry(2), other]), Batch([]), Batch([entry(3), entry(2)])], at=AT + HOUR
    )
    assert [sequences(rows) for rows in answers] == [[2, 1], [], [3, 2]]
    assert answers[0][1] == first
    assert answers[2][1] == answers[0][0]
    assert sequences(append(store, entry(1, kind="gold_forecast"))) == [4]
    assert store.ledger.counts() == {"signal": 3, "gold_forecast": 1}


def test_how_far_each_kind_has_come(store):
    append(store, entry(1), entry(2))
    append(store, entry(10, kind="gold_forecast"), at=AT + HOUR)
    assert store.ledger.extents() == {
        "signal": Extent(2, 2 * 19, 2, AT),
        "gold_forecast": Extent(1, 20, 3, AT + HOUR),
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": ""}, "key"),
        ({"key": "k" * 129}, "key"),
        ({"kind": "k" * 33}, "kind"),
        ({"subject": "nothing\0"}, "NUL"),
        ({"source": "s" * 33}, "source"),
        ({"payload": b""}, "payload"),
        ({"payload": b'{\n"a":1}'}, "one line"),
        ({"payload": b'{"a":"\xff"}'}, "decode"),
        ({"origin": AT.replace(tzinfo=None)}, "aware"),
        ({"due": AT.replace(tzinfo=None)}, "aware"),
    ],
)
def test_what_can_be_no_row_is_refused_and_nothing_is_written(sqlite_store, change, words):
    with pytest.raises(ValueError, match=words):
        append(sqlite_store, entry(1), replace(entry(2), **change))
    assert sqlite_store.ledger.head().rows == 0


def test_the_largest_entry_that_is_allowed_can_be_written(store):
    large = replace(entry(1), key="k" * 128, subject="ü" * 128, source="☃" * 32, kind="x" * 32)
    check_entry(large)
    assert append(store, large)[0].entry == large


def test_the_tail_is_the_newest_rows_oldest_first(store):
    append(store, *(entry(n) for n in (1, 2)), entry(1, kind="gold_forecast"), entry(3))
    ledger = store.ledger
    assert sequences(ledger.tail(2)) == [3, 4]
    assert sequences(ledger.tail(2, kind="signal")) == [2, 4]
    assert sequences(ledger.tail(9, kind="gold_forecast")) == [3]


@pytest.mark.parametrize("page_rows", [1, 2, 3, 100])
def test_long_walks_are_read_page_by_page(sqlite_store, monkeypatch, page_rows):
    monkeypatch.setattr(ledger_module, "PAGE_ROWS", page_rows)
    append(sqlite_store, *(entry(n) for n in (1, 2, 3)), entry(1, kind="gold_forecast"), entry(4))
    ledger = sqlite_store.ledger
    assert sequences(ledger.rows()) == [1, 2, 3, 4, 5]
    assert sequences(ledger.rows(kind="signal", after=1)) == [2, 3, 5]
    assert sequences(ledger.rows_back(kind="signal", upto=4)) == [3, 2, 1]
    assert sequences(ledger.rows_back(upto=5)) == [5, 4, 3, 2, 1]
    told = []
    assert ledger.verify(lambda done, of: told.append((done, of))).intact
    assert told[-1] == (5, 5)
    assert len(told) == -(-5 // page_rows)


# An answer that is remembered


def remember(letter, body=b"{}"):
    return Remember(letter * 32, b"r" * 32, body)


def test_an_answer_is_remembered_with_its_entries(store):
    store.ledger.append([Batch([entry(1)], remember(b"a", b"first"))], at=AT)
    assert store.ledger.recall(b"a" * 32, at=AT + 23 * HOUR) == remember(b"a", b"first")
    assert store.ledger.recall(b"b" * 32, at=AT) is None


def test_who_comes_second_with_a_key_gets_the_first_answer_and_writes_nothing(store):
    first, second = remember(b"a", b"first"), remember(b"a", b"second")
    in_one = [Batch([entry(1)], first), Batch([entry(2)], second), Batch([entry(3)])]
    answers = store.ledger.commit(in_one, at=AT).answers
    assert [sequences(each.rows) for each in answers] == [[1], [], [2]]
    assert [each.remembered for each in answers] == [None, first, None]
    (later,) = store.ledger.commit([Batch([entry(4)], second)], at=AT).answers
    assert (later.rows, later.remembered) == ([], first)
    assert store.ledger.head().rows == 2


def test_an_answer_is_forgotten_after_a_day(store):
    store.ledger.append([Batch([entry(1)], remember(b"a", b"first"))], at=AT)
    assert store.ledger.recall(b"a" * 32, at=AT + 25 * HOUR) is None
    again = remember(b"a", b"second")
    store.ledger.append([Batch([entry(2)], again)], at=AT + 25 * HOUR)
    assert store.ledger.recall(b"a" * 32, at=AT + 25 * HOUR) == again
    assert store.ledger.head().rows == 2


# Several at once


APPEND = """
import sys
from datetime import UTC, datetime
from assay.store import open_store
from assay.store.ledger_records import Batch, Entry
at = datetime(2025, 11, 18, 23, tzinfo=UTC)
url, name = sys.argv[1:]
ledger = open_store(url).ledger
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    keys = [f"{name}-{number}", f"{name}-{number}-more", f"shared-{number}"]
    ledger.append([Batch([Entry("signal", key, b"{}", at, at, "x", "y") for key in keys])], at=at)
"""


def test_several_processes_keep_one_chain(store, url):
    started = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in started] == [""] * 3
    rows = list(store.ledger.rows())
    assert sequences(rows) == list(range(1, 3 * 80 + 40 + 1))
    assert len({row.entry.key for row in rows}) == len(rows)
    assert store.ledger.verify().intact
