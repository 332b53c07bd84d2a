"""Rows that are no bars, each kept once however often it comes, the newest only."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, select, update

from assay.market.bars import SetAside
from assay.market.keys import SeriesKey
from assay.store.records import Quarantined, instant_of
from assay.store.schema import REASON_LENGTH, TIME_LENGTH, quarantine, series

# Databases bound how many values a query may name.
MOST_TIMES_ASKED_FOR = 500

_What = tuple[str, str, str]


def write_quarantine(
    connection: Connection, series_id: int, rows: Sequence[SetAside], *, at_ms: int, most: int
) -> tuple[str, ...]:
    """The reasons of those `rows` that were never seen before; of all that are kept, the newest
    `most` stay.
    """
    came = Counter(_what(row) for row in rows[-most:])
    known = _ids_of_known(connection, series_id, came)
    seen = [{"known": known[what], "more": times} for what, times in came.items() if what in known]
    if seen:
        connection.execute(
            update(quarantine)
            .where(quarantine.c.id == bindparam("known"))
            .values(last_seen_ms=at_ms, times_seen=quarantine.c.times_seen + bindparam("more")),
            seen,
        )
    seen_at = {"series_id": series_id, "first_seen_ms": at_ms, "last_seen_ms": at_ms}
    fresh = [
        {"time": time, "reason": reason, "prices": prices, "times_seen": times} | seen_at
        for (time, reason, prices), times in came.items()
        if (time, reason, prices) not in known
    ]
    if fresh:
        connection.execute(quarantine.insert(), fresh)
        _keep_newest(connection, most)
    return tuple(str(row["reason"]) for row in fresh)


def listing(limit: int) -> Select[tuple[object, ...]]:
    """The query for `quarantined_of`, newest first."""
    return (
        select(series.c.source, series.c.symbol, series.c.timeframe, quarantine)
        .join_from(quarantine, series)
        .order_by(quarantine.c.last_seen_ms.desc(), quarantine.c.id.desc())
        .limit(limit)
    )


def quarantined_of(row: Row[tuple[object, ...]]) -> Quarantined:
    """A row of the listing as people see it."""
    return Quarantined(
        key=SeriesKey(row.source, row.symbol, row.timeframe),
        time=row.time,
        reason=row.reason,
        values=tuple(json.loads(row.prices)),
        first_seen=instant_of(row.first_seen_ms),
        last_seen=instant_of(row.last_seen_ms),
        times_seen=row.times_seen,
    )


def _what(row: SetAside) -> _What:
    values = [value if math.isfinite(value) else str(value) for value in row.values]
    return row.time[:TIME_LENGTH], row.reason[:REASON_LENGTH], json.dumps(values)


def _ids_of_known(
    connection: Connection, series_id: int, came: Iterable[_What]
) -> dict[_What, int]:
    table = quarantine.c
    query = select(table.id, table.time, table.reason, table.prices).where(
        table.series_id == series_id
    )
    times = {time for time, _, _ in came}
    if len(times) <= MOST_TIMES_ASKED_FOR:
        query = query.where(table.time.in_(times))
    return {(time, reason, prices): at for at, time, reason, prices in connection.execute(query)}


def _keep_newest(connection: Connection, most: int) -> None:
    kept = connection.scalar(select(func.count()).select_from(quarantine)) or 0
    if kept > most:
        oldest = (
            select(quarantine.c.id)
            .order_by(quarantine.c.last_seen_ms, quarantine.c.id)
            .limit(kept - most)
        )
        connection.execute(delete(quarantine).where(quarantine.c.id.in_(oldest)))
