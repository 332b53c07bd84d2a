"""The ledger: one chain, whoever writes, in which every change shows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from assay.errors import StorageError
from assay.store import ledger as ledger_module
from assay.store import open_store
from assay.store.engine import writing
from assay.store.ledger_chain import NO_ROW, ChainCheck, row_hash
from assay.store.ledger_records import (
    Batch,
    Entry,
    Extent,
    Head,
    Outcome,
    Remember,
    Tally,
    check_entry,
)
from assay.store.ledger_rows import read_counted

AT = datetime(2025, 11, 18, 23, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BTC, ETH = "binance BTC/USDT 1h", "binance ETH/USDT 1h"


def entry(number, *, kind="signal", subject=BTC, source="binance", due=AT + HOUR):
    payload = b'{"risk_score":0.%d}' % number
    return Entry(kind, f"s-{number}", payload, AT, due, subject, source)


def append(store, *entries, at=AT):
    return store.ledger.append([Batch(entries)], at=at)[0]


def sequences(rows):
    return [row.sequence for row in rows]


def tamper(store, *statements):
    """What somebody does who can write the database, and first takes away what refuses it."""
    dialect = store._engine.dialect.name
    triggers = {
        "sqlite": ("ledger_no_update", "ledger_no_delete"),
        "postgresql": ("ledger_no_change ON ledger",),
    }
    with writing(store._engine) as connection:
        for trigger in triggers[dialect]:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
        for statement in statements:
            connection.execute(text(statement))


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


# What came of rows


def outcome(sequence, *, scored=AT + 5 * HOUR):
    return Outcome(sequence, b'{"hit":true}', scored)


def test_rows_that_are_due_the_one_due_first_first(store):
    append(
        store,
        entry(1, due=AT + 3 * HOUR),
        entry(2, due=AT + 2 * HOUR),
        entry(3, due=AT + 2 * HOUR, source="simulated"),
        entry(4, due=AT + 2 * HOUR),
        entry(5, due=AT + 9 * HOUR),
        entry(6, kind="gold_forecast", due=AT + HOUR),
    )
    ledger = store.ledger

    def due(hours, limit=10, after=None):
        return ledger.due(AT + hours * HOUR, kind="signal", limit=limit, after=after)

    assert sequences(due(1.999)) == []
    assert sequences(due(2)) == [2, 4], "a bar is closed at its end"
    assert sequences(due(4)) == [2, 4, 1]
    assert sequences(due(4, limit=1)) == [2]
    assert sequences(due(4, after=due(4)[0])) == [4, 1]
    assert sequences(due(4, after=due(4)[1])) == [1]
    ledger.write_outcomes([outcome(2), outcome(1)])
    assert sequences(due(10)) == [4, 5]
    assert ledger.tallies() == {"signal": Tally(2, 2), "gold_forecast": Tally(0, 1)}


def test_a_row_whose_outcome_was_known_when_it_was_made_waits_for_none(sqlite_store):
    append(sqlite_store, entry(1), at=AT + HOUR)
    append(sqlite_store, entry(2), at=AT + HOUR - timedelta(milliseconds=1))
    due = sqlite_store.ledger.due(AT + 9 * HOUR, kind="signal", limit=9)
    assert sequences(due) == [2]
    assert sqlite_store.ledger.tallies() == {"signal": Tally(0, 1)}


def test_the_first_outcome_of_a_row_stands(store):
    append(store, entry(1))
    store.ledger.write_outcomes([])
    store.ledger.write_outcomes([outcome(1)])
    store.ledger.write_outcomes([Outcome(1, b'{"hit":false}', AT)])
    ((_, found),) = store.ledger.track(kind="signal", last=1)
    assert found == outcome(1)


def test_an_outcome_needs_its_row(store):
    append(store, entry(1))
    with pytest.raises(ValueError, match="no row 7"):
        store.ledger.write_outcomes([outcome(1), outcome(7)])
    assert store.ledger.track(kind="signal", last=1)[0][1] is None


def test_a_track_record(store):
    append(
        store,
        entry(1),
        entry(2, subject=ETH),
        entry(3),
        entry(4, kind="gold_forecast"),
        entry(5),
    )
    ledger = store.ledger
    ledger.write_outcomes([outcome(1), outcome(2), outcome(4)])

    def track(**options):
        found = ledger.track(**{"kind": "signal", "last": 10, **options})
        assert all(known is None or known.sequence == row.sequence for row, known in found)
        return [(row.sequence, known is not None) for row, known in found]

    assert track() == [(1, True), (2, True), (3, False), (5, False)]
    assert track(last=2) == [(3, False), (5, False)]
    assert track(subject=BTC, last=2) == [(3, False), (5, False)]
    assert track(subject=BTC) == [(1, True), (3, False), (5, False)]
    assert track(scored_only=True) == [(1, True), (2, True)]
    assert track(scored_only=True, last=1) == [(2, True)]
    assert track(scored_only=True, subject=BTC) == [(1, True)]
    assert track(kind="gold_forecast") == [(4, True)]


# Tampering


def reforged(store, first, change):
    """All rows from `first` on with hashes that fit, as somebody would who knows how."""
    rows, statements = list(store.ledger.rows()), []
    previous = rows[first - 2].hash if first > 1 else NO_ROW
    tamper(store, change)
    for row in list(store.ledger.rows())[first - 1 :]:
        kept = row.entry
        times = [round(each.timestamp() * 1000) for each in (row.created, kept.origin, kept.due)]
        own = row_hash(
            previous,
            (row.sequence, kept.kind, kept.key, *times, kept.subject, kept.source, kept.payload),
        )
        statements.append(
            f"UPDATE ledger SET previous_hash = x'{previous.hex()}', hash = x'{own.hex()}' "
            f"WHERE sequence = {row.sequence}"
        )
        previous = own
    tamper(store, *statements)


SWAPPED = (
    "UPDATE ledger SET sequence = 99 WHERE sequence = 2",
    "UPDATE ledger SET sequence = 2 WHERE sequence = 3",
    "UPDATE ledger SET sequence = 3 WHERE sequence = 99",
)
TAMPERINGS = {
    "nothing": ([], None),
    "payload": (["UPDATE ledger SET payload = (SELECT payload FROM ledger WHERE sequence = 1) "
                 "WHERE sequence = 3"], 3),
    "origin": (["UPDATE ledger SET origin_ms = origin_ms + 1 WHERE sequence = 2"], 2),
    "due": (["UPDATE ledger SET due_ms = 0 WHERE sequence = 5"], 5),
    "created": (["UPDATE ledger SET created_ms = created_ms - 1 WHERE sequence = 1"], 1),
    "source": (["UPDATE ledger SET source = 'simulated' WHERE sequence = 4"], 4),
    "key": (["UPDATE ledger SET key = 's-9' WHERE sequence = 4"], 4),
    "a letter moved": (["UPDATE ledger SET subject = subject || 'b', source = 'inance' "
                        "WHERE sequence = 2"], 2),
    "hash": (["UPDATE ledger SET hash = previous_hash WHERE sequence = 4"], 4),
    "previous hash": (["UPDATE ledger SET previous_hash = hash WHERE sequence = 4"], 4),
    "first removed": (["DELETE FROM ledger WHERE sequence = 1"], 1),
    "middle removed": (["DELETE FROM ledger WHERE sequence = 3"], 3),
    "middle removed, closed up": (["DELETE FROM ledger WHERE sequence = 3",
                                   "UPDATE ledger SET sequence = 3 WHERE sequence = 4",
                                   "UPDATE ledger SET sequence = 4 WHERE sequence = 5"], 3),
    "swapped": (SWAPPED, 2),
    "tail cut": (["DELETE FROM ledger WHERE sequence > 3"], 4),
    "all removed": (["DELETE FROM ledger"], 1),
}  # fmt: skip


def loose(change):
    """A table like the ledger's that refuses nothing, in its place, and changed."""
    return [
        "CREATE TABLE loose AS SELECT * FROM ledger",
        f"UPDATE loose SET {change}",
        "DROP TABLE ledger",
        "ALTER TABLE loose RENAME TO ledger",
    ]


