"""The chain: what a row's hash is made of, and how a broken one shows."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from hashlib import sha256

NO_ROW = bytes(32)

# A row as it is stored, times in milliseconds since 1970: what is hashed, and all of it.
Content = tuple[int, str, str, int, int, int, str, str, bytes]
Fields = tuple[int, str, str, int, int, int, str, str, bytes, bytes, bytes]
COLUMNS = (
    "sequence", "kind", "key", "created_ms", "origin_ms", "due_ms", "subject", "source", "payload",
    "previous_hash", "hash",
)  # fmt: skip

_HEADER = struct.Struct(">4q5I")


def row_hash(previous_hash: bytes, fields: Content) -> bytes:
    """SHA-256 of a row, which binds every field of it and all rows before.

    `fields` are the first nine of COLUMNS. Hashed is, without anything between:

    1. `previous_hash`: 32 bytes, the hash of the row before, zeros for the first row;
    2. sequence, created_ms, origin_ms, due_ms: 8 bytes each, signed, big-endian;
    3. how many bytes kind, key, subject, source and payload have: 4 bytes each, unsigned,
       big-endian;
    4. kind, key, subject, source as UTF-8, and payload.

    >>> row = (1, "signal", "s-1", 0, 0, 0, "binance BTC/USDT 1h", "binance", b"{}")
    >>> row_hash(NO_ROW, row).hex()[:16]
    '1f07bbd73cbf955b'
    """
    sequence, kind, key, created_ms, origin_ms, due_ms, subject, source, payload = fields
    texts = (kind, key, subject, source)
    joined = "".join(texts)
    # A million rows are hashed in seconds: where all is ASCII, characters are bytes.
    sizes = map(len, texts) if joined.isascii() else (len(text.encode()) for text in texts)
    header = _HEADER.pack(sequence, created_ms, origin_ms, due_ms, *sizes, len(payload))
    return sha256(b"".join((previous_hash, header, joined.encode(), payload))).digest()


class ChainCheck:
    """Follows a chain row by row, from the first, and remembers the first row that is not right."""

    def __init__(self) -> None:
        self.rows = 0
        self.head = NO_ROW
        self.first_bad: int | None = None

    def follow(self, rows: Iterable[Fields]) -> None:
        """The next rows, by sequence. Goes on after a bad one only to count."""
        for fields in rows:
            if self.first_bad is None:
                self.first_bad = self._fault(fields)
            self.rows += 1
            # SQLite stores what it is given, whatever a column should hold.
            self.head = fields[10] if isinstance(fields[10], bytes) else NO_ROW

    def _fault(self, fields: Fields) -> int | None:
        try:
            return self._misfit(fields)
        except (struct.error, AttributeError, TypeError, ValueError):
            return self.rows + 1  # a field is of a type, or beyond a bound, that no row was written

    def _misfit(self, fields: Fields) -> int | None:
        sequence, expected = fields[0], self.rows + 1
        if sequence != expected:  # rows were removed, or one was put before the first
            return min(sequence, expected)
        if row_hash(fields[9], fields[:9]) != fields[10]:
            return sequence
        if fields[9] != self.head:
            # This row is what it was when written, so the one before is not.
            return max(1, sequence - 1)
        return None
