"""Bringing gold and the S&P 500 from Yahoo into the store."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import numpy as np

from assay.market.bars import Bars, CheckedBars
from assay.market.crypto.plan import Bounds
from assay.market.crypto.series import stamp
from assay.market.feed import HISTORY_START, SESSIONS_READ_AGAIN
from assay.market.keys import SeriesKey
from assay.market.series import HeldBars
from assay.market.sources.base import fetch_with_retries
from assay.market.symbols import Symbol
from assay.store import Store
from assay_backend.commands.arguments import daily_key
from assay_backend.commands.brought import Brought
from assay_backend.commands.context import Context, say

# For one market's whole history, attempts included.
DEADLINE_SECONDS = 60.0
ATTEMPTS = 3


def bring_daily(
    context: Context, store: Store, market: Symbol, asked: Bounds
) -> tuple[SeriesKey, Brought]:
    """Stores the sessions that are not there; Yahoo gives them in one answer."""
    key = daily_key(market)
    stored = store.read_bars(key)
    start = first_session(market, stored, asked, now=context.clock.now())
    if start is None:
        return key, Brought()
    say(f"{key}: asking from {start} on")
    checked = fetch_with_retries(
        context.daily(context.clock),
        market.name,
        start=start,
        deadline_seconds=DEADLINE_SECONDS,
        attempts=ATTEMPTS,
    )
    kept = _before(checked, asked.until)
    written = store.write(key, kept, at=context.clock.now())
    return key, Brought(written, Counter(item.reason for item in kept.implausible))


def first_session(market: Symbol, stored: Bars, asked: Bounds, *, now: datetime) -> date | None:
    """Where to begin: after what is stored but for some sessions read again, sooner where older
    ones or gaps are asked for. None where all that is asked for lies in no session that has closed.
    """
    since = asked.since.date() if asked.since else None
    if not len(stored):
        start = since or HISTORY_START
    else:
        first: date = stored.session[0].item()
        wanted: list[date] = [stored.session[-SESSIONS_READ_AGAIN:][0].item()]
        if since is not None and since < first:
            wanted.append(since)
        if asked.gaps:
            gaps = HeldBars.of(market, stored, "").gaps
            wanted += [gap for gap in gaps if since is None or gap >= since][:1]
        start = min(wanted)
    start = max(start, market.calendar.days[0].item())
    last = market.calendar.last_closed(now)
    if asked.until is not None:
        last = min(last, (asked.until - timedelta(milliseconds=1)).date())
    return start if start <= last else None


def _before(checked: CheckedBars, until: datetime | None) -> CheckedBars:
    if until is None:
        return checked
    kept = int(np.searchsorted(checked.bars.time, stamp(until)))
    bars = checked.bars.take(slice(kept))
    return CheckedBars(bars, checked.set_aside, rows=checked.rows, disordered=checked.disordered)
