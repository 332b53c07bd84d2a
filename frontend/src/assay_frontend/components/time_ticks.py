"""Names on a time axis: few enough for a phone, at full hours, days or months."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import day_and_month, month_tick

MOST_TICKS = 5
_MINUTES = (5, 15, 30, 60, 120, 180, 360, 720)
_DAYS = (1, 2, 3, 5, 7, 10, 14)
_MONTHS = (1, 2, 3, 6, 12)


def time_ticks(
    t: Translator, moments: Sequence[datetime], zone: tzinfo
) -> tuple[list[int], list[str]]:
    """Positions and names, in `zone`, of the first moments of the finest step that fits."""
    local = [moment.astimezone(zone) for moment in moments]
    for minutes in _MINUTES:
        at = _changes([(day.toordinal() * 1440 + 60 * day.hour + day.minute) // minutes
                       for day in local])  # fmt: skip
        if len(at) <= MOST_TICKS:
            at = _with_room(at, len(local))
            return at, [_clock(t, local[i], first=n == 0) for n, i in enumerate(at)]
    for days in _DAYS:
        at = _changes([day.toordinal() // days for day in local])
        if len(at) <= MOST_TICKS:
            at = _with_room(at, len(local))
            return at, [day_and_month(t, local[i].date()) for i in at]
    for months in _MONTHS:
        at = _changes([(12 * day.year + day.month - 1) // months for day in local])
        if len(at) <= MOST_TICKS:
            break
    names = {i: month_tick(t, local[i].date()) for i in at}
    at = _with_room(at, len(local))
    return at, [names.get(i) or _start(t, local[i]) for i in at]


def _with_room(at: Sequence[int], count: int) -> list[int]:
    """The first moment too; of names that would touch, as where days are missing, the earlier."""
    least = count / (MOST_TICKS + 1)
    kept: list[int] = []
    for position in at:
        if not kept or position - kept[-1] >= least:
            kept.append(position)
    apart = not kept or kept[0] >= least
    return [0, *kept] if count and apart and len(kept) < MOST_TICKS else kept


def _changes(buckets: Sequence[int]) -> list[int]:
    return [i for i in range(1, len(buckets)) if buckets[i] != buckets[i - 1]]


def _start(t: Translator, moment: datetime) -> str:
    """Among months: the day itself, since theirs begin elsewhere."""
    return f"{day_and_month(t, moment.date())}<br>{moment.year}"


def _clock(t: Translator, moment: datetime, *, first: bool) -> str:
    """`14:00`, the day itself at midnight, and the day below the first."""
    day = day_and_month(t, moment.date())
    if moment.hour == moment.minute == 0:
        return day
    return f"{moment:%H:%M}<br>{day}" if first else f"{moment:%H:%M}"