# What SQLite stores where it should be something else, and Python cannot take for it.
OF_OTHER_TYPES = {
    "payload as text": (["UPDATE ledger SET payload = replace(CAST(payload AS TEXT), '0.', '0.9') "
                         "WHERE sequence = 3"], 3),
    "payload of other bytes": (["UPDATE ledger SET payload = x'ff' WHERE sequence = 3"], 3),
    "no payload": (loose("payload = NULL WHERE sequence = 2"), 2),
    "created as text": (["UPDATE ledger SET created_ms = 'x' WHERE sequence = 2"], 2),
    "due as a real": (["UPDATE ledger SET due_ms = due_ms + 0.5 WHERE sequence = 5"], 5),
    "due beyond any date": (["UPDATE ledger SET due_ms = 9223372036854775807 "
                             "WHERE sequence = 4"], 4),
    "origin beyond 64 bits": (["UPDATE ledger SET origin_ms = 1e300 WHERE sequence = 4"], 4),
    "subject as bytes": (["UPDATE ledger SET subject = x'00' WHERE sequence = 1"], 1),
    "subject that is no UTF-8": (["UPDATE ledger SET subject = CAST(x'62ff' AS TEXT) "
                                  "WHERE sequence = 4"], 4),
    "no source": (loose("source = NULL WHERE sequence = 4"), 4),
    "hash as text": (["UPDATE ledger SET hash = 'abc' WHERE sequence = 5"], 5),
    "no previous hash": (loose("previous_hash = NULL WHERE sequence = 2"), 2),
    "no number": (loose("sequence = NULL WHERE sequence = 1"), 1),
    "a number that is text": (loose("sequence = 'x' WHERE sequence = 5"), 5),
}  # fmt: skip


