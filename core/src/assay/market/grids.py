"""Whether rows are bars of the timeframe that was asked for, judged by all of their times at once.

Row by row, the bars of four hours that a source sent for bars of one are bars of one hour with
gaps, and every fourth of the bars of one hour that it sent for bars of four is one of four.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assay.calendars import Days
from assay.market.timeframes import SHORTEST_MONTH_MS, Stamps, Timeframe

__all__ = ["are_no_sessions", "are_of_another_timeframe"]

# Fewer rows may be far apart by chance: markets that are seldom traded have no bar without a trade.
LEAST_TO_SHOW_A_LONGER_STEP = 10
MOST_OFF_THE_LONGER_STEP = 0.1
# Sessions are no further apart in most weeks, holidays and all.
MOST_DAYS_BETWEEN_SESSIONS = 4
ROWS_A_SESSION_OF_SHORTER_BARS = 3

_Numbers = NDArray[np.int64]


def are_of_another_timeframe(opens: Stamps, of: Timeframe) -> bool:
    """Whether `opens` (datetime64[ms], NaT and repetitions allowed) belong to bars that are shorter
    or longer than those of `of`.

    Shorter where most lie closer than a bar is long. Longer where, of ten or more, most lie the
    same number of bars apart and all others multiples of it: without trades there is no bar, but
    trades do not come at such times.

    >>> from assay.market.timeframes import timeframe
    >>> hours = np.datetime64("2026-01-01", "ms") + np.arange(48) * np.timedelta64(1, "h")
    >>> [are_of_another_timeframe(hours, timeframe(name)) for name in ("1m", "1h", "4h")]
    [True, False, True]
    """
    known = _in_order(opens)
    if _most(np.diff(known.astype("int64")) < _shortest_ms(of)):
        return True
    if len(known) < LEAST_TO_SHOW_A_LONGER_STEP:
        return False
    off = of.off_grid(known)
    if _most(off):
        return True
    at = known[~off] if off.any() else known
    if of.unit == "M":
        return _have_longer_step(_months(at), of.amount)
    if _have_longer_step(at.astype("int64"), of.milliseconds):
        return True
    # Months differ in length, and so have no common step in milliseconds.
    shorter = of.milliseconds < SHORTEST_MONTH_MS
    return shorter and _are_months(at) and _have_longer_step(_months(at), 0)


def are_no_sessions(days: Days) -> bool:
    """Whether most of `days` (NaT allowed) are weeks or more apart, or have several rows each."""
    known = days[~np.isnat(days)]
    once = np.unique(known)
    if len(known) < LEAST_TO_SHOW_A_LONGER_STEP:
        return False
    apart = np.diff(once.astype("int64")) > MOST_DAYS_BETWEEN_SESSIONS
    return _most(apart) or len(known) >= ROWS_A_SESSION_OF_SHORTER_BARS * len(once)


def _have_longer_step(at: _Numbers, step: int) -> bool:
    if len(at) < LEAST_TO_SHOW_A_LONGER_STEP:
        return False
    spacings = np.diff(at)
    if not _most(spacings > step):
        return False
    lengths, counts = np.unique(spacings, return_counts=True)
    usual = int(lengths[np.argmax(counts)])
    if 2 * int(counts.max()) <= len(spacings):
        return False
    return float(np.mean(spacings % usual != 0)) <= MOST_OFF_THE_LONGER_STEP


def _in_order(opens: Stamps) -> Stamps:
    """Each of them once, NaT never."""
    if bool(np.all(opens[1:] > opens[:-1])):  # NaT is not later, nor is anything later than it
        return opens[~np.isnat(opens)]
    return np.unique(opens[~np.isnat(opens)])


def _are_months(opens: Stamps) -> bool:
    return bool(np.all(opens == opens.astype("datetime64[M]").astype("datetime64[ms]")))


def _most(are: NDArray[np.bool_]) -> bool:
    return 2 * int(np.count_nonzero(are)) > len(are)


def _months(opens: Stamps) -> _Numbers:
    months: _Numbers = opens.astype("datetime64[M]").astype("int64")
    return months


def _shortest_ms(of: Timeframe) -> int:
    return of.amount * SHORTEST_MONTH_MS if of.unit == "M" else of.milliseconds
