"""A ledger's entries as small as they can be, for tests of what is done with ledgers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from assay.store.engine import writing
from assay.store.ledger_records import Batch, Entry, Outcome

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


def outcome(sequence, *, scored=AT + 5 * HOUR):
    return Outcome(sequence, b'{"hit":true}', scored)


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
