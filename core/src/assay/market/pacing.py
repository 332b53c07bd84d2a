"""When an upstream may be asked again: a circuit breaker that also honours Retry-After."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from assay.clock import Clock
from assay.errors import MarketDataError, RateLimited, SourceUnavailable

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What the last failures left behind; swapped as a whole, so that readers need no lock."""

    failures: int = 0
    message: str = ""
    shut_until: datetime | None = None
    rate_limited: bool = False


class Breaker:
    """Counts consecutive failures of one upstream and refuses calls for a while.

    It opens at `failures_to_open` failures, and at the first one that says how long to wait. Once
    the pause is over a single call is let through: its success closes the breaker, its failure
    opens it for twice as long, up to `longest_pause_seconds`.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        failures_to_open: int = 3,
        pause_seconds: float = 120.0,
        longest_pause_seconds: float = 3600.0,
    ) -> None:
        self._clock = clock
        self._failures_to_open = failures_to_open
        self._pause_seconds = pause_seconds
        self._longest_pause_seconds = longest_pause_seconds
        self._trouble = _Trouble()

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        return self._trouble.failures

    @property
    def shut_until(self) -> datetime | None:
        """No call before this instant; None where calls are free."""
        return self._trouble.shut_until

    @property
    def state(self) -> BreakerState:
        """`half_open`: shut until lately, the next call decides."""
        if self._trouble.shut_until is None:
            return "closed"
        return "open" if self._remaining_seconds() > 0.0 else "half_open"

    def check(self) -> None:
        """Raises what stopped the last call, with the time still to wait, while it is open."""
        remaining = self._remaining_seconds()
        if remaining > 0.0:
            kind = RateLimited if self._trouble.rate_limited else SourceUnavailable
            raise kind(
                f"Not asked again before {remaining:.0f} s have passed: {self._trouble.message}",
                retry_after_seconds=remaining,
            )

    def succeeded(self) -> None:
        """Forgets every failure."""
        self._trouble = _Trouble()

    def failed(self, error: MarketDataError) -> None:
        """Counts a failure, and opens where it is one too many or asks for a pause."""
        failures = self._trouble.failures + 1
        limited = isinstance(error, RateLimited)
        seconds = error.retry_after_seconds if isinstance(error, RateLimited) else 0.0
        if failures >= self._failures_to_open:
            doublings = min(failures - self._failures_to_open, 16)
            pause = min(self._pause_seconds * 2.0**doublings, self._longest_pause_seconds)
            seconds = max(seconds, pause)
        until = self._clock.now() + timedelta(seconds=seconds) if seconds else None
        self._trouble = _Trouble(failures, error.message, until, limited)

    def _remaining_seconds(self) -> float:
        until = self._trouble.shut_until
        return (until - self._clock.now()).total_seconds() if until else 0.0
