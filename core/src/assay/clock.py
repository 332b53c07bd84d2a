"""The only reader of "now"; everything else is handed a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the current instant as an aware UTC datetime."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still at `instant`, for replay and for tests."""

    instant: datetime

    def __post_init__(self) -> None:
        if self.instant.tzinfo is None:
            raise ValueError(f"FixedClock needs an aware datetime, got {self.instant!r}")

    def now(self) -> datetime:
        return self.instant.astimezone(UTC)


def iso_utc(instant: datetime) -> str:
    """`instant` as ISO 8601 in UTC with `Z`, to the second.

    >>> iso_utc(datetime(2025, 4, 15, 21, tzinfo=UTC))
    '2025-04-15T21:00:00Z'
    """
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
