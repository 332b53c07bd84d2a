"""The log of a service that `serve.py` runs: earlier ones are kept, and all in bounded room.

Standard library only.
"""

from __future__ import annotations

import contextlib
import os
from itertools import pairwise
from pathlib import Path
from typing import IO

# As docker-compose.yaml bounds those of the containers.
MOST_BYTES = 10 * 1024 * 1024
FILES = 3

CHUNK_BYTES = 64 * 1024


def make_way(log: Path) -> None:
    """What `log` holds becomes that of `<log>.1`, and so on; the oldest is given up."""
    if not log.exists() or not log.stat().st_size:
        return
    names = [log, *(log.with_name(f"{log.name}.{number}") for number in range(1, FILES))]
    for newer, older in reversed([*pairwise(names)]):
        if newer.exists():
            newer.replace(older)


def keep(source: IO[bytes], log: Path, most_bytes: int = MOST_BYTES) -> None:
    """Adds what comes from `source` to `log` until it ends, and starts another file with the line
    after that which has made it `most_bytes` long; a line that is as long itself is parted. What a
    disk does not take is lost: whoever speaks is never held up.

    `source` is unbuffered.
    """
    with contextlib.closing(_Kept(log, most_bytes)) as kept:
        while chunk := source.read(CHUNK_BYTES):
            with contextlib.suppress(OSError):
                kept.add(chunk)


class _Kept:
    def __init__(self, log: Path, most_bytes: int) -> None:
        self._log = log
        self._most_bytes = most_bytes
        self._file = log.open("ab", 0)
        self._size = os.fstat(self._file.fileno()).st_size

    def add(self, chunk: bytes) -> None:
        while self._size + len(chunk) > self._most_bytes:
            room = max(self._most_bytes - self._size, 1)
            line_end = chunk.find(b"\n", room - 1) + 1
            if not line_end and self._size < self._most_bytes:
                break
            self._write(chunk[:line_end])
            self._renew()
            chunk = chunk[line_end:]
        self._write(chunk)

    def close(self) -> None:
        self._file.close()

    def _write(self, chunk: bytes) -> None:
        self._size += self._file.write(chunk) or 0

    def _renew(self) -> None:
        self._size = 0  # where it fails, it is tried again after as much
        with contextlib.suppress(OSError):
            make_way(self._log)
            renewed = self._log.open("ab", 0)
            self.close()
            self._file = renewed