@pytest.mark.parametrize("name", [*TAMPERINGS, *OF_OTHER_TYPES])
def test_what_was_tampered_with_shows_and_where(sqlite_store, name):
    statements, first_bad = (TAMPERINGS | OF_OTHER_TYPES)[name]
    append(sqlite_store, *(entry(n) for n in range(1, 6)))
    tamper(sqlite_store, *statements)
    found = sqlite_store.ledger.verify()
    assert (found.intact, found.first_bad) == (first_bad is None, first_bad)


@pytest.mark.parametrize("name", OF_OTHER_TYPES)
def test_a_row_that_cannot_be_read_is_named(sqlite_store, name):
    statements, bad = OF_OTHER_TYPES[name]
    append(sqlite_store, *(entry(n) for n in range(1, 6)))
    tamper(sqlite_store, *statements)
    ledger, numbered = sqlite_store.ledger, "number" not in name
    reads = [lambda: ledger.tail(5), lambda: ledger.track(kind="signal", last=5)]
    if numbered:  # else it has no place among those that are read in their order
        reads.append(lambda: list(ledger.rows()))
    for read in reads:
        with pytest.raises(StorageError, match=f"Row {bad} " if numbered else "Row (None|x) "):
            read()
    if name == "hash as text":
        with pytest.raises(StorageError, match="Row 5 "):
            ledger.head()
        with pytest.raises(StorageError, match="Row 5 "):
            append(sqlite_store, entry(6))


@pytest.mark.parametrize("change", ["rows = 'x'", "created_ms = 9223372036854775807"])
def test_how_far_a_kind_has_come_is_told_only_where_it_can_be_read(sqlite_store, change):
    append(sqlite_store, entry(1))
    tamper(sqlite_store, f"UPDATE ledger_extents SET {change}")
    with pytest.raises(StorageError, match="How far signal has come"):
        sqlite_store.ledger.extents()


def test_an_outcome_that_cannot_be_read_is_named(sqlite_store):
    append(sqlite_store, entry(1), entry(2))
    sqlite_store.ledger.write_outcomes([outcome(1), outcome(2)])
    tamper(sqlite_store, "UPDATE outcomes SET scored_ms = 'x' WHERE sequence = 2")
    with pytest.raises(StorageError, match="outcome of row 2 "):
        sqlite_store.ledger.track(kind="signal", last=2)


def test_tampering_with_postgres_shows_as_well(postgres_url):
    store = open_store(postgres_url)
    append(store, *(entry(n) for n in range(1, 6)))
    for name in ("tail cut", "middle removed", "origin"):  # each before the one before it
        statements, first_bad = TAMPERINGS[name]
        tamper(store, *statements)
        assert store.ledger.verify().first_bad == first_bad, name
    store.close()


def test_a_row_whose_hash_was_made_to_fit_is_given_away_by_the_next(sqlite_store):
    store = sqlite_store
    append(store, *(entry(n) for n in range(1, 6)))
    change = "UPDATE ledger SET origin_ms = 0 WHERE sequence = 3"
    before = list(store.ledger.rows())
    reforged(store, 3, change)
    fits = store.ledger.verify()
    assert fits.intact, "only what was published of the head shows this"
    assert fits.head != before[-1].hash
    old = [each.hex() for each in (before[3].previous_hash, before[3].hash)]
    tamper(
        store,
        f"UPDATE ledger SET previous_hash = x'{old[0]}', hash = x'{old[1]}' WHERE sequence = 4",
    )
    assert store.ledger.verify().first_bad == 3


def test_a_cut_tail_shows_also_after_others_were_written(store):
    append(store, *(entry(n) for n in range(1, 6)))
    tamper(store, "DELETE FROM ledger WHERE sequence > 3")
    assert sequences(append(store, entry(7), entry(8))) == [6, 7], "no number is given twice"
    found = store.ledger.verify()
    assert (found.rows, found.first_bad) == (5, 4)


