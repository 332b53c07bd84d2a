"""What the ledger is held against: signals.jsonl, and what was published of it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assay.store.ledger_chain import Fields

KIND = "signal"

_PUBLISHED = re.compile(r"([1-9][0-9]{0,17}):([0-9a-fA-F]{64})")
_LONGEST_LINE_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Published:
    """Rows and head as somebody told them earlier."""

    rows: int
    head: str


def published(text: str) -> Published:
    """Rows and head from `1041:9f0c...`."""
    found = _PUBLISHED.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of rows and head, as in 1041:9f0c1b6e... (64 digits)"
        )
    return Published(int(found[1]), found[2].lower())


class PublishedCheck:
    """Whether the row that was the head still is what it was."""

    def __init__(self, asked: Published | None) -> None:
        self._asked = asked
        self.fault = (
            f"row {asked.rows:,} was the head once, and is missing: the end was cut off"
            if asked
            else None
        )

    def follow(self, rows: Iterable[Fields]) -> None:
        """The next rows."""
        if self._asked is None:
            return
        for fields in rows:
            if fields[0] == self._asked.rows:
                same = fields[10] == bytes.fromhex(self._asked.head)
                self.fault = (
                    None if same else f"row {fields[0]:,} has not the hash that was published"
                )


class FileCheck:
    """Whether each line of signals.jsonl is the ledger's signal in its place.

    Lines count that are there when it is made. The last ones may be missing, since they are written
    after the ledger; `fault` says what should never be, else None.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self.missing = 0
        self.fault: str | None = None
        self._file = path.open("rb") if path.exists() else None
        self._left = path.stat().st_size if self._file else 0

    def follow(self, rows: Iterable[Fields]) -> None:
        """The next rows."""
        for fields in rows:
            if fields[1] != KIND or self.fault is not None:
                continue
            line = self._next()
            if line == fields[8]:
                self.lines += 1
            elif not self._left and _begins(fields[8], line):  # nothing, or a torn line
                self.missing += 1
            else:
                self.fault = f"line {self.lines + 1:,} is not the signal of row {fields[0]:,}"

    def end(self) -> None:
        """There are no more rows."""
        if self.fault is None and self._left:
            self.fault = (
                f"line {self.lines + 1:,} is of no row of the ledger: its end was cut off, or it "
                "is an older one"
            )

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    def _next(self) -> bytes:
        """The next line; an empty one where there is none."""
        if self._file is None or not self._left:
            return b""
        line = self._file.readline(min(self._left, _LONGEST_LINE_BYTES))
        self._left -= len(line)
        return line.removesuffix(b"\n")


def _begins(payload: object, line: bytes) -> bool:
    """False too where somebody made the payload something else than bytes."""
    return isinstance(payload, bytes) and payload.startswith(line)
