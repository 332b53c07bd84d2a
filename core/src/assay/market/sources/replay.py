"""Bars of CSV files, as they were known at the instant the clock shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from assay.clock import Clock, FixedClock
from assay.errors import InvalidBars
from assay.market.bars import CheckedBars, SetAside
from assay.market.csv_bars import read_bars_csv
from assay.market.sources.base import since
from assay.market.symbols import GOLD, Symbol, daily_symbol


@dataclass(frozen=True, slots=True)
class ReplaySource:
    """Reads the files anew at each fetch; InvalidBars where one cannot be used."""

    gold_csv: Path
    sp500_csv: Path
    clock: Clock
    name: str = "replay"

    def fetch(self, symbol: str, *, start: date, deadline_seconds: float) -> CheckedBars:
        market = daily_symbol(symbol)
        checked = _sessions(self.gold_csv if market is GOLD else self.sp500_csv, market)
        closed = checked.bars.until(market.calendar.last_closed(self.clock.now()))
        return since(CheckedBars(closed, checked.set_aside, rows=checked.rows), start)


def replay_clock(gold_csv: Path) -> FixedClock:
    """A clock that stands at the close of the file's last gold session.

    Raises InvalidBars where the file cannot be used.
    """
    bars = _sessions(gold_csv, GOLD).bars
    if not len(bars):
        raise InvalidBars(f"{gold_csv}: holds no gold session", file=str(gold_csv))
    return FixedClock(GOLD.calendar.close(bars.last_session))


def _sessions(path: Path, market: Symbol) -> CheckedBars:
    """The file's rows that are sessions of `market`; other days are set aside.

    Training keeps a weekday that the calendar does not know: what was traded can be learnt from.
    Here the clock decides what has closed, and it counts in the calendar's sessions: such a row
    would count as closed only with the next session, so it is none to the service.
    """
    checked = read_bars_csv(path, daily=True)
    on_session = np.isin(checked.bars.session, market.calendar.days)
    aside = tuple(
        SetAside(int(row), str(checked.bars.session[row]), "not a session", line=checked.lines[row])
        for row in np.flatnonzero(~on_session)
    )
    return CheckedBars(
        checked.bars.take(on_session),
        checked.set_aside + aside,
        rows=checked.rows,
        disordered=checked.disordered,
    )
