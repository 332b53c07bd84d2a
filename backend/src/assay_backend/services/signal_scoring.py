"""Signals of the ledger, scored by what their coins did."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.evaluation.outcomes import (
    Realized,
    SignalForecast,
    SignalOutcome,
    measuring_timeframe,
    realized,
    signal_outcome,
)
from assay.market.bars import Bars
from assay.market.keys import SeriesKey
from assay.market.timeframes import timeframe
from assay.store.ledger_records import LedgerRow
from assay.volatility.assessment import CONFIDENCES, Measure

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DueSignal:
    """A signal whose window has ended: whose bars measure it, and what it said."""

    row: LedgerRow
    series: SeriesKey
    said: SignalForecast

    @property
    def source(self) -> str:
        """Whose bars it was made of, and is scored by."""
        return self.row.entry.source

    @property
    def window(self) -> tuple[datetime, datetime, Measure]:
        """What signals of one series are measured alike by."""
        return self.said.origin, self.said.target, self.said.measure


def due_signal(row: LedgerRow) -> DueSignal:
    """Reads a row. Raises KeyError, TypeError or ValueError where it is no signal to be scored."""
    payload: Document = json.loads(row.entry.payload)
    said = _forecast(payload)
    exchange = row.entry.subject.partition(" ")[0]  # the one that answered
    own = timeframe(payload["timeframe"])
    measured = measuring_timeframe(said.origin, said.target, own)
    return DueSignal(row, SeriesKey(exchange, payload["symbol"], measured.name), said)


def score_signals(signals: list[DueSignal], bars: Bars) -> dict[int, Document]:
    """Outcomes by sequence, of those of one series for which `bars` has every bar."""
    found: dict[tuple[datetime, datetime, Measure], Realized | None] = {}
    outcomes = {}
    for signal in signals:
        if signal.window not in found:
            origin, target, measure = signal.window
            of = timeframe(signal.series.timeframe)
            found[signal.window] = realized(bars, of, origin=origin, target=target, measure=measure)
        happened = found[signal.window]
        if happened is not None:
            outcome = signal_outcome(signal.said, happened)
            outcomes[signal.row.sequence] = _document(signal, outcome)
    return outcomes


def _forecast(payload: Document) -> SignalForecast:
    volatility = payload["volatility"]
    at_risk = payload["value_at_risk"]
    return SignalForecast(
        origin=datetime.fromisoformat(payload["origin"]),
        target=datetime.fromisoformat(payload["target_time"]),
        measure=payload["measure"],
        volatility=float(volatility["horizon"]),
        lower=float(volatility["lower"]),
        upper=float(volatility["upper"]),
        risk_score=float(payload["risk_score"]),
        threshold=float(volatility["threshold_volatility"]),
        value_at_risk={level: float(at_risk[str(level)]) for level in CONFIDENCES},
        tail_loss_probability=float(payload["tail_loss_probability"]),
        tail_loss_return=float(payload["tail_loss_return"]),
    )


def _document(signal: DueSignal, outcome: SignalOutcome) -> Document:
    return {
        "status": "scored",
        "realized_volatility": outcome.realized_volatility,
        "above_threshold": outcome.above_threshold,
        "brier": outcome.brier,
        "inside": outcome.inside,
        "log_return": outcome.log_return,
        "var_hit": {str(level): hit for level, hit in outcome.var_hit.items()},
        "tail_loss": outcome.tail_loss,
        "tail_brier": outcome.tail_brier,
        "measure": signal.said.measure,
        "timeframe": signal.series.timeframe,
        "bars": outcome.bars,
    }
