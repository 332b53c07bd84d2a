"""What commands print: aligned columns for people, one JSON document, or a whole file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from assay.clock import iso_utc
from assay.market.keys import SeriesKey
from assay_backend.commands.context import BadInput

Cell = str | int | float | datetime | None


def print_json(document: dict[str, Any]) -> None:
    """One document; instants in ISO 8601 with Z, and no number that is not finite."""
    json.dump(document, sys.stdout, allow_nan=False, indent=1, default=_instant)
    sys.stdout.write("\n")


def print_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Columns as wide as they have to be, numbers to the right."""
    texts = [list(header), *([text_of(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    is_number = [bool(rows) and isinstance(cell, int | float) for cell in (rows or [header])[0]]
    for line in texts:
        cells = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, is_number, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def named(key: SeriesKey) -> dict[str, Any]:
    """The series' name in a document."""
    return key._asdict()


def text_of(cell: Cell) -> str:
    """A value as people read it."""
    if cell is None:
        return "-"
    if isinstance(cell, datetime):
        return iso_utc(cell)
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _instant(value: object) -> str:
    if isinstance(value, datetime):
        return iso_utc(value)
    raise TypeError(f"{value!r} is nothing that a listing prints")


@contextmanager
def written_to(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or `path` once all of it is there. BadInput where it cannot be written."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    staged = path.with_name(f".{path.name[:40]}.part")
    try:
        try:
            with staged.open("wb") as out:
                yield out
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"--out {path} cannot be written: {error.strerror or error}") from error
