"""Signals told apart by a number, as entries of the service's ledger and as lines of its file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from assay.store.ledger_records import Entry

AT = datetime(2026, 11, 18, 23, 0, tzinfo=UTC)


def entry(number, *, kind="signal", source="binance"):
    payload = json.dumps({"signal_id": f"s-{number}", "risk_score": number / 1000}).encode()
    due = AT + timedelta(hours=1)
    return Entry(kind, f"s-{number}", payload, AT, due, "binance BTC/USDT 1h", source)


def lines(ledger):
    return b"".join(row.entry.payload + b"\n" for row in ledger.rows(kind="signal"))
