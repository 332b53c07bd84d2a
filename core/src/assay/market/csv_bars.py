"""Daily and intraday bars from CSV: `date` or `timestamp`, then open, high, low, close, volume."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from operator import itemgetter
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.errors import InvalidBars
from assay.market.bars import Bars, CheckedBars, check_bars
from assay.market.timeframes import Timeframe

PRICE_COLUMNS = ("open", "high", "low", "close", "volume")
TIME_COLUMNS = ("date", "timestamp")
MOST_SET_ASIDE = 0.01

# Rows are turned into arrays that many at a time.
BLOCK_ROWS = 4_000

_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_SINCE_EPOCH = re.compile(r"\d{10}(?:\d{3})?")
# What numpy reads as Python does, the zone left out.
_REGULAR = re.compile(r"(\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{3})?)?)?)(?:(?<=:\d\d)Z)?")
# Python's first, and not numpy's.
FIRST_YEAR = np.datetime64("0001-01-01")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")
_Row = list[str]


class _Reader(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __next__(self) -> _Row: ...
    def __iter__(self) -> Iterator[_Row]: ...


_Numbered = tuple[list[int], list[_Row]]
_Stamps = NDArray[np.datetime64]


def read_bars_csv(
    path: Path,
    *,
    daily: bool = False,
    timeframe: Timeframe | None = None,
    now: np.datetime64 | None = None,
    most_set_aside: float = MOST_SET_ASIDE,
) -> CheckedBars:
    """Bars of a CSV file, checked; with the lines they stand on.

    Times are `YYYY-MM-DD`, ISO 8601, `DD/MM/YYYY`, or milliseconds (13 digits) or seconds (10)
    since 1970. A time without a zone is UTC; in a `daily` file the date as it is written is the
    session, whatever time and zone follow it. `timeframe` and `now` are those of `check_bars`.

    Raises
    ------
    InvalidBars
        The file is absent, empty, lacks a column or has an unreadable date, or more than
        `most_set_aside` of its rows are implausible. The message names file, line and value.
    """
    times: list[_Stamps] = []
    prices: list[NDArray[np.float64]] = []
    lines: list[int] = []
    for numbers, rows, time_at, price_at in _table(path):
        times.append(_times(path, numbers, _column(rows, time_at), daily=daily))
        prices.append(np.stack([_floats(_column(rows, at)) for at in price_at], axis=1))
        lines += numbers
    if not lines:
        raise InvalidBars(f"{path}: holds no rows below its header", file=str(path), line=1)
    checked = check_bars(
        np.concatenate(times),
        np.concatenate(prices),
        daily=daily,
        timeframe=timeframe,
        now=now,
        lines=lines,
    )
    _check_share(path, checked, most_set_aside)
    return checked


def write_bars_csv(path: Path, bars: Bars, *, daily: bool = True) -> None:
    """Bars as CSV, in the form that `read_bars_csv` reads: `daily` ones with the `date` of their
    session, others with the `timestamp` of their open, ISO 8601 in UTC.
    """
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["date" if daily else "timestamp", *PRICE_COLUMNS])
        for first in range(0, len(bars), BLOCK_ROWS):
            block = bars.take(slice(first, first + BLOCK_ROWS))
            stamps = block.session.astype(str) if daily else _iso(block.time)
            values = (column.tolist() for column in block.columns()[1:])
            writer.writerows(zip(stamps.tolist(), *values, strict=True))


def _iso(time: _Stamps) -> NDArray[np.str_]:
    """To the second, or to the millisecond where any has one."""
    whole = time.astype("datetime64[s]")
    unit: Literal["s", "ms"] = "s" if np.array_equal(whole, time) else "ms"
    return np.strings.add(np.datetime_as_string(time, unit=unit), "Z")


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
    if _SINCE_EPOCH.fullmatch(text):
        return _EPOCH + timedelta(milliseconds=int(text.ljust(13, "0")))
    return datetime.fromisoformat(text)


def _table(path: Path) -> Iterator[tuple[list[int], list[_Row], int, list[int]]]:
    """Blocks of rows with their line numbers, and where in a row the time and the prices are."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, skipinitialspace=True)
            header = next(_blocks(path, reader, most=1), None)
            if header is None:
                raise InvalidBars(
                    f"{path}: the file is empty; line 1 should name the columns date, "
                    f"{', '.join(PRICE_COLUMNS)}",
                    file=str(path),
                    line=1,
                )
            (line,), (names,) = header
            time_at, price_at = _columns(path, line, [name.strip().lower() for name in names])
            for numbers, rows in _blocks(path, reader, most=BLOCK_ROWS):
                yield numbers, rows, time_at, price_at
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidBars(f"{path}: cannot be read: {reason}", file=str(path)) from error


