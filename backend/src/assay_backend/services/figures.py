"""How forecasts have fared so far, in a few figures for monitoring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay_backend.services.gold_entries import KINDS
from assay_backend.services.gold_track import (
    challenger_records,
    challengers_tracked,
    gold_summary,
    gold_tracked,
)
from assay_backend.services.signal_track import signal_summary, signals_tracked

if TYPE_CHECKING:  # SQLAlchemy, which no start waits for
    from assay.store.ledger import Ledger

NEWEST_FORECASTS = 250
NEWEST_SIGNALS = 1000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrackFigures:
    """`known` and `waiting` are rows with and without an outcome, by kind; the summaries are of the
    newest scored rows, as on the track records' pages; `challenger` of all that were on trial, and
    `challengers` of each by its version. Empty before the first pass.
    """

    known: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    gold: Document = field(default_factory=lambda: gold_summary([]))
    challenger: Document = field(default_factory=lambda: gold_summary([]))
    challengers: dict[str, Document] = field(default_factory=dict)
    signals: Document = field(default_factory=lambda: signal_summary([]))


def read_figures(ledger: Ledger) -> TrackFigures:
    """What the ledger says now; blocks. Raises StorageError."""
    tallies = ledger.tallies()
    gold, trials = (
        ledger.track(kind=kind, last=NEWEST_FORECASTS, scored_only=True) for kind in KINDS.values()
    )
    champion, challengers = gold_tracked(gold), challengers_tracked(trials)
    signals = ledger.track(kind="signal", last=NEWEST_SIGNALS, scored_only=True)
    return TrackFigures(
        known={kind: tally.known for kind, tally in tallies.items()},
        waiting={kind: tally.waiting for kind, tally in tallies.items()},
        gold=gold_summary(champion),
        challenger=gold_summary(challengers),
        challengers=challenger_records(challengers, beside=champion),
        signals=signal_summary(signals_tracked(signals)),
    )
