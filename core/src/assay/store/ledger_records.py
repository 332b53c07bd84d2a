"""What the ledger is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LedgerKind = Literal["signal", "gold_forecast", "gold_challenger"]

KIND_LENGTH, KEY_LENGTH, SUBJECT_LENGTH, SOURCE_LENGTH = 32, 128, 128, 32


@dataclass(frozen=True, slots=True)
class Entry:
    """Something said before its outcome was known.

    `key` is unique within `kind`: a signal's id; a gold forecast's origin and bundle. `payload` is
    UTF-8 JSON and is stored byte for byte. `origin` is the last instant whose data was used, `due`
    when the outcome can be known. `subject` names the series, `source` whose bars were used.
    """

    kind: LedgerKind
    key: str
    payload: bytes
    origin: datetime
    due: datetime
    subject: str
    source: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry in its place in the chain: `sequence` counts from 1, without holes."""

    sequence: int
    created: datetime
    entry: Entry
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """How many rows there are, and the newest one's SHA-256 (of no row: 32 zero bytes)."""

    rows: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Verification:
    """`first_bad` is the sequence of the first row that is missing or not what the chain says."""

    rows: int
    head: bytes
    intact: bool
    first_bad: int | None


@dataclass(frozen=True, slots=True)
class Remember:
    """The answer to a request that came with an Idempotency-Key, kept in its entries' transaction.

    Digests are SHA-256: of the caller's key with the endpoint, and of what the request means.
    """

    key_digest: bytes
    request_digest: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a row; `payload` is UTF-8 JSON."""

    sequence: int
    payload: bytes
    scored: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows have an outcome, and how many wait for one. Simulated ones do neither, nor late
    ones.
    """

    known: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that one caller wants written together, and the answer to remember with them."""

    entries: Sequence[Entry]
    remember: Remember | None = None


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a kind has come: its rows, the newest one's sequence, and when that was written.

    `bytes` are those of all payloads, each with the newline that ends its line in a file.
    """

    rows: int
    bytes: int
    sequence: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch: its rows, in the entries' order; or the answer that was remembered
    earlier under the same key, and no row.
    """

    rows: list[LedgerRow]
    remembered: Remember | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction wrote: an answer to each batch, the rows that are new, in order, and
    how far their kinds have come with them.
    """

    answers: list[Appended]
    new: list[LedgerRow]
    extents: dict[LedgerKind, Extent]


def check_entry(entry: Entry) -> None:
    """ValueError where `entry` cannot be a row, whatever the database."""
    for name, text, most in (
        ("kind", entry.kind, KIND_LENGTH),
        ("key", entry.key, KEY_LENGTH),
        ("subject", entry.subject, SUBJECT_LENGTH),
        ("source", entry.source, SOURCE_LENGTH),
    ):
        if not 0 < len(text) <= most or "\0" in text:
            raise ValueError(f"{name} {text[:200]!r} should have 1 to {most} characters, none NUL")
    if not entry.payload or b"\n" in entry.payload:
        raise ValueError(f"The payload {entry.payload[:200]!r} should be one line")
    entry.payload.decode()  # UnicodeDecodeError is a ValueError
    if entry.origin.tzinfo is None or entry.due.tzinfo is None:
        raise ValueError(f"The ledger needs aware instants, got {entry.origin!r}, {entry.due!r}")
