"""The ledger of a service that scores, and what came of its rows."""

from __future__ import annotations

import json


def ledger(services):
    return services.database.store().ledger


def outcomes(services, kind):
    pairs = ledger(services).track(kind=kind, last=100)
    return [json.loads(outcome.payload) if outcome else None for _, outcome in pairs]
