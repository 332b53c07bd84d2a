"""Asking several upstreams so that a silent one costs a moment and not the whole deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from assay.errors import MarketDataError

T = TypeVar("T")


class AllFailed(Exception):
    """No attempt succeeded; `errors` has one for each that was made, in order."""

    def __init__(self, errors: list[MarketDataError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


async def first_success(
    attempts: Sequence[tuple[Callable[[], Awaitable[T]], float]],
    *,
    final: tuple[type[MarketDataError], ...] = (),
) -> T:
    """The result of the first attempt to succeed.

    Each comes with the seconds that it may be silent. Then, or when one has failed, the next one
    starts; what still runs at the end is cancelled. An error in `final` is raised at once,
    AllFailed where no attempt succeeds. (The idea of RFC 8305, one layer up.)
    """
    waiting = list(attempts)
    patience_seconds = 0.0
    errors: list[MarketDataError] = []
    running: set[asyncio.Task[T]] = set()
    try:
        while waiting or running:
            if waiting:
                attempt, patience_seconds = waiting.pop(0)
                running.add(asyncio.ensure_future(attempt()))
            done, running = await asyncio.wait(
                running,
                timeout=patience_seconds if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            outcomes = {task: task.exception() for task in done}
            for task, error in outcomes.items():
                if error is None:
                    return task.result()
            for error in outcomes.values():
                if not isinstance(error, MarketDataError) or isinstance(error, final):
                    raise error or AssertionError(outcomes)
                errors.append(error)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    raise AllFailed(errors)
