"""`list` and `gaps`: which series are stored, and what is missing in them."""

from __future__ import annotations

import argparse

from assay.market.crypto.series import Gap
from assay.market.keys import SeriesKey
from assay_backend.commands.arguments import Commands, add_command, add_json, add_series, matching
from assay_backend.commands.context import Context, say
from assay_backend.commands.output import named, print_json, print_table
from assay_backend.commands.progress import Progress
from assay_backend.commands.stored import missing_in


def add_commands(commands: Commands) -> None:
    """Adds `list` and `gaps`."""
    listing = add_command(
        commands,
        "list",
        _list,
        summary="which series are stored, how many bars, from when to when",
        about="Lists every stored series: its bars, and when the first and the last of them open.",
        examples="  assay-data list\n  assay-data list --json",
    )
    add_json(listing)
    gaps = add_command(
        commands,
        "gaps",
        _gaps,
        summary="which bars are missing in the stored series",
        about="Lists what is missing between the first and the last bar of each stored series: for "
        "gold and the S&P 500 sessions without a bar, for an exchange the bars that it did "
        "not give. `fetch --gaps` asks for them again.",
        examples="  assay-data gaps\n"
        "  assay-data gaps --exchange binance --symbol BTC/USDT --timeframe 1h --json",
    )
    add_series(gaps)
    add_json(gaps)


def _list(options: argparse.Namespace, context: Context) -> int:
    with context.store() as store:
        found = store.series()
    if options.json:
        rows = [
            {**named(item.key), "rows": item.rows, "first": item.first, "last": item.last}
            for item in found
        ]
        print_json({"series": rows})
    elif found:
        header = ("source", "symbol", "timeframe", "bars", "first", "last")
        print_table(header, [(*item.key, item.rows, item.first, item.last) for item in found])
    else:
        say("no series is stored yet; `assay-data fetch` brings the first")
    return 0


def _gaps(options: argparse.Namespace, context: Context) -> int:
    matches = matching(options)
    found: list[tuple[SeriesKey, list[Gap]]] = []
    with context.store() as store:
        wanted = [item for item in store.series() if matches(item.key)]
        with Progress("gaps", total=len(wanted), unit="series") as progress:
            for item in wanted:
                found.append((item.key, missing_in(store, item)))
                progress.add(1)
    if options.json:
        print_json({"series": [_series_row(key, gaps) for key, gaps in found]})
    elif not found:
        say("no stored series has that name; `assay-data list` shows those there are")
    else:
        _print_gaps(found)
    return 0


def _series_row(key: SeriesKey, gaps: list[Gap]) -> dict[str, object]:
    rows = [{"start": gap.start, "end": gap.end, "bars": gap.bars} for gap in gaps]
    return {**named(key), "missing": sum(gap.bars for gap in gaps), "gaps": rows}


def _print_gaps(found: list[tuple[SeriesKey, list[Gap]]]) -> None:
    rows = [(*key, gap.start, gap.end, gap.bars) for key, gaps in found for gap in gaps]
    if rows:
        print_table(("source", "symbol", "timeframe", "from", "until", "missing"), rows)
    for key, gaps in found:
        missing = sum(gap.bars for gap in gaps)
        print(f"{key}: {missing:,} missing in {len(gaps):,} gaps" if gaps else f"{key}: no gap")
