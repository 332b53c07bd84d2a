"""What goes on between requests: bars refreshed, the bundle watched, the forecast kept current."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from assay.errors import AssayError
from assay_backend.services.container import Services
from assay_backend.services.counters import KEPT_EVERY_SECONDS
from assay_backend.services.market import lacks_live_bars
from assay_backend.services.storage import TRIED_EVERY_SECONDS

T = TypeVar("T")

TICK_SECONDS = 0.5
SCORING_SECONDS = 30.0

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def kept_current(services: Services) -> AsyncIterator[None]:
    """Keeps `services` current from the first answer that can be given until the block is left.

    Where live bars are wanted and none were ever had, the first refresh is waited for a moment.
    """
    refreshed = asyncio.Event()
    patience_seconds = services.settings.first_bars_patience_seconds
    wait = lacks_live_bars(services.settings, services.feed)
    services.ledger.start()
    tasks = [
        asyncio.create_task(_repeat(lambda: _refresh_bars(services, refreshed), TICK_SECONDS)),
        asyncio.create_task(_repeat(services.crypto.keep_current, TICK_SECONDS)),
        asyncio.create_task(_repeat(lambda: _keep_forecast(services), TICK_SECONDS)),
        asyncio.create_task(_repeat(services.coins.keep_ready, TICK_SECONDS)),
        asyncio.create_task(_repeat(services.counters.keep, KEPT_EVERY_SECONDS)),
        asyncio.create_task(_repeat(lambda: _record_forecasts(services), TICK_SECONDS)),
        asyncio.create_task(_repeat(services.scoring.keep_scored, SCORING_SECONDS)),
        asyncio.create_task(_repeat(services.storage.look, TRIED_EVERY_SECONDS)),
        asyncio.create_task(
            _repeat(lambda: _watch_bundle(services), services.settings.bundle_check_seconds)
        ),
    ]
    follower = services.follower
    if follower is not None:
        every_seconds = services.settings.registry_check_seconds
        tasks.append(asyncio.create_task(_repeat(follower.follow, every_seconds)))
    try:
        if wait:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(refreshed.wait(), patience_seconds)
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if follower is not None:
            await follower.close()
        await services.backtests.close()
        await services.regimes.close()
        await services.coins.close()
        await services.crypto.close()
        await services.ledger.close()
        await services.counters.keep()


async def _repeat(work: Callable[[], Awaitable[object]], every_seconds: float) -> None:
    while True:
        try:
            await work()
        except Exception:
            log.exception("A background task failed and goes on")
        await asyncio.sleep(every_seconds)


async def _refresh_bars(services: Services, refreshed: asyncio.Event) -> None:
    due = services.feed.next_due()
    if services.clock.now() < due:
        return
    try:
        changed = await in_daemon_thread(services.feed.refresh)
    except AssayError as error:
        log.warning("Bars were not refreshed: %s", error.message)
    else:
        log.info("Bars refreshed: %s", "there are new ones" if changed else "nothing new")
    await asyncio.to_thread(services.forecasts.refresh)
    if services.canary is not None:
        await asyncio.to_thread(services.canary.refresh)
    refreshed.set()


async def _keep_forecast(services: Services) -> None:
    for each in (services.forecasts, services.canary):
        if each is not None and each.outdated():
            await asyncio.to_thread(each.refresh)


async def _watch_bundle(services: Services) -> None:
    if await asyncio.to_thread(services.champion.check):
        await asyncio.to_thread(services.forecasts.refresh)
    canary = services.canary
    if canary is not None and await asyncio.to_thread(canary.check):
        await asyncio.to_thread(canary.refresh)


async def _record_forecasts(services: Services) -> None:
    await services.recorder.record()
    if services.canary is not None:
        await services.canary.record()


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """The result of `work`, which may block for long: the process never waits for it to end."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if outcome.cancelled():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]  # without an error it is a T

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - handed to the one who waits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=getattr(work, "__name__", "work"), daemon=True).start()
    return await outcome
