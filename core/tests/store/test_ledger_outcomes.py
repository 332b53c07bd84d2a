"""What came of the ledger's rows: which are due, the first outcome, and the track record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assay.store.ledger_records import Outcome, Tally
from small_ledger import AT, BTC, ETH, HOUR, append, entry, outcome, sequences


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
