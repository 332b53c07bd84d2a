"""`quarantine` and `corrections`: rows that were no bars, and bars that came twice with other
values.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence

from assay.market.bars import Bars
from assay.store import Correction, Quarantined, Store
from assay.store.store import QUARANTINE_ROWS
from assay_backend.commands.arguments import (
    Commands,
    add_command,
    add_json,
    add_series,
    matching,
    positive,
)
from assay_backend.commands.context import Context, say
from assay_backend.commands.output import Cell, named, print_json, print_table

PRICES = Bars.__slots__[1:]


def add_commands(commands: Commands) -> None:
    """Adds `quarantine` and `corrections`."""
    quarantine = add_command(
        commands,
        "quarantine",
        _quarantine,
        summary="rows that were set aside instead of stored, and why",
        about="Lists rows that exchanges or files gave and that are no bars: a price that is not a "
        "number or not above zero, high below low, off the timeframe's grid ... Each is kept "
        "once, with the reason, its values, when it was seen, and how often.",
        examples="  assay-data quarantine\n"
        "  assay-data quarantine --exchange binance --limit 10 --json",
    )
    corrections = add_command(
        commands,
        "corrections",
        _corrections,
        summary="bars that their source changed after they were stored",
        about="Lists bars that came again with other values, both kept, the newest change first.",
        examples="  assay-data corrections\n  assay-data corrections --symbol GC=F --json",
    )
    for parser in (quarantine, corrections):
        parser.add_argument(
            "--limit", type=positive, default=50, metavar="N", help="rows shown at most (50)"
        )
        add_series(parser)
        add_json(parser)


def _quarantine(options: argparse.Namespace, context: Context) -> int:
    matches = matching(options)
    with context.store() as store:
        kept = [row for row in store.quarantine(limit=QUARANTINE_ROWS) if matches(row.key)]
    reasons = dict(sorted(Counter(row.reason for row in kept).items()))
    shown = kept[: options.limit]
    if options.json:
        print_json({"quarantine": [_aside_row(row) for row in shown], "by_reason": reasons})
    elif not kept:
        say("nothing is in quarantine")
    else:
        header = ("last seen", "first seen", "times", "source", "symbol", "timeframe", "time")
        print_table(
            (*header, "reason", *PRICES),
            [_aside_line(row) for row in shown],
        )
        counts = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
        print(f"{len(shown):,} of {len(kept):,} rows; {counts}")
    return 0


def _time(row: Quarantined) -> str | None:
    return None if row.time == "NaT" else f"{row.time.removesuffix('.000')}Z"


def _values(values: Sequence[float | str]) -> tuple[str, ...]:
    """As they came; a dash where a column is not there."""
    texts = [repr(value) if isinstance(value, float) else str(value) for value in values]
    return tuple(texts + ["-"] * (len(PRICES) - len(texts)))


def _aside_line(row: Quarantined) -> tuple[Cell, ...]:
    seen = (row.last_seen, row.first_seen, row.times_seen)
    return (*seen, *row.key, _time(row), row.reason, *_values(row.values))


def _aside_row(row: Quarantined) -> dict[str, object]:
    return {
        **named(row.key),
        "time": _time(row),
        "reason": row.reason,
        **dict(zip(PRICES, row.values, strict=False)),
        "first_seen": row.first_seen,
        "last_seen": row.last_seen,
        "times_seen": row.times_seen,
    }


def _corrections(options: argparse.Namespace, context: Context) -> int:
    with context.store() as store:
        found = _newest(store, options)
    if options.json:
        print_json({"corrections": [_correction_row(item) for item in found]})
    elif not found:
        say("no stored bar was ever changed")
    else:
        print_table(
            ("changed", "source", "symbol", "timeframe", "bar", "", *PRICES),
            [row for item in found for row in _before_and_after(item)],
        )
    return 0


def _newest(store: Store, options: argparse.Namespace) -> list[Correction]:
    matches = matching(options)
    if options.exchange is None and options.symbol is None and options.timeframe is None:
        return list(store.corrections(limit=options.limit))
    keys = [item.key for item in store.series() if matches(item.key)]
    found = [item for key in keys for item in store.corrections(key, limit=options.limit)]
    return sorted(found, key=lambda item: item.at, reverse=True)[: options.limit]


def _before_and_after(item: Correction) -> tuple[tuple[Cell, ...], ...]:
    first = (item.at, *item.key, item.open_time)
    blank = ("",) * len(first)
    return (
        (*first, "before", *map(repr, item.before)),
        (*blank, "after", *map(repr, item.after)),
    )


def _correction_row(item: Correction) -> dict[str, object]:
    return {
        **named(item.key),
        "open_time": item.open_time,
        "at": item.at,
        "before": dict(zip(PRICES, item.before, strict=True)),
        "after": dict(zip(PRICES, item.after, strict=True)),
    }
