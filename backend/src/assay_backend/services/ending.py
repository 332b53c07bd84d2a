"""Whether the process has been asked to end."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Ending:
    """Set by the server when a signal comes, and read by all who would go on for long."""

    _since: float | None = None

    @property
    def begun(self) -> bool:
        return self._since is not None

    def begin(self) -> None:
        self._since = time.monotonic()

    def lasts_seconds(self) -> float:
        """Zero until it has begun."""
        return 0.0 if self._since is None else time.monotonic() - self._since
