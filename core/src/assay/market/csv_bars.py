"""Daily and intraday bars from CSV: `date` or `timestamp`, then open, high, low, close, volume."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from assay.errors import InvalidBars
from assay.market.bars import Bars, CheckedBars, check_bars

PRICE_COLUMNS = ("open", "high", "low", "close", "volume")
TIME_COLUMNS = ("date", "timestamp")
MOST_SET_ASIDE = 0.01

_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def read_bars_csv(path: Path, *, most_set_aside: float = MOST_SET_ASIDE) -> CheckedBars:
    """Bars of a CSV file, checked.

    Dates are `YYYY-MM-DD`, ISO 8601 or `DD/MM/YYYY`; a time without a zone is UTC.

    Raises
    ------
    InvalidBars
        The file is absent, empty, lacks a column or has an unreadable date, or more than
        `most_set_aside` of its rows are implausible. The message names file, line and value.
    """
    times: list[np.datetime64] = []
    prices: list[list[float]] = []
    lines: list[tuple[int, str]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, skipinitialspace=True)
            header = [name.strip().lower() for name in next(reader, [])]
            time_at, price_at = _columns(path, header)
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                times.append(_time(path, reader.line_num, row, time_at))
                prices.append([_number(row, at) for at in price_at])
                lines.append((reader.line_num, ",".join(row)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidBars(f"{path}: cannot be read: {reason}", file=str(path)) from error
    if not times:
        raise InvalidBars(f"{path}: holds no rows below its header", file=str(path), line=1)
    checked = check_bars(np.array(times), np.array(prices))
    if checked.share_set_aside > most_set_aside:
        first = checked.set_aside[0]
        line, text = lines[first.row]
        raise InvalidBars(
            f"{path}: {len(checked.set_aside)} of {checked.rows} rows are implausible, more than "
            f"{most_set_aside:.0%}; the first is line {line}, {first.reason}: {text[:80]!r}",
            file=str(path),
            line=line,
            value=text[:80],
        )
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
    text = text.strip()
    if day_first := _DAY_FIRST.fullmatch(text):
        day, month, year = (int(part) for part in day_first.groups())
        moment = datetime(year, month, day, tzinfo=UTC)
    else:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return np.datetime64(moment.replace(tzinfo=None), "ms")


def _columns(path: Path, header: list[str]) -> tuple[int, list[int]]:
    time_at = next((header.index(name) for name in TIME_COLUMNS if name in header), None)
    missing = [name for name in PRICE_COLUMNS if name not in header]
    if time_at is None:
        missing.insert(0, "date (or timestamp)")
    if missing or time_at is None:
        found = ", ".join(header)[:200] or "nothing"
        raise InvalidBars(
            f"{path}: line 1 lacks the column {', '.join(missing)}; it has {found}",
            file=str(path),
            line=1,
            value=found,
        )
    return time_at, [header.index(name) for name in PRICE_COLUMNS]


def _time(path: Path, line: int, row: list[str], at: int) -> np.datetime64:
    text = row[at] if at < len(row) else ""
    try:
        return parse_time(text)
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