@pytest.mark.parametrize("before", [0, 2])
def test_what_is_written_while_a_check_runs_is_no_fault(store, monkeypatch, before):
    if before:
        append(store, *(entry(n) for n in range(before)))

    def counted_before_another_row(connection):
        counted = read_counted(connection)
        append(store, entry(7), entry(8, kind="gold_forecast"))
        return counted

    monkeypatch.setattr(ledger_module, "read_counted", counted_before_another_row)
    found = store.ledger.verify()
    assert (found.rows, found.intact) == (before, True)


def test_the_database_itself_refuses_to_change_or_drop_rows(store):
    append(store, entry(1), entry(2))
    statements = ["UPDATE ledger SET due_ms = 0", "DELETE FROM ledger WHERE sequence = 2"]
    if store._engine.dialect.name == "postgresql":
        statements.append("TRUNCATE ledger CASCADE")
    for statement in statements:
        with pytest.raises(StorageError, match="rows of the ledger"), writing(store._engine) as to:
            to.execute(text(statement))
    assert store.ledger.verify().rows == 2


def test_bytes_are_counted_anew_where_rows_were_taken_and_their_number_is_not(store):
    append(store, *(entry(n) for n in range(1, 6)))
    tamper(store, "DELETE FROM ledger WHERE sequence > 3")
    assert store.ledger.recount("signal") == Extent(5, 3 * 19, 5, AT)
    assert store.ledger.recount("gold_forecast") is None
    assert store.ledger.verify().first_bad == 4


@pytest.mark.parametrize(
    ("changes", "first_bad"),
    [
        ([], None),
        (["UPDATE ledger_extents SET rows = 2 WHERE kind = 'signal'"], 4),  # the third signal
        (["UPDATE ledger_extents SET rows = 0 WHERE kind = 'gold_forecast'"], 3),
        (["UPDATE ledger_extents SET rows = 6 WHERE kind = 'signal'"], 6),
        (["UPDATE ledger_extents SET rows = rows - 1 WHERE kind = 'signal'",
          "UPDATE ledger_extents SET rows = rows + 1 WHERE kind <> 'signal'"], 6),
        (["DELETE FROM ledger_extents"], 1),
        (["UPDATE ledger_extents SET rows = 'x' WHERE kind = 'signal'"], 1),
    ],
)  # fmt: skip
def test_rows_that_were_counted_otherwise_show(sqlite_store, changes, first_bad):
    entries = [entry(1), entry(2), entry(3, kind="gold_forecast"), entry(4), entry(5)]
    append(sqlite_store, *entries)
    tamper(sqlite_store, *changes)
    found = sqlite_store.ledger.verify()
    assert (found.intact, found.first_bad) == (first_bad is None, first_bad)


NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=8)
CONTENTS = st.tuples(
    st.integers(1, 2**40), NAMES, NAMES, *[st.integers(-(2**62), 2**62)] * 3, NAMES, NAMES,
    st.binary(max_size=20),
)  # fmt: skip
HASHES = st.binary(min_size=32, max_size=32)


@given(one=CONTENTS, other=CONTENTS, previous=HASHES)
def test_no_two_contents_have_one_hash(one, other, previous):
    assert (row_hash(previous, one) == row_hash(previous, other)) == (one == other)
    glued = (*one[:6], one[6] + one[7][:1], one[7][1:], one[8])
    assert row_hash(previous, glued) != row_hash(previous, one)


@given(contents=st.lists(CONTENTS, min_size=1, max_size=6), data=st.data())
def test_any_change_of_any_field_is_found_at_its_row_or_by_the_next(contents, data):
    previous, rows = NO_ROW, []
    for sequence, (_, *rest) in enumerate(contents, 1):
        own = row_hash(previous, (sequence, *rest))
        rows.append((sequence, *rest, previous, own))
        previous = own
    whole = ChainCheck()
    whole.follow(rows)
    assert (whole.first_bad, whole.head, whole.rows) == (None, previous, len(rows))
    at = data.draw(st.integers(0, len(rows) - 1))
    field = data.draw(st.integers(1, 10))
    kinds = {str: NAMES, int: st.integers(-(2**62), 2**62), bytes: HASHES}
    value = data.draw(kinds[type(rows[at][field])].filter(lambda new: new != rows[at][field]))
    changed = [*rows]
    changed[at] = (*rows[at][:field], value, *rows[at][field + 1 :])
    check = ChainCheck()
    check.follow(changed)
    assert check.first_bad == at + 1


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


# Counters


def test_counters_add_up(store):
    assert store.read_counts() == {}
    store.add_counts({})
    store.add_counts({"requests": 3})
    store.add_counts({"requests": 2**40, "signals": 1})
    assert store.read_counts() == {"requests": 2**40 + 3, "signals": 1}
