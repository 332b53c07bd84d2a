"""What must not be lost, in one SQL database."""

from assay.store.backup import backup, restore
from assay.store.records import Correction, Quarantined, StoredSeries, Written
from assay.store.store import Store, open_store

__all__ = [
    "Correction",
    "Quarantined",
    "Store",
    "StoredSeries",
    "Written",
    "backup",
    "open_store",
    "restore",
]
