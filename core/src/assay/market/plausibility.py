"""Why a row is not a bar: the rules every row passes, and those of daily bars on top."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from assay.calendars import Days, gold_calendar, sp500_calendar
from assay.market.grids import are_no_sessions, are_of_another_timeframe
from assay.market.timeframes import Timeframe

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

ANOTHER_TIMEFRAME = "another timeframe"
BEFORE_CALENDAR = "before the calendar"
NOT_CLOSED = "not closed yet"
EPOCH = np.datetime64(0, "ms")
# What a sound source may send.
EXPECTED = frozenset({BEFORE_CALENDAR, NOT_CLOSED})

# Exchanges round; Yahoo's gold settlements stood up to 8.6 % outside the day's range (2006-06-30).
MOST_OUTSIDE = 0.001
MOST_OUTSIDE_BY_SETTLEMENT = 0.1

# Neither market has moved by a factor of e within a week; a slipped decimal point has.
MOST_LOG_DISTANCE = 1.0
# Each row beside five on either side: a row of a lasting new level is in the majority there.
NEIGHBOURS = 5
# The longest that a market has been shut (2001) is 7 days.
LONGEST_BREAK = np.timedelta64(10, "D")


@dataclass(frozen=True, slots=True)
class Rules:
    """What rows are held against; see `check_bars`."""

    closed_until: np.datetime64 | None
    sessions: Days | None
    daily: bool
    timeframe: Timeframe | None
    now: np.datetime64 | None


def reasons_against(
    stamps: NDArray[np.datetime64], prices: Floats, rules: Rules
) -> NDArray[np.str_]:
    """The first reason against each of n rows, "" where there is none; `prices` is (n, 5)."""
    reasons = np.full(len(stamps), "", dtype="<U24")
    for failed, reason in [*_rules_of_time(stamps, rules), *_rules_of_prices(prices, rules)]:
        reasons[(reasons == "") & failed] = reason
    reasons[_repeated(stamps, reasons == "")] = "duplicate time"
    if rules.daily:
        reasons[_out_of_scale(stamps, prices[:, :4], reasons == "")] = "price out of scale"
    return reasons


def _rules_of_time(stamps: NDArray[np.datetime64], rules: Rules) -> list[tuple[Mask, str]]:
    found: list[tuple[Mask, str]] = [(np.isnat(stamps), "no time")]
    if rules.now is not None:
        found.append((stamps > rules.now, "in the future"))
    found += _rules_of_all(stamps, rules)
    if rules.timeframe is not None:
        found.append((stamps < EPOCH, "before 1970"))
        found.append((rules.timeframe.off_grid(stamps), "off the timeframe's grid"))
        if rules.now is not None:
            found.append((rules.timeframe.ends(stamps) > rules.now, NOT_CLOSED))
    if rules.sessions is not None:
        days = stamps.astype("datetime64[D]")
        found.append((~np.isin(days, rules.sessions), "not a session"))
    if rules.closed_until is not None:
        found.append((stamps > rules.closed_until, NOT_CLOSED))
    if rules.daily:
        found += _rules_of_days(stamps.astype("datetime64[D]"))
    return found


def _rules_of_all(stamps: NDArray[np.datetime64], rules: Rules) -> list[tuple[Mask, str]]:
    """What speaks against every row, whether or not it could be a bar by itself."""
    foreign = False
    if rules.timeframe is not None:
        foreign = are_of_another_timeframe(stamps, rules.timeframe)
    elif rules.sessions is not None:
        foreign = are_no_sessions(stamps.astype("datetime64[D]"))
    return [(np.full(len(stamps), foreign), ANOTHER_TIMEFRAME)]


def _rules_of_prices(prices: Floats, rules: Rules) -> list[tuple[Mask, str]]:
    open_, high, low, close, volume = prices.T
    finite: Mask = np.logical_and.reduce(np.isfinite(prices), axis=1)
    slack = MOST_OUTSIDE if rules.timeframe is not None else MOST_OUTSIDE_BY_SETTLEMENT
    with np.errstate(over="ignore"):  # the largest doubles, below infinity as they stand
        above, below = high * (1.0 + slack), low * (1.0 - slack)
    outside = (open_ > above) | (open_ < below) | (close > above) | (close < below)
    return [
        (~finite, "not a number"),
        (np.minimum.reduce([open_, high, low, close]) <= 0, "price not above zero"),
        (volume < 0, "negative volume"),
        (high < low, "high below low"),
        (outside, "outside high and low"),
    ]


def _rules_of_days(session: Days) -> list[tuple[Mask, str]]:
    first, last = _known_days()
    weekend = (session.astype("int64") + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    outside = (session < first) | (session > last)
    return [
        (_earlier_history(session, first), BEFORE_CALENDAR),
        (outside, "outside the calendar"),
        (weekend, "weekend"),
    ]


@cache
def _known_days() -> tuple[np.datetime64, np.datetime64]:
    """The first and the last day that have a next session in every calendar."""
    tables = [calendar.days for calendar in (gold_calendar(), sp500_calendar())]
    return max(days[0] for days in tables), min(days[-1] for days in tables) - 1


def _earlier_history(session: Days, first: np.datetime64) -> Mask:
    """Days that lead up to `first` without a break: a long history, not a wrong date."""
    early = np.append(np.unique(session[session < first]), first)
    breaks = np.flatnonzero(np.diff(early) > LONGEST_BREAK)
    begins = early[breaks[-1] + 1] if len(breaks) else early[0]
    found: Mask = (session >= begins) & (session < first)
    return found


def _repeated(stamps: NDArray[np.datetime64], good: Mask) -> NDArray[np.intp]:
    """The good rows whose time a later good row has too."""
    rows = np.flatnonzero(good)[::-1]
    _, last = np.unique(stamps[rows], return_index=True)
    once = np.zeros(len(rows), dtype=bool)
    once[last] = True
    return rows[~once]


def _out_of_scale(stamps: NDArray[np.datetime64], prices: Floats, good: Mask) -> NDArray[np.intp]:
    """The good rows with a price far from the median close of the rows around them."""
    rows = np.flatnonzero(good)
    if not len(rows):
        return rows
    rows = rows[np.argsort(stamps[rows], kind="stable")]
    logs = np.log(prices[rows])
    padded = np.pad(logs[:, 3], NEIGHBOURS, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    distance: Floats = np.abs(logs - np.nanmedian(around, axis=1)[:, None])
    far: Mask = np.logical_or.reduce(distance > MOST_LOG_DISTANCE, axis=1)
    return rows[far]
