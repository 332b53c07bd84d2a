"""`import` and `export`: a series from a CSV file, and to one."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from assay.clock import iso_utc
from assay.market.bars import Bars, CheckedBars, check_bars
from assay.market.crypto.series import stamp
from assay.market.csv_bars import read_bars_csv, write_bars_csv
from assay.market.keys import SeriesKey
from assay.market.symbols import DAILY_SYMBOLS, Symbol
from assay.market.timeframes import timeframe
from assay_backend.commands.arguments import (
    Commands,
    add_command,
    add_series,
    asked_daily,
    asked_exchange,
    asked_series,
    check_order,
    daily_market,
    file,
    moment,
)
from assay_backend.commands.context import BadInput, Context, say
from assay_backend.commands.output import written_to
from assay_backend.commands.progress import Progress
from assay_backend.commands.stored import in_parts, stored_series


def add_commands(commands: Commands) -> None:
    """Adds `import` and `export`."""
    importing = add_command(
        commands,
        "import",
        _import,
        summary="store the bars of a CSV file",
        about="Checks the rows of a CSV file and stores those that are bars. Line 1 names the "
        "columns: date or timestamp, open, high, low, close, volume. Times are of a bar's "
        "open, in UTC where they name no zone. Rows that are no bars go to the quarantine; "
        "where they are more than 1 % nothing is stored. Bars that are there with other "
        "values are corrected, and both values kept.",
        examples="  assay-data import btc.csv --exchange binance --symbol BTC/USDT --timeframe 1h\n"
        "  assay-data import gold.csv --daily-market GC=F",
    )
    importing.add_argument("file", type=file, metavar="FILE")
    add_series(importing)
    importing.add_argument(
        "--daily-market",
        choices=[symbol.name for symbol in DAILY_SYMBOLS],
        help="the file holds daily bars of gold or the S&P 500; the same as --symbol",
    )
    importing.set_defaults(
        stopped="stopped; what was stored stays, and the same command stores the rest"
    )
    exporting = add_command(
        commands,
        "export",
        _export,
        summary="write a stored series as CSV",
        about="Writes stored bars as CSV, to FILE or to standard output. `import` reads it back to "
        "the same bars.",
        examples="  assay-data export --symbol GC=F --out gold.csv\n"
        "  assay-data export --exchange binance --symbol BTC/USDT --timeframe 1h \\\n"
        "    --start 2024-01-01 --end 2025-01-01 --out btc.csv",
    )
    add_series(exporting)
    exporting.add_argument("--start", type=moment, metavar="TIME", help="bars opened then or later")
    exporting.add_argument("--end", type=moment, metavar="TIME", help="bars opened before")
    exporting.add_argument("--out", type=file, metavar="FILE", help="instead of standard output")
    exporting.set_defaults(stopped="stopped; no file was written")


def _import(options: argparse.Namespace, context: Context) -> int:
    if options.daily_market is not None:
        if options.symbol not in (None, options.daily_market):
            raise BadInput(
                f"--symbol {options.symbol!r} and --daily-market {options.daily_market} name two "
                "markets: give one of them"
            )
        options.symbol = options.daily_market
    market = asked_daily(options)
    if market is None:
        asked_exchange(options)
    now = context.clock.now()
    with context.store() as store:
        key = asked_series(options, store)
        say(f"reading {options.file}")
        checked = _read(options.file, key, market, context)
        with Progress(str(key), total=len(checked.bars)) as progress:
            written = store.import_bars(key, checked, at=now, progress=progress.reached)
    same = len(checked.bars) - written.new - written.corrected
    print(f"{key}: {checked.summary()}")
    print(
        f"stored: {written.new:,} new, {written.corrected:,} corrected, {same:,} there already; "
        f"{written.quarantined:,} new in quarantine"
    )
    return 0


def _read(path: Path, key: SeriesKey, market: Symbol | None, context: Context) -> CheckedBars:
    """As `read_bars_csv`, and of a daily market only sessions that have closed."""
    now = context.clock.now()
    if market is None:
        return read_bars_csv(path, timeframe=timeframe(key.timeframe), now=stamp(now))
    read = read_bars_csv(path, daily=True)
    bars = read.bars
    again = check_bars(
        bars.time,
        np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume], axis=1),
        closed_until=np.datetime64(market.calendar.last_closed(now)),
        sessions=market.calendar.days,
        daily=True,
        lines=read.lines,
    )
    return CheckedBars(
        again.bars,
        read.set_aside + again.set_aside,
        rows=read.rows,
        disordered=read.disordered,
        lines=again.lines,
    )


def _export(options: argparse.Namespace, context: Context) -> int:
    check_order(options.start, options.end, ("--start", "--end"))
    with context.store() as store:
        key = asked_series(options, store)
        of = stored_series(store, key)
        if of is None:
            raise BadInput(f"{key}: nothing is stored; `assay-data list` shows what is")
        parts = in_parts(store, of, start=options.start, end=options.end)
        first = next(parts, None)
        if first is None:
            raise BadInput(
                f"{key}: no bar in that time; those stored open from {iso_utc(of.first)} to "
                f"{iso_utc(of.last)}"
            )
        with written_to(options.out) as out, Progress(str(key), total=of.rows) as progress:
            daily = daily_market(key.symbol) is not None
            write_parts(_each(first, parts), out, daily=daily, tell=progress.add)
    return 0


def _each(first: Bars, others: Iterator[Bars]) -> Iterator[Bars]:
    yield first
    yield from others


def write_parts(
    parts: Iterable[Bars], out: BinaryIO, *, daily: bool, tell: Callable[[int], None]
) -> None:
    """One CSV file of many parts, in the form of `write_bars_csv`."""
    with tempfile.TemporaryDirectory(prefix="assay-export-") as folder:
        part = Path(folder) / "part.csv"
        for number, bars in enumerate(parts):
            write_bars_csv(part, bars, daily=daily)
            with part.open("rb") as rows:
                if number:
                    rows.readline()  # the header is there already
                shutil.copyfileobj(rows, out)
            tell(len(bars))
