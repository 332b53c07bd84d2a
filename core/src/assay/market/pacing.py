"""When an upstream may be asked again: a circuit breaker that also honours Retry-After."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from assay.clock import Clock
from assay.errors import (
    BlockedRegion,
    MarketDataError,
    RateLimited,
    SourceUnavailable,
    UnknownSymbol,
)

BreakerState = Literal["closed", "open", "half_open", "blocked"]


BLOCKED_SECONDS = 3600.0
_SOON = {"retry_after_seconds": 5.0}


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What the last failures left behind; swapped as a whole, so that readers need no lock."""

    failures: int = 0
    message: str = ""
    shut_until: datetime | None = None
    rate_limited: bool = False
    blocked: bool = False


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
        self._probing = False

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
        """`half_open`: shut until lately, the next call decides. `blocked`: never again."""
        if self._trouble.blocked:
            return "blocked"
        if self._trouble.shut_until is None:
            return "closed"
        return "open" if self._remaining_seconds() > 0.0 else "half_open"

    @property
    def last_error(self) -> str | None:
        """What the last failure said, if no success has come since."""
        return self._trouble.message or None

    def admits(self) -> bool:
        """Whether a call may be made now."""
        return self.state == "closed" or (self.state == "half_open" and not self._probing)

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Around one call: refuses it while open, learns from how it ends.

        A call given up is a failure: it was too slow. So is every error but UnknownSymbol, which
        an upstream that is well has said.
        """
        self.check()
        if not self.admits():
            raise SourceUnavailable("Another call is trying whether it is well", **_SOON)
        self._probing = self.state == "half_open"
        try:
            yield
        except UnknownSymbol:
            self.succeeded()
            raise
        except MarketDataError as error:
            self.failed(error)
            raise
        except asyncio.CancelledError:
            self.failed(SourceUnavailable("It had not answered when another one had"))
            raise
        else:
            self.succeeded()
        finally:
            self._probing = False

    def check(self) -> None:
        """Raises what stopped the last call, with the time still to wait, while it is open."""
        if self._trouble.blocked:
            raise BlockedRegion(self._trouble.message, retry_after_seconds=BLOCKED_SECONDS)
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
        if isinstance(error, BlockedRegion):
            self._trouble = _Trouble(failures, error.message, blocked=True)
            return
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


class CallBudget:
    """At most `calls` that brought nothing within `window_seconds`, whoever was asked.

    Those booked in `shared`, on which several budgets may draw, count as well.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        calls: int = 3,
        window_seconds: float = 60.0,
        shared: CallBudget | None = None,
    ) -> None:
        self._clock = clock
        self._calls = calls
        self._window = timedelta(seconds=window_seconds)
        self._shared = shared
        self._made: tuple[datetime, ...] = ()  # swapped as a whole, for readers in other threads

    def free_from(self) -> datetime:
        """From when on a call may be made; the present where it may be now."""
        made = sorted([*self._recent(), *(self._shared._recent() if self._shared else ())])
        return self._clock.now() if len(made) < self._calls else made[-self._calls] + self._window

    def left(self) -> int:
        """How many calls may be made now."""
        shared = len(self._shared._recent()) if self._shared else 0
        return max(self._calls - len(self._recent()) - shared, 0)

    @contextmanager
    def spending(self, *, shared: bool = False) -> Iterator[None]:
        """Around one call, which costs nothing where it succeeds; refused where none is left. It is
        booked in the `shared` budget where it is for all who draw on that.
        """
        wait_seconds = (self.free_from() - self._clock.now()).total_seconds()
        if wait_seconds > 0.0:
            raise SourceUnavailable(
                f"Asked {self._calls} times in vain within {self._window.total_seconds():.0f} s",
                retry_after_seconds=wait_seconds,
            )
        made, book = self._clock.now(), (self._shared or self) if shared else self
        book._made = (*book._recent(), made)
        yield
        if made in book._made:
            at = book._made.index(made)
            book._made = book._made[:at] + book._made[at + 1 :]

    def _recent(self) -> tuple[datetime, ...]:
        since = self._clock.now() - self._window
        return tuple(made for made in self._made if made > since)
