"""Files that a reader sees as they were or as they are, never half."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Where to write what takes the place of `path` when the block ends well. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path.with_name(f".{path.name[:40]}.{os.getpid()}")
    try:
        yield place
        place.replace(path)
    finally:
        place.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replaces `path` by `text`. Raises OSError."""
    with staged(path) as place:
        place.write_text(text, encoding="utf-8")