def _blocks(path: Path, reader: _Reader, *, most: int) -> Iterator[_Numbered]:
    """Rows that are not blank, up to `most` at a time, with their line numbers."""
    while True:
        first = reader.line_num + 1
        rows, fault = _next_rows(reader, most)
        # Only a quote that does not close makes a row of several lines; or of one, at the end.
        if reader.line_num >= first + len(rows) or any(map(_is_broken, rows[-1:])):
            whole = list(takewhile(lambda row: not _is_broken(row), rows))
            if len(whole) < len(rows):
                rows, fault = whole, "a quote opens there and does not close"
        blank = [at for at, row in enumerate(rows) if not (row and row[0].strip())]
        blank = [at for at in blank if not any(map(str.strip, rows[at]))]
        if len(blank) < len(rows):
            numbers = range(first, first + len(rows))
            yield _without(blank, numbers), _without(blank, rows)
        if fault:
            raise _unreadable_line(path, first + len(rows), fault)
        if not rows:
            return


def _next_rows(reader: _Reader, most: int) -> tuple[list[_Row], str | None]:
    """Up to `most` rows, and why there are no more that can be read."""
    rows: list[_Row] = []
    try:
        for row in islice(reader, most):
            rows.append(row)  # noqa: PERF402 - those before an error count
    except csv.Error as error:  # a quote left open in a long file fills the largest cell allowed
        return rows, str(error)
    return rows, None


def _is_broken(row: _Row) -> bool:
    return any("\n" in cell or "\r" in cell for cell in row)


def _without(positions: list[int], items: Sequence[T]) -> list[T]:
    if not positions:
        return list(items)
    gone = set(positions)
    return [item for at, item in enumerate(items) if at not in gone]


def _unreadable_line(path: Path, line: int, reason: str) -> InvalidBars:
    return InvalidBars(f"{path}: line {line} cannot be read: {reason}", file=str(path), line=line)


def _check_share(path: Path, checked: CheckedBars, most: float) -> None:
    if checked.share_implausible > most:
        first = checked.implausible[0]
        text = _text_of(path, first.line)
        raise InvalidBars(
            f"{path}: {len(checked.implausible)} of {checked.rows} rows are implausible, more than "
            f"{most:.0%}; the first is line {first.line}, {first.reason}: {text!r}",
            file=str(path),
            line=first.line,
            value=text,
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


def _text_of(path: Path, line: int | None) -> str:
    """The beginning of a row, read once more: no good file needs it kept."""
    for numbers, rows, *_ in _table(path):
        if line in numbers:
            return ",".join(rows[numbers.index(line)])[:80]
    return ""


def _column(rows: list[_Row], at: int) -> list[str]:
    try:
        return list(map(itemgetter(at), rows))
    except IndexError:  # short rows
        return [row[at] if at < len(row) else "" for row in rows]


def _times(path: Path, lines: list[int], texts: list[str], *, daily: bool) -> _Stamps:
    stamps = _regular_times(texts)
    if stamps is None:
        read = zip(lines, texts, strict=True)
        stamps = np.array([_time(path, line, text, daily=daily) for line, text in read])
    return stamps.astype("datetime64[D]") if daily else stamps.astype("datetime64[ms]")


def _regular_times(texts: list[str]) -> _Stamps | None:
    """All of `texts` at once where they are written alike, None where they are not.

    What is refused here is read one by one, and has its line told where it is no date.
    """
    text = texts[0]
    if not (_SINCE_EPOCH.fullmatch(text) or _REGULAR.fullmatch(text)) or not _are_alike(texts):
        return None
    if text.isdigit():
        numbers = np.array(texts).astype(np.int64)
        milliseconds = numbers * (1000 if len(text) == 10 else 1)
        return np.asarray(milliseconds.astype("datetime64[ms]"))
    try:
        zoneless = np.array(texts, f"<U{len(text.removesuffix('Z'))}")  # cuts what is longer
        stamps: _Stamps = zoneless.astype("datetime64[ms]")
    except ValueError:
        return None
    return stamps if stamps.min() >= FIRST_YEAR else None


def _are_alike(texts: list[str]) -> bool:
    """Whether all have digits where the first has them, and the same elsewhere."""
    characters = np.array(texts).view(np.uint32).reshape(len(texts), -1)
    digits = (characters >= ord("0")) & (characters <= ord("9"))
    same = np.where(digits, ord("0"), characters)
    return bool(np.all(same == same[0]))


def _time(path: Path, line: int, text: str, *, daily: bool) -> np.datetime64:
    try:
        return parse_session(text) if daily else parse_time(text)
    except (ValueError, OverflowError) as error:
        raise InvalidBars(
            f"{path}: line {line} has no readable date: {text[:40]!r}",
            file=str(path),
            line=line,
            value=text[:40],
        ) from error


def _floats(texts: list[str]) -> NDArray[np.float64]:
    """NaN where a text is no number."""
    try:
        return np.fromiter(map(float, texts), np.float64, len(texts))
    except ValueError:
        return np.array([_number(text) for text in texts])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
