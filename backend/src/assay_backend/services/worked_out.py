"""Answers that take a thread a while: each worked out once for all who ask, the newest kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from assay_backend.answers import Answer

Name = TypeVar("Name", bound=Hashable)


class WorkedOut(Generic[Name]):
    """The `most` answers used last, by all that they are made from. For one event loop."""

    def __init__(self, *, most: int, thread: str) -> None:
        self._most = most
        self._kept: OrderedDict[Name, Answer] = OrderedDict()
        self._making: dict[Name, asyncio.Task[Answer]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=thread)

    async def answer(self, name: Name, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """What is kept under `name`, or else what `make` makes; what that raises is not kept."""
        kept = self._kept.get(name)
        if kept is not None:
            self._kept.move_to_end(name)
            return kept
        task = self._making.get(name)
        if task is None:
            task = asyncio.create_task(self._make(name, make))
            task.add_done_callback(lambda done: self._ended(name, done))
            self._making[name] = task
        return await asyncio.shield(task)  # whoever leaves, others may still wait for it

    async def aside(self, work: Callable[[], Answer]) -> Answer:
        """What `work` gives, off the event loop; one at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Gives up what waits; what is being worked out ends by itself."""
        making = list(self._making.values())
        for task in making:
            task.cancel()
        await asyncio.gather(*making, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _make(self, name: Name, make: Callable[[], Awaitable[Answer]]) -> Answer:
        answer = await make()
        self._kept[name] = answer
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return answer

    def _ended(self, name: Name, task: asyncio.Task[Answer]) -> None:
        del self._making[name]
        if not task.cancelled():
            task.exception()  # told to those who wait, if any still do
