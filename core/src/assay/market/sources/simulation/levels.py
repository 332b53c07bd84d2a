"""The four lengths of bars the simulation makes; bars of all others are gathered from these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from assay.market.bars import Bars, Floats
from assay.market.resample import divides, resample
from assay.market.sources.simulation.days import END_DAY, FIRST_DAY, Pair
from assay.market.sources.simulation.draws import Rows
from assay.market.sources.simulation.parts import divided
from assay.market.sources.simulation.steps import STEPS, five_minutes
from assay.market.timeframes import Timeframe, timeframe

_DAYS_KEPT_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class Level:
    """Bars of `of`: those from one count since 1970 up to another, with logarithms for prices and
    lots for volumes.
    """

    of: Timeframe
    between: Callable[[Pair, int, int], Bars]


def level_for(of: Timeframe) -> Level:
    """The longest bars that those of `of` are made of."""
    return next(level for level in _LEVELS if divides(level.of, of))


def _days(pair: Pair, first: int, end: int) -> Bars:
    begin = first // _DAYS_KEPT_TOGETHER
    kept = [_kept_days(pair, at) for at in range(begin, _up(end, _DAYS_KEPT_TOGETHER))]
    columns = [np.concatenate(parts) for parts in zip(*kept, strict=True)]
    missing = first - max(begin * _DAYS_KEPT_TOGETHER, FIRST_DAY)
    counts = np.arange(first, end).astype("datetime64[D]")
    rows = (column[missing : missing + end - first] for column in columns)
    return Bars(counts.astype("datetime64[ms]"), *rows)


@lru_cache(maxsize=1024)
def _kept_days(pair: Pair, at: int) -> tuple[Floats, ...]:
    first, end = at * _DAYS_KEPT_TOGETHER, (at + 1) * _DAYS_KEPT_TOGETHER
    rows = five_minutes(pair, max(first, FIRST_DAY), min(end, END_DAY))
    days = resample(rows.bars, timeframe("1d"))
    return days.open, days.high, days.low, days.close, days.volume


def _steps(pair: Pair, first: int, end: int) -> Bars:
    return _step_rows(pair, first, end).bars


def _minutes(pair: Pair, first: int, end: int) -> Bars:
    return _minute_rows(pair, first, end).bars


def _seconds(pair: Pair, first: int, end: int) -> Bars:
    minutes = _minute_rows(pair, first // 60, _up(end, 60))
    return divided(pair, minutes, 60).between(first, end).bars


def _step_rows(pair: Pair, first: int, end: int) -> Rows:
    return five_minutes(pair, first // STEPS, _up(end, STEPS)).between(first, end)


def _minute_rows(pair: Pair, first: int, end: int) -> Rows:
    steps = _step_rows(pair, first // 5, _up(end, 5))
    return divided(pair, steps, 5).between(first, end)


def _up(count: int, together: int) -> int:
    """How many that many make together, the last one whole."""
    return -(-count // together)


_LEVELS: Final = (
    Level(timeframe("1d"), _days),
    Level(timeframe("5m"), _steps),
    Level(timeframe("1m"), _minutes),
    Level(timeframe("1s"), _seconds),
)
