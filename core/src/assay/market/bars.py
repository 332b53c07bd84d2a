"""Bars as columns, and the check that every row passes before it becomes one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from assay.calendars import Days
from assay.market.plausibility import EXPECTED, Floats, Rules, reasons_against
from assay.market.timeframes import Timeframe

__all__ = ["Bars", "CheckedBars", "Floats", "SetAside", "check_bars"]


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """OHLCV rows in time order, one array a column, all of shape (n,).

    `time` is datetime64[ms], UTC, the bar's open; a daily bar is stamped at midnight of its
    session. Prices are finite and positive, times strictly increase: `check_bars` sees to it.
    """

    time: NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.time)

    @property
    def session(self) -> Days:
        """Session dates of daily bars, datetime64[D]."""
        return self.time.astype("datetime64[D]")

    @property
    def last_session(self) -> date:
        """Session date of the newest bar; IndexError where there is none."""
        found: date = self.session[-1].item()
        return found

    def take(self, index: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Bars:
        """The rows that `index` selects."""
        return Bars(
            self.time[index],
            self.open[index],
            self.high[index],
            self.low[index],
            self.close[index],
            self.volume[index],
        )

    def until(self, session: date) -> Bars:
        """The rows up to and including `session`."""
        return self.take(slice(int(np.searchsorted(self.session, np.datetime64(session), "right"))))

    def columns(self) -> tuple[NDArray[np.generic], ...]:
        """time, open, high, low, close, volume."""
        return (self.time, self.open, self.high, self.low, self.close, self.volume)

    def fingerprint(self) -> str:
        """SHA-256 over all columns: equal bars have equal fingerprints."""
        digest = hashlib.sha256()
        for column in self.columns():
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()

    @classmethod
    def empty(cls) -> Bars:
        """No rows."""
        none = np.empty(0)
        return cls(np.empty(0, "datetime64[ms]"), none, none, none, none, none)


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that is not a bar: its position in the input, its time, why, and its line in a file.

    `values` are open, high, low, close and volume as they came.
    """

    row: int
    time: str
    reason: str
    line: int | None = None
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedBars:
    """What the check let through, and what it did not; `lines` are the bars', if from a file."""

    bars: Bars
    set_aside: tuple[SetAside, ...] = ()
    rows: int = 0
    disordered: int = field(default=0)
    lines: tuple[int, ...] = ()

    @property
    def implausible(self) -> tuple[SetAside, ...]:
        """The rows set aside that speak against the input: neither a bar that is still forming
        nor a history that is too long does.
        """
        return tuple(item for item in self.set_aside if item.reason not in EXPECTED)

    @property
    def share_implausible(self) -> float:
        """Implausible rows over rows read, 0 to 1."""
        return len(self.implausible) / self.rows if self.rows else 0.0

    def summary(self) -> str:
        """One line for people: counts by reason."""
        counts = Counter(item.reason for item in self.set_aside)
        parts = [f"{count} {reason}" for reason, count in sorted(counts.items())]
        aside = f"{len(self.set_aside)} set aside ({', '.join(parts)})" if parts else "0 set aside"
        order = f", {self.disordered} put in order" if self.disordered else ""
        return f"{self.rows} rows, {len(self.bars)} bars, {aside}{order}"


def check_bars(
    time: Sequence[np.datetime64] | NDArray[np.datetime64],
    prices: NDArray[np.float64],
    *,
    closed_until: np.datetime64 | None = None,
    sessions: Days | None = None,
    daily: bool = False,
    timeframe: Timeframe | None = None,
    now: np.datetime64 | None = None,
    lines: Sequence[int] = (),
) -> CheckedBars:
    """Turns raw rows into bars.

    `prices` has shape (n, 5): open, high, low, close, volume. Set aside are rows with NaN or
    infinite values, a price at or below zero, a negative volume, high below low, a time given
    before (the later row counts), rows stamped after `closed_until`, and, where `sessions` are
    given, rows of any other day. Of `daily` rows only the date counts; set aside are weekends,
    days that the calendars do not reach, and prices off their neighbours' closes by a factor of
    more than e. Open and close may lie outside [low, high] by a tenth of the price, since hundreds
    of Yahoo's gold settlements do; by a thousandth where a `timeframe` is given.

    With a `timeframe`, rows off its grid are set aside, and with `now` rows that open later, and
    those still forming. All rows are where their times as a whole are those of another timeframe,
    shorter or longer, or, where `sessions` are given, weeks or hours. A missing volume is 0.
    `lines` are the rows' lines in their file.
    """
    stamps = np.asarray(time, dtype="datetime64[D]" if daily else "datetime64[ms]")
    stamps = stamps.astype("datetime64[ms]")
    raw = np.asarray(prices, dtype=np.float64).reshape(len(stamps), 5)
    prices = raw.copy()
    prices[np.isnan(prices[:, 4]), 4] = 0.0
    rules = Rules(closed_until, sessions, daily=daily, timeframe=timeframe, now=now)
    reasons = reasons_against(stamps, prices, rules)
    good = reasons == ""
    disordered = int(np.sum(np.diff(stamps[good].astype("int64")) < 0))
    order = np.flatnonzero(good)[np.argsort(stamps[good], kind="stable")]
    bars = Bars(stamps[order], *(np.ascontiguousarray(column) for column in prices[order].T))
    aside = tuple(
        SetAside(
            row,
            str(stamps[row]),
            str(reasons[row]),
            line=lines[row] if lines else None,
            values=tuple(raw[row].tolist()),
        )
        for row in np.flatnonzero(~good).tolist()
    )
    kept = tuple(lines[row] for row in order) if lines else ()
    return CheckedBars(bars, aside, rows=len(stamps), disordered=disordered, lines=kept)
