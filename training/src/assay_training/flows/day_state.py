"""What the daily flow has to remember from one run to the next, and who may run it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from assay.errors import TooBusy
from assay_training.whole_file import write_text

STATE, LOCK = "daily.json", "daily.lock"
MOST_DAYS_BETWEEN_REFITS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class DayState:
    """What was scored last, as the champion's version and the last session; when the last refit
    ran, whatever came of it.
    """

    scored: str | None = None
    refitted_on: date | None = None

    @classmethod
    def read(cls, folder: Path) -> DayState:
        """That of `folder`; where it cannot be read nothing was done, and all is done again."""
        try:
            found = json.loads((folder / STATE).read_text(encoding="utf-8"))
            on = found.get("refitted_on")
            return cls(
                scored=found.get("scored"), refitted_on=date.fromisoformat(on) if on else None
            )
        except (OSError, ValueError, TypeError, AttributeError):
            return cls()

    def write(self, folder: Path) -> None:
        """Raises OSError."""
        on = self.refitted_on.isoformat() if self.refitted_on else None
        content = {"scored": self.scored, "refitted_on": on}
        write_text(folder / STATE, json.dumps(content, indent=1) + "\n")


def refit_is_due(today: date, *, last: date | None, weekday: int) -> bool:
    """Whether a refit is to run: on its weekday (0 is Monday), and on any day where one was missed.

    `last` is the day of the last one.
    """
    if last is None:
        return True
    days = (today - last).days
    return days > MOST_DAYS_BETWEEN_REFITS or (days > 0 and today.weekday() == weekday)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One daily run in `folder` at a time; raises TooBusy for a second one, or OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TooBusy(
                f"another daily run is at work in {folder}; this one changed nothing",
                retry_after_seconds=60.0,
            ) from error
        yield
    finally:
        os.close(descriptor)
