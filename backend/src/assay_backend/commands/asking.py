"""Asking an exchange wherever it answers, and again after a pause where that may help."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from assay.errors import BlockedRegion, RateLimited, SourceUnavailable
from assay.market.venues import Venue

T = TypeVar("T")

ATTEMPTS = 4
# Who is asked to wait longer than that had better come back another day.
LONGEST_PAUSE_SECONDS = 120.0


class Patient:
    """Asks the endpoints of `venue` in turn, the one that answered last first.

    Where none answers all are asked again, after `pause_seconds` and then ever longer, or as long
    as they say. Once all attempts were in vain, the next question has one attempt only.
    """

    def __init__(self, venue: Venue, *, pause_seconds: float, tell: Callable[[str], None]) -> None:
        self._venue = venue
        self._endpoints = list(venue.endpoints)
        self._pause_seconds = pause_seconds
        self._attempts = ATTEMPTS
        self.tell = tell

    async def ask(self, question: Callable[[str], Awaitable[T]]) -> T:
        """What the first endpoint that can answers to `question`.

        Raises the first endpoint's SourceUnavailable where none can, and what else they raise.
        """
        for attempt in range(self._attempts):
            failures = []
            for endpoint in tuple(self._endpoints):
                try:
                    answer = await question(endpoint)
                except SourceUnavailable as error:
                    failures.append(error)
                    if isinstance(error, BlockedRegion) and len(self._endpoints) > 1:
                        self._endpoints.remove(endpoint)
                else:
                    self._prefer(endpoint)
                    return answer
            pause = self._pause_after(failures, attempt)
            if pause is None:
                self._attempts = 1
                raise failures[0]
            self.tell(f"{failures[0].message}; trying again in {pause:.0f} s")
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt answers or raises")

    def _prefer(self, endpoint: str) -> None:
        self._attempts = ATTEMPTS
        self._endpoints.remove(endpoint)
        self._endpoints.insert(0, endpoint)

    def _pause_after(self, failures: list[SourceUnavailable], attempt: int) -> float | None:
        """Seconds to wait before all are asked again; None where that cannot help."""
        if attempt + 1 >= self._attempts or all(isinstance(e, BlockedRegion) for e in failures):
            return None
        pauses = [
            error.retry_after_seconds
            if isinstance(error, RateLimited)
            else self._pause_seconds * 2.0**attempt * random.SystemRandom().uniform(1.0, 1.5)
            for error in failures
            if not isinstance(error, BlockedRegion)
        ]
        shortest = min(pauses)
        return shortest if shortest <= LONGEST_PAUSE_SECONDS else None
