"""Bars to rows and back, in a transaction that is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, bindparam, delete, select, update

from assay.market.bars import Bars
from assay.store.engine import insert_rows
from assay.store.records import epoch_ms
from assay.store.schema import PRICES, bars, corrections, series

# How many rows are read at once where a write looks for what it corrects.
READ_BLOCK_ROWS = 20_000

Stamps = NDArray[np.int64]
Matrix = NDArray[np.float64]


def read_bars(
    connection: Connection,
    of_series: ColumnElement[bool],
    *,
    start: datetime | None,
    end: datetime | None,
    last: int | None,
) -> Bars:
    """Bars in time order; `of_series` says of which series."""
    opened = bars.c.open_time_ms
    query = select(opened, *(bars.c[name] for name in PRICES)).where(of_series)
    if start is not None:
        query = query.where(opened >= epoch_ms(start))
    if end is not None:
        query = query.where(opened < epoch_ms(end))
    if last is None:
        rows = connection.execute(query.order_by(opened)).all()
    else:
        rows = connection.execute(query.order_by(opened.desc()).limit(last)).all()[::-1]
    stamps, prices = _arrays(rows)
    return Bars(stamps.astype("datetime64[ms]"), *prices)


def write_bars(connection: Connection, series_id: int, new: Bars, *, at_ms: int) -> tuple[int, int]:
    """How many bars were added and how many corrected; the others stand there as they came."""
    stamps = new.time.astype("datetime64[ms]").astype("int64")
    prices = np.stack([new.open, new.high, new.low, new.close, new.volume])
    known, stored = _stored_among(connection, series_id, stamps)
    fresh = np.ones(len(stamps), dtype=bool)
    fresh[known] = False
    rows = zip(stamps[fresh].tolist(), *prices[:, fresh].tolist(), strict=True)
    insert_rows(connection, bars, [(series_id, *row, at_ms, at_ms) for row in rows])
    differs = np.logical_or.reduce(prices[:, known] != stored)
    changed = known[differs]
    _correct(connection, series_id, at_ms, stamps[changed], stored[:, differs], prices[:, changed])
    added = int(np.sum(fresh))
    if added:
        count_bars(connection, series_id, added)
    return added, len(changed)


def delete_bars(connection: Connection, series_id: int, *, before_ms: int, most: int) -> int:
    """Drops the oldest bars opened before `before_ms`, `most` at once, and their corrections."""
    oldest = (
        select(bars.c.open_time_ms)
        .where(bars.c.series_id == series_id, bars.c.open_time_ms < before_ms)
        .order_by(bars.c.open_time_ms)
    )
    bound = connection.scalar(oldest.offset(most).limit(1)) or before_ms
    for table in (corrections, bars):
        dropped = connection.execute(
            delete(table).where(table.c.series_id == series_id, table.c.open_time_ms < bound)
        )
    if dropped.rowcount:
        count_bars(connection, series_id, -dropped.rowcount)
    return dropped.rowcount


def count_bars(connection: Connection, series_id: int, more: int) -> None:
    """Keeps the series' number of bars."""
    connection.execute(
        update(series).where(series.c.id == series_id).values(bar_count=series.c.bar_count + more)
    )


def _stored_among(
    connection: Connection, series_id: int, stamps: Stamps
) -> tuple[NDArray[np.intp], Matrix]:
    """Positions in `stamps` (increasing) that have a stored bar, and its prices, shape (5, m)."""
    if not len(stamps):
        return np.empty(0, np.intp), np.empty((5, 0))
    query = (
        select(bars.c.open_time_ms, *(bars.c[name] for name in PRICES))
        .where(bars.c.series_id == series_id)
        .where(bars.c.open_time_ms.between(int(stamps[0]), int(stamps[-1])))
        .order_by(bars.c.open_time_ms)
        .execution_options(yield_per=READ_BLOCK_ROWS)  # bars far apart may have millions between
    )
    found: list[Stamps] = [np.empty(0, np.int64)]
    prices: list[Matrix] = [np.empty((5, 0))]
    for rows in connection.execute(query).partitions():
        opened, values = _arrays(rows)
        wanted = np.isin(opened, stamps, assume_unique=True)
        found.append(opened[wanted])
        prices.append(values[:, wanted])
    return np.searchsorted(stamps, np.concatenate(found)), np.concatenate(prices, axis=1)


def _correct(
    connection: Connection,
    series_id: int,
    at_ms: int,
    stamps: Stamps,
    before: Matrix,
    after: Matrix,
) -> None:
    if not len(stamps):
        return
    names = ["open_time_ms", *(f"{name}_before" for name in PRICES)]
    names += [f"{name}_after" for name in PRICES]
    rows = _dicts(names, stamps, before, after)
    fixed = {"series_id": series_id, "at_ms": at_ms}
    connection.execute(corrections.insert(), [fixed | row for row in rows])
    connection.execute(
        update(bars)
        .where(bars.c.series_id == series_id, bars.c.open_time_ms == bindparam("stamp"))
        .values(updated_ms=at_ms, **{name: bindparam(f"new_{name}") for name in PRICES}),
        _dicts(["stamp", *(f"new_{name}" for name in PRICES)], stamps, after),
    )


def _dicts(names: Sequence[str], stamps: Stamps, *values: Matrix) -> list[dict[str, float]]:
    columns = [stamps.tolist(), *np.concatenate(values).tolist()]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _arrays(rows: Iterable[Sequence[object]]) -> tuple[Stamps, Matrix]:
    """Open times, shape (n,), and prices, shape (5, n)."""
    columns = list(zip(*rows, strict=True)) or [()] * 6
    stamps = np.array(columns[0], dtype=np.int64)
    return stamps, np.array(columns[1:], dtype=np.float64)
