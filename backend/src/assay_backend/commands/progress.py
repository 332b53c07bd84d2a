"""How far long work has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

from assay_backend.commands.context import say

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Of `what`, on stderr; `total` may be known only as the work goes on."""

    def __init__(self, what: str, *, total: int | None = None, unit: str = "bars") -> None:
        self._what = what
        self._unit = unit
        self._total = total
        self._done = 0
        self._told_at = time.monotonic()
        self._bar = tqdm(
            desc=what,
            total=total,
            unit=f" {unit}",
            file=sys.stderr,
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
            leave=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()

    def reached(self, done: int, total: int | None = None) -> None:
        """`done` of `total` are finished."""
        self._total = self._total if total is None else total
        if not self._bar.disable:
            self._bar.total = self._total
            self._bar.update(done - self._done)
        self._done = done
        now = time.monotonic()
        if self._bar.disable and now - self._told_at >= SECONDS_BETWEEN_LINES:
            self._told_at = now
            of = "" if self._total is None else f" of {self._total:,}"
            say(f"{self._what}: {done:,}{of} {self._unit}")

    def add(self, more: int) -> None:
        """That many more are finished."""
        self.reached(self._done + more)

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._bar.clear()
        say(text)
        self._bar.refresh()
