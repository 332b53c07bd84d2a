"""What the store answers with, beside bars."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from assay.market.keys import SeriesKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write changed: bars that were not there, bars with other values, rows set aside
    that were never seen before, and the `reasons` of these.
    """

    new: int = 0
    corrected: int = 0
    quarantined: int = 0
    reasons: tuple[str, ...] = field(default=(), compare=False)

    def __add__(self, other: Written) -> Written:
        return Written(
            self.new + other.new,
            self.corrected + other.corrected,
            self.quarantined + other.quarantined,
            self.reasons + other.reasons,
        )


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A series that has bars: how many, and when the first and the last of them open."""

    key: SeriesKey
    rows: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Correction:
    """A stored bar that its source changed; `before` and `after` are open, high, low, close,
    volume, `at` when the new values came.
    """

    key: SeriesKey
    open_time: datetime
    at: datetime
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that is not a bar, with all that is known of it.

    `values` are open, high, low, close, volume as they came; what is no finite number is "nan",
    "inf" or "-inf", which JSON can carry and `float` understands.
    """

    key: SeriesKey
    time: str
    reason: str
    values: tuple[float | str, ...]
    first_seen: datetime
    last_seen: datetime
    times_seen: int


def epoch_ms(instant: datetime) -> int:
    """Milliseconds since 1970; ValueError where `instant` is not aware."""
    if instant.tzinfo is None:
        raise ValueError(f"The store needs aware instants, got {instant!r}")
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000 + round(since.microseconds / 1_000)


def instant_of(milliseconds: int) -> datetime:
    """The inverse, in UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
