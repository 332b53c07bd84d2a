"""What a person sees while training works: the step, what it is at, and the time so far."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

# Where lines are written one below the other, more would drown the rest.
_SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Bars on a terminal, lines elsewhere; `update` is safe to call from several threads."""

    def __init__(self, *, steps: int = 0, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr, highlight=False)
        self._steps, self._step = steps, 0
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._last_line: dict[str, float] = {}
        self._bars = Bars(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def step(self, title: str) -> None:
        """Says that the next step, `title`, begins."""
        with self._lock:
            self._step += 1
            for task in self._tasks.values():
                self._bars.remove_task(task)
            self._tasks.clear()
            self._last_line.clear()
        self._line(f"step {self._step} of {self._steps}: {title}")

    def say(self, text: str) -> None:
        """A line for people, below what is there."""
        self._line(f"  {text}")

    def update(self, what: str, done: int, of: int) -> None:
        """`done` of `of` parts of `what` are finished."""
        if self._console.is_terminal:
            with self._lock:
                if what not in self._tasks:
                    self._tasks[what] = self._bars.add_task(what, total=of)
                self._bars.update(self._tasks[what], completed=done, total=of)
            return
        now = time.monotonic()
        with self._lock:
            due = now - self._last_line.get(what, self._started) >= _SECONDS_BETWEEN_LINES
            if due or done == of:
                self._last_line[what] = now
        if due or done == of:
            self._line(f"  {what}: {done} of {of}")

    def _line(self, text: str) -> None:
        elapsed = time.monotonic() - self._started
        self._console.print(
            f"{elapsed:7.1f} s  {text}", markup=False, highlight=False, soft_wrap=True
        )
