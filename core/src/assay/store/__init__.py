"""What must not be lost, in one SQL database."""

from assay.store.store import Store, open_store

__all__ = ["Store", "open_store"]
