"""Rows of the ledger with what came of them, as track records show and count them."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay.clock import iso_utc
from assay.errors import StorageError
from assay.evaluation.track_record import HitRate
from assay.market.keys import SIMULATED
from assay.store.ledger_records import Entry, LedgerRow, Outcome

Document = dict[str, Any]
Pair = tuple[LedgerRow, Outcome | None]
Status = Literal["pending", "scored", "unscorable", "simulated", "late"]


@dataclass(frozen=True, slots=True)
class Tracked:
    """A row that was read: what it `said`, and its `outcome` where it has one.

    `counted` says whether it enters the summary: the first row of each target, once it is scored.
    What was made when its outcome could be known is `late`, and never counted.
    """

    row: LedgerRow
    said: Document
    status: Status
    outcome: Document | None
    counted: bool

    @property
    def scores(self) -> Document:
        """The outcome of a row that is counted."""
        if self.outcome is None:
            raise AssertionError("only rows that are scored are counted")
        return self.outcome

    def document(self, names: Iterable[str]) -> Document:
        """What track records have in common, and the fields `names` of what was said."""
        entry = self.row.entry
        return {
            "sequence": self.row.sequence,
            "recorded_at": iso_utc(self.row.created),
            "origin": iso_utc(entry.origin),
            "due": iso_utc(entry.due),
            "source": entry.source,
            **{name: self.said.get(name) for name in names},
            "status": self.status,
            "counted": self.counted,
            "outcome": self.outcome,
        }


def tracked(
    pairs: Sequence[Pair], *, target: Callable[[Entry, Document], Hashable]
) -> list[Tracked]:
    """Reads rows, oldest first. Of several that speak of one `target`, by bars of one source, only
    the first is counted: it cannot have been chosen, and a thousand requests in an hour are one.
    """
    seen: set[Hashable] = set()
    found = []
    for row, outcome in pairs:
        try:
            said = json.loads(row.entry.payload)
            what = json.loads(outcome.payload) if outcome else None
            status = _status(row, what)
            name = (row.entry.source, target(row.entry, said))
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"Row {row.sequence} of the ledger, or its outcome, is not what was written: "
                f"{error!r}",
                row=row.sequence,
            ) from error
        counted = status == "scored" and name not in seen
        seen.add(name)
        found.append(
            Tracked(row, said, status, what if status == "scored" else None, counted=counted)
        )
    return found


def tallies(items: Iterable[Tracked]) -> Document:
    """How many rows wait for their outcome, and how many never get one."""
    statuses = [item.status for item in items]
    return {name: statuses.count(name) for name in ("pending", "unscorable")}


def rate_document(rate: HitRate) -> Document:
    """How often, of how many."""
    return {"n": rate.n, "hits": rate.hits, "rate": rate.rate}


def _status(row: LedgerRow, what: Document | None) -> Status:
    if row.entry.source == SIMULATED:
        return "simulated"
    if row.created >= row.entry.due:
        return "late"
    if what is None:
        return "pending"
    return "scored" if what["status"] == "scored" else "unscorable"
