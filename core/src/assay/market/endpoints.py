"""Every upstream call passes here: refused while it is hopeless, and counted."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from assay.clock import Clock
from assay.errors import MarketDataError
from assay.market.pacing import BLOCKED_SECONDS, Breaker, BreakerState, CallBudget

T = TypeVar("T")

SILENCE_SECONDS = 0.5
SUSPICION = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """How an endpoint is doing: `failures` in a row, and `faults` of all `calls`, by kind."""

    endpoint: str
    state: BreakerState
    failures: int
    shut_until: datetime | None
    last_error: str | None
    calls: int
    faults: Mapping[str, int]

    @property
    def failed(self) -> int:
        """All faults."""
        return sum(self.faults.values())

    @classmethod
    def of(
        cls, endpoint: str, breaker: Breaker, *, calls: int, faults: Mapping[str, int]
    ) -> EndpointStatus:
        """What `breaker` knows."""
        return cls(
            endpoint=endpoint,
            state=breaker.state,
            failures=breaker.failures,
            shut_until=breaker.shut_until,
            last_error=breaker.last_error,
            calls=calls,
            faults=faults,
        )


class Endpoints:
    """A breaker for each endpoint, shared by all series; one for all where they are `local`, which
    names what stands for them.
    """

    def __init__(self, clock: Clock, *, local: str | None = None) -> None:
        self._clock = clock
        self._local = local
        self._breakers: dict[str, Breaker] = {}
        self._pending: dict[str, dict[int, float]] = {}
        self._failed_at: dict[str, datetime] = {}
        self.calls: Counter[str] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()

    def name(self, endpoint: str) -> str:
        """How it is called here."""
        return self._local or endpoint

    def admits(self, endpoint: str) -> bool:
        """Whether a call may be made now."""
        return self._breaker(endpoint).admits()

    def admits_from(self, endpoints: Iterable[str]) -> datetime:
        """From when on one of them may be called; the present where one may be now."""
        now = self._clock.now()
        breakers = [self._breaker(endpoint) for endpoint in endpoints]
        waits = [
            now + timedelta(seconds=BLOCKED_SECONDS)
            if breaker.state == "blocked"
            else breaker.shut_until or now
            for breaker in breakers
        ]
        return max(min(waits, default=now), now)

    def is_suspect(self, endpoint: str) -> bool:
        """Whether it failed lately, or has been silent for a while right now."""
        failed = self._failed_at.get(self.name(endpoint))
        if failed is not None and self._clock.now() - failed < SUSPICION:
            return True
        began = min(self._pending.get(self.name(endpoint), {}).values(), default=math.inf)
        return time.monotonic() - began > SILENCE_SECONDS

    def is_quiet(self, endpoint: str) -> bool:
        """Whether it is neither being asked now nor suspect."""
        return not self._pending.get(self.name(endpoint)) and not self.is_suspect(endpoint)

    def failed_at(self, endpoint: str) -> datetime | None:
        """When it failed, if it has not succeeded since."""
        return self._failed_at.get(self.name(endpoint))

    async def call(
        self,
        endpoint: str,
        budget: CallBudget,
        ask: Callable[[], Awaitable[T]],
        *,
        shared: bool = False,
    ) -> T:
        """What `ask` gets; SourceUnavailable where breaker or budget refuse it. `shared` as for
        `CallBudget.spending`.
        """
        endpoint = self.name(endpoint)
        breaker = self._breaker(endpoint)
        breaker.check()
        with budget.spending(shared=shared), breaker.guarding():
            self.calls[endpoint] += 1
            number, pending = self.calls[endpoint], self._pending.setdefault(endpoint, {})
            pending[number] = time.monotonic()
            try:
                answer = await ask()
            except BaseException as error:
                self._failed_at[endpoint] = self._clock.now()
                kind = type(error).__name__ if isinstance(error, MarketDataError) else "GivenUp"
                self.failures[endpoint, kind] += 1
                raise
            finally:
                del pending[number]
            self._failed_at.pop(endpoint, None)
            return answer

    def status(self) -> tuple[EndpointStatus, ...]:
        """All endpoints that were ever called."""
        return tuple(
            EndpointStatus.of(
                name,
                breaker,
                calls=self.calls[name],
                faults={kind: n for (at, kind), n in self.failures.items() if at == name},
            )
            for name, breaker in sorted(self._breakers.items())
        )

    def _breaker(self, endpoint: str) -> Breaker:
        endpoint = self.name(endpoint)
        if endpoint not in self._breakers:
            self._breakers[endpoint] = Breaker(self._clock, pause_seconds=60.0)
        return self._breakers[endpoint]
