"""Bars of a longer timeframe made of those of a shorter one."""

from __future__ import annotations

import numpy as np

from assay.market.bars import Bars
from assay.market.timeframes import DAY_MS, Stamps, Timeframe

__all__ = ["bucket_opens", "divides", "resample"]

_MONDAY_MS = 4 * DAY_MS  # 1970-01-05


def divides(short: Timeframe, long: Timeframe) -> bool:
    """Whether every bar of `long` is made of whole bars of `short`, on the epoch's grid.

    >>> from assay.market.timeframes import timeframe
    >>> [divides(timeframe(short), timeframe("1M")) for short in ("1h", "1d", "1w")]
    [True, True, False]
    """
    if short.unit == long.unit:
        return long.amount % short.amount == 0
    if short.unit in "wM":
        return False
    # Weeks and months begin at any midnight.
    whole = DAY_MS if long.unit in "wM" else long.milliseconds
    return whole % short.milliseconds == 0


def bucket_opens(opens: Stamps, to: Timeframe) -> Stamps:
    """`to.last_open` of each of `opens` (datetime64[ms])."""
    if to.unit == "M":
        months = opens.astype("datetime64[M]").astype("int64") // to.amount * to.amount
        return months.astype("datetime64[M]").astype("datetime64[ms]")
    begin = _MONDAY_MS if to.unit == "w" else 0
    whole = (opens.astype("int64") - begin) // to.milliseconds * to.milliseconds
    return (whole + begin).astype("datetime64[ms]")


def resample(bars: Bars, to: Timeframe) -> Bars:
    """`bars` gathered into those of `to`: first open, highest high, lowest low, last close, all
    volume.

    Bars lie on the epoch's grid, weeks begin on Monday, months on their first day, all in UTC. A
    bar is made of what there is of it, and where there is nothing there is none: whether the first
    and the last one are whole is for the caller to see to.
    """
    opens = bucket_opens(bars.time, to)
    if not len(opens):
        return Bars.empty()
    first = np.flatnonzero(np.append(True, opens[1:] != opens[:-1]))
    last = np.append(first[1:], len(opens)) - 1
    return Bars(
        time=opens[first],
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=bars.close[last],
        volume=np.add.reduceat(bars.volume, first),
    )
