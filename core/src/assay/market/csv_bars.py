"""Daily and intraday bars from CSV: `date` or `timestamp`, then open, high, low, close, volume."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import numpy as np

from assay.errors import InvalidBars
from assay.market.bars import Bars, CheckedBars, check_bars

PRICE_COLUMNS = ("open", "high", "low", "close", "volume")
TIME_COLUMNS = ("date", "timestamp")
MOST_SET_ASIDE = 0.01

_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def read_bars_csv(
    path: Path, *, daily: bool = False, most_set_aside: float = MOST_SET_ASIDE
) -> CheckedBars:
    """Bars of a CSV file, checked; with the lines they stand on.

    Dates are `YYYY-MM-DD`, ISO 8601 or `DD/MM/YYYY`. A time without a zone is UTC; in a `daily`
    file the date as it is written is the session, whatever time and zone follow it.

    Raises
    ------
    InvalidBars
        The file is absent, empty, lacks a column or has an unreadable date, or more than
        `most_set_aside` of its rows are implausible. The message names file, line and value.
    """
    times: list[np.datetime64] = []
    prices: list[list[float]] = []
    lines: list[int] = []
    texts: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = _rows(path, handle)
            time_at, price_at = _columns(path, *_header(path, rows))
            for line, row in rows:
                times.append(_time(path, line, row, time_at, daily=daily))
                prices.append([_number(row, at) for at in price_at])
                lines.append(line)
                texts.append(",".join(row)[:80])
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidBars(f"{path}: cannot be read: {reason}", file=str(path)) from error
    if not times:
        raise InvalidBars(f"{path}: holds no rows below its header", file=str(path), line=1)
    checked = check_bars(np.array(times), np.array(prices), daily=daily, lines=lines)
    _check_share(path, checked, texts, most_set_aside)
    return checked


def write_bars_csv(path: Path, bars: Bars) -> None:
    """Daily bars as CSV, in the form that `read_bars_csv` reads."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["date", *PRICE_COLUMNS])
        rows = zip(bars.session, bars.open, bars.high, bars.low, bars.close, bars.volume,
                   strict=True)  # fmt: skip
        for session, *values in rows:
            writer.writerow([str(session), *(repr(float(value)) for value in values)])


def parse_time(text: str) -> np.datetime64:
    """`text` as datetime64[ms] in UTC; ValueError where it is no date.

    >>> parse_time("16/04/2025")
    np.datetime64('2025-04-16T00:00:00.000')
    """
    moment = _as_written(text)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return np.datetime64(moment.replace(tzinfo=None), "ms")


def parse_session(text: str) -> np.datetime64:
    """The date that `text` shows, datetime64[D], in whatever zone; ValueError where it is none.

    >>> parse_session("2025-03-03T00:00:00+02:00")
    np.datetime64('2025-03-03')
    """
    return np.datetime64(_as_written(text).date(), "D")


def _as_written(text: str) -> datetime:
    """Aware where `text` names a zone."""
    text = text.strip()
    if day_first := _DAY_FIRST.fullmatch(text):
        day, month, year = (int(part) for part in day_first.groups())
        return datetime(year, month, day, tzinfo=UTC)
    return datetime.fromisoformat(text)


def _rows(path: Path, handle: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that is not blank."""
    reader = csv.reader(handle, skipinitialspace=True)
    line = 1
    try:
        for row in reader:
            if any("\n" in cell or "\r" in cell for cell in row):
                raise _unreadable_line(path, line, "a quote opens there and does not close")
            if any(cell.strip() for cell in row):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:  # a quote left open in a long file fills the largest cell allowed
        raise _unreadable_line(path, line, str(error)) from error


def _unreadable_line(path: Path, line: int, reason: str) -> InvalidBars:
    return InvalidBars(f"{path}: line {line} cannot be read: {reason}", file=str(path), line=line)


def _header(path: Path, rows: Iterator[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    """The first line that is not blank, with its number."""
    for line, row in rows:
        return line, [name.strip().lower() for name in row]
    raise InvalidBars(
        f"{path}: the file is empty; line 1 should name the columns date, "
        f"{', '.join(PRICE_COLUMNS)}",
        file=str(path),
        line=1,
    )


def _check_share(path: Path, checked: CheckedBars, texts: list[str], most: float) -> None:
    if checked.share_implausible > most:
        first = checked.implausible[0]
        raise InvalidBars(
            f"{path}: {len(checked.implausible)} of {checked.rows} rows are implausible, more than "
            f"{most:.0%}; the first is line {first.line}, {first.reason}: {texts[first.row]!r}",
            file=str(path),
            line=first.line,
            value=texts[first.row],
        )
    if not len(checked.bars):
        raise InvalidBars(
            f"{path}: holds no usable row: {checked.summary()}, the first on line "
            f"{checked.set_aside[0].line}",
            file=str(path),
            line=checked.set_aside[0].line,
        )


def _columns(path: Path, line: int, header: list[str]) -> tuple[int, list[int]]:
    time_at = next((header.index(name) for name in TIME_COLUMNS if name in header), None)
    missing = [name for name in PRICE_COLUMNS if name not in header]
    if time_at is None:
        missing.insert(0, "date (or timestamp)")
    if missing or time_at is None:
        found = ", ".join(header)[:200]
        raise InvalidBars(
            f"{path}: line {line} lacks the column {', '.join(missing)}; it has {found}",
            file=str(path),
            line=line,
            value=found,
        )
    return time_at, [header.index(name) for name in PRICE_COLUMNS]


def _time(path: Path, line: int, row: list[str], at: int, *, daily: bool) -> np.datetime64:
    text = row[at] if at < len(row) else ""
    try:
        return parse_session(text) if daily else parse_time(text)
    except (ValueError, OverflowError) as error:
        raise InvalidBars(
            f"{path}: line {line} has no readable date: {text[:40]!r}",
            file=str(path),
            line=line,
            value=text[:40],
        ) from error


def _number(row: list[str], at: int) -> float:
    try:
        return float(row[at])
    except (ValueError, IndexError):
        return float("nan")
