"""Whatever is changed in a ledger shows, and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from assay.errors import StorageError
from assay.store import ledger as ledger_module
from assay.store import open_store
from assay.store.engine import writing
from assay.store.ledger_chain import NO_ROW, ChainCheck, row_hash
from assay.store.ledger_records import Extent
from assay.store.ledger_rows import read_counted
from small_ledger import AT, append, entry, outcome, sequences, tamper


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
