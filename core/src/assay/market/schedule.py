"""When to refresh next: after the next close, sooner and ever less often while bars are missing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from assay.clock import Clock

FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last refresh, and how many in a row did not bring all that was due."""

    at: datetime
    fruitless: int
    error: str | None


class RefreshSchedule:
    """Remembers how refreshes went. Jitter keeps a crowd of feeds from asking in step."""

    def __init__(
        self,
        clock: Clock,
        *,
        settle_seconds: float,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        self._clock = clock
        self._settle = timedelta(seconds=settle_seconds)
        self._longest_wait_seconds = longest_wait_seconds
        self._random = random.SystemRandom()
        self._jitter = self._random.random()
        self._made = clock.now()
        self.last: Attempt | None = None

    def due_after(self, close: datetime) -> datetime:
        """When the bar of a session that ends at `close` should be there."""
        return close + self._settle * (1.0 + self._jitter / 2.0)

    def next_due(
        self,
        next_close: datetime | None,
        *,
        newest_close: datetime | None = None,
        not_before: datetime | None,
    ) -> datetime:
        """When to refresh next; `newest_close` is that of the newest bar, `next_close` that of the
        first session without one, if any bars are at hand, and before `not_before` nothing may be
        asked. A bar that was read before it can have settled is read again.
        """
        due = self.due_after(next_close) if next_close else None
        if due and newest_close and self._asked_at() < newest_close + self._settle:
            due = min(due, self.due_after(newest_close))
        if self.last is None:
            return due or self._made  # a fixed instant: a moving "now" would never have passed
        if due and due > self.last.at and not self.last.fruitless:
            return due
        doublings = min(max(self.last.fruitless - 1, 0), 16)
        wait = min(FIRST_WAIT_SECONDS * 2.0**doublings, self._longest_wait_seconds)
        again = self.last.at + timedelta(seconds=wait * (1.0 + self._jitter / 4.0))
        return max(again, not_before or again)

    def _asked_at(self) -> datetime:
        return self.last.at if self.last else self._made

    def note(self, next_close: datetime | None, *, error: BaseException | None) -> None:
        """A refresh has ended, with `error` or well."""
        now = self._clock.now()
        done = error is None and next_close is not None and self.due_after(next_close) > now
        before = self.last.fruitless if self.last else 0
        self.last = Attempt(now, 0 if done else before + 1, str(error) if error else None)
        if done:  # one draw an episode, so that a due instant never moves while it is waited for
            self._jitter = self._random.random()
