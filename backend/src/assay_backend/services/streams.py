"""A signal at each closed bar, as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from assay.clock import iso_utc
from assay.errors import AssayError, SourceUnavailable
from assay_backend.services.ending import Ending
from assay_backend.services.signals import Asked, Prepared, SignalService

LOOK_EVERY_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
MOST_STREAMS = 256
RETRY_SECONDS = 30.0

HEARTBEAT = b": heartbeat\n\n"

log = logging.getLogger(__name__)


class StreamService:
    """Follows signals for readers who stay; nothing of it is recorded. For one event loop."""

    def __init__(
        self,
        signals: SignalService,
        ending: Ending,
        *,
        look_every_seconds: float = LOOK_EVERY_SECONDS,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._signals = signals
        self._ending = ending
        self._look_every_seconds = look_every_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._open = 0

    async def events(self, asked: Asked, *, seen: str | None) -> AsyncGenerator[bytes]:
        """The events, until the process ends: the newest signal unless it was `seen` (by its id,
        the end of its last bar), then one at each bar that closes, and a heartbeat where there is
        none.

        Raises what there is to raise before the first event: as `SignalService.prepare`, and
        SourceUnavailable where too many follow already.
        """
        events = self._follow(asked, seen)
        await anext(events)  # which takes a place, and whoever drops `events` gives it back
        return events

    async def _follow(self, asked: Asked, seen: str | None) -> AsyncGenerator[bytes]:
        """Yields nothing once, as soon as there are events to tell."""
        if self._open >= MOST_STREAMS:
            raise SourceUnavailable(
                f"{MOST_STREAMS} streams are open already", retry_after_seconds=RETRY_SECONDS
            )
        clock = asyncio.get_running_loop().time
        self._open += 1
        try:
            newest: Prepared | None = await self._signals.prepare(asked)
            yield b""
            told = clock()
            while not self._ending.begun:
                if newest is not None and (name := iso_utc(newest.bar_closed)) != seen:
                    yield b"event: signal\nid: %b\ndata: %b\n\n" % (
                        name.encode(), self._signals.now(newest),
                    )  # fmt: skip
                    seen, told = name, clock()
                elif clock() - told >= self._heartbeat_seconds:
                    yield HEARTBEAT
                    told = clock()
                await asyncio.sleep(self._look_every_seconds)
                newest = await self._newest(asked)
        finally:
            self._open -= 1

    async def _newest(self, asked: Asked) -> Prepared | None:
        """None where there is nothing to tell right now: the next look may find it again."""
        with contextlib.suppress(AssayError):
            return await self._signals.prepare(asked)
        return None
