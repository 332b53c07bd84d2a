"""Candles of exchanges on loopback: the same for one market and time whoever asks, and the ways
in which they have been seen to go wrong.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from assay.clock import FixedClock
from upstream.wire import Manner, Request

WireFault = Literal["blackhole", "drip", "reset", "cut"]
StatusFault = Literal["500", "503-html", "429", "418", "451", "403-region"]
BodyFault = Literal["truncated-json", "html-200", "empty", "missing-key", "object-200"]
Damage = Literal[
    "nulls",
    "nan",
    "zero",
    "negative",
    "duplicate",
    "unsorted",
    "gap",
    "stale",
    "future",
    "high-below-low",
    "outside",
    "few-fields",
    "correction",
]
Fault = WireFault | StatusFault | BodyFault | Damage
# A fault may depend on the request, such as its being for candles, or the second of its kind.
Faults = dict[str, Fault | Callable[[Request], Fault | None]]

MANNERS: dict[str, Manner] = {
    "blackhole": "silent",
    "drip": "drip",
    "reset": "reset",
    "cut": "cut",
}

NOW = datetime(2026, 11, 18, 12, 20, 30, tzinfo=UTC)
CLOCK = FixedClock(NOW)
RETRY_AFTER_SECONDS = 77
BAN_SECONDS = 600
STALE_DAYS = 3
GAP_BARS = 4
# The row that damages hit, counted from the newest closed one; a gap lies before it.
DAMAGED_ROW = -5
MAINTENANCE = b"<!DOCTYPE html><html><body>Will be right back</body></html>"

MINUTE_MS = 60_000
DAY_MS = 86_400_000
MONDAY_MS = 4 * DAY_MS
LISTED_MS = 1_500_000_000_000  # July 2017

Candle = list[float | None]


@dataclass(frozen=True, slots=True)
class Coin:
    """A market: its price at the start, and whether it may be traded now."""

    base: str
    quote: str
    price: float
    active: bool = True

    @property
    def symbol(self) -> str:
        return f"{self.base}/{self.quote}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for candles asks: [since, until) in milliseconds, `limit` at most."""

    coin: Coin
    step_ms: int
    since: int | None
    until: int | None
    limit: int


def prices(coin: Coin, times_ms: np.ndarray) -> np.ndarray:
    """The price at each time: noise of all periods from minutes to years, as wild as its period."""
    minutes = times_ms / MINUTE_MS
    logs = np.zeros(len(times_ms))
    for octave in range(11):
        position = minutes / 4.0**octave
        left = np.floor(position)
        share = position - left
        at = left.astype("int64").astype("uint64")
        steps = _chance(coin, octave, at) * (1 - share) + _chance(coin, octave, at + 1) * share
        logs += 0.0006 * 2.0**octave * steps
    return coin.price * np.exp(logs)


def _chance(coin: Coin, octave: int, at: np.ndarray) -> np.ndarray:
    """Numbers in [-1, 1) that depend on nothing but the arguments (splitmix64)."""
    seed = zlib.crc32(f"{coin.base} {octave}".encode())  # a coin moves alike against any quote
    mixed = at * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed.astype("float64") / 2.0**63 - 1.0


def opens(step_ms: int, since: int, until: int) -> np.ndarray:
    """The opens in [since, until) of bars that long; weeks begin on Monday, 30 days are a month."""
    if step_ms == 30 * DAY_MS:
        first, last = (np.datetime64(at, "ms").astype("datetime64[M]") for at in (since, until))
        months = np.arange(first, last + 2).astype("datetime64[ms]").astype("int64")
        return months[(months >= since) & (months < until)]
    offset = MONDAY_MS if step_ms == 7 * DAY_MS else 0
    first = math.ceil((since - offset) / step_ms) * step_ms + offset
    return np.arange(first, until, step_ms, dtype="int64")


def candles(asked: Asked, now: datetime, *, oldest_first: bool = True) -> list[Candle]:
    """The first `limit` candles of what is asked, or the last; one forms still at `now`."""
    now_ms = int(now.timestamp() * 1000)
    until = min(asked.until or now_ms + 1, now_ms + 1)
    begin = until - asked.limit * asked.step_ms if asked.since is None else asked.since
    at = opens(asked.step_ms, max(begin, LISTED_MS), until)
    at = at[: asked.limit] if oldest_first else at[-asked.limit :]
    if not len(at):
        return []
    return _candles(asked, at, now_ms)


def _candles(asked: Asked, at: np.ndarray, now_ms: int) -> list[Candle]:
    ends = np.minimum(at + asked.step_ms, now_ms)
    shares = np.linspace(0.0, 1.0, 7)
    path = np.array([prices(asked.coin, at + (ends - at) * share) for share in shares]).round(8)
    volume = np.round(40.0 * (1.5 + _chance(asked.coin, 99, at.astype("uint64"))), 5)
    columns = (at, path[0], path.max(axis=0), path.min(axis=0), path[-1], volume)
    return [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def damaged(
    rows: list[Candle], fault: Fault | None, *, step_ms: int, now: datetime
) -> list[Candle]:
    """`rows` spoilt in that way; only an answer that reaches up to `now` is."""
    now_ms = int(now.timestamp() * 1000)
    if fault == "empty":
        return []
    if fault == "stale":
        return [row for row in rows if (row[0] or 0) < now_ms - STALE_DAYS * DAY_MS]
    if len(rows) < 2 * -DAMAGED_ROW or (rows[-1][0] or 0) + 2 * step_ms < now_ms:
        return rows
    _spoil(rows, fault, rows[DAMAGED_ROW], step_ms)
    return rows


def _spoil(rows: list[Candle], fault: Fault | None, row: Candle, step_ms: int) -> None:
    _, _, high, low, close, volume = row
    if fault == "nulls":
        row[1:5] = [None] * 4
    elif fault == "nan":
        row[4] = float("nan")
    elif fault == "zero":
        row[1:5] = [0.0] * 4
    elif fault == "negative":
        row[3] = -low
    elif fault == "high-below-low":
        row[2] = low * 0.9
    elif fault == "outside":
        row[4] = high * 1.05
    elif fault == "few-fields":
        del row[3:]
    elif fault == "correction":
        row[1:5] = [price * 1.001 for price in row[1:5]]
    elif fault == "duplicate":
        rows.insert(DAMAGED_ROW, list(row))
    elif fault == "unsorted":
        rows[DAMAGED_ROW - 3 : DAMAGED_ROW] = rows[DAMAGED_ROW - 3 : DAMAGED_ROW][::-1]
    elif fault == "gap":
        del rows[DAMAGED_ROW - GAP_BARS : DAMAGED_ROW]
    elif fault == "future":
        rows.append([rows[-1][0] + 400 * step_ms, close, high, low, close, volume])
