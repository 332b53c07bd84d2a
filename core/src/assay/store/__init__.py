"""What must not be lost, in one SQL database.

SQLAlchemy is loaded when a name from here is first asked for, and not by `assay.store.records` or
`assay.store.ledger_records`: it takes a third of a second, which a start can do without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from assay.store.records import Correction, Quarantined, StoredSeries, Written

if TYPE_CHECKING:
    from assay.store.store import Store, open_store

__all__ = [
    "Correction",
    "Quarantined",
    "Store",
    "StoredSeries",
    "Written",
    "open_store",
]


def __getattr__(name: str) -> object:
    if name not in ("Store", "open_store"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("assay.store.store"), name)
