"""A process of our own that answers requests for as long as its parent lives.

Its side is `worker_loop.py`; the first line that it writes says that it is ready. Where it stops
answering it is killed, and another takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import json
import logging
import sys
from typing import Any, Final

__all__ = ["Worker", "WorkerLost"]

START_SECONDS: Final = 120.0  # for imports on the slowest machine
START_GRACE_SECONDS: Final = 10.0
ANSWER_GRACE_SECONDS: Final = 1.0
_LONGEST_LINE = 64 * 2**20
_MOST_SAID = 16 * 2**10  # in one record
_ENDING_SECONDS = 2.0

log = logging.getLogger(__name__)


class WorkerLost(Exception):
    """The process is not there, or is not any more, to answer."""


class Worker:
    """Runs `python -m module`; for one event loop."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._started: asyncio.Task[_Process] | None = None
        self._closed = False

    def start(self) -> None:
        """Begins to start the process, if there is none; returns at once."""
        if self._closed:
            raise WorkerLost("it was closed")
        if self._started is None or _is_over(self._started):
            self._started = asyncio.create_task(_Process.start(self._module))
            self._started.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def ask(self, request: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """The answer to `request`, which the process is to give within `seconds`.

        Those count from when it is ready. WorkerLost where there is no answer even a little later;
        the process is then killed, whatever else it was about to answer.
        """
        process = await self._ready(seconds + START_GRACE_SECONDS)
        try:
            async with asyncio.timeout(seconds + ANSWER_GRACE_SECONDS):
                return await process.ask({**request, "seconds": seconds})
        except TimeoutError as error:
            process.kill()
            self.start()
            raise WorkerLost(f"no answer within {seconds:g} s, so it was killed") from error

    async def _ready(self, seconds: float) -> _Process:
        self.start()
        assert self._started is not None  # noqa: S101 - `start` has seen to it
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self._started)
        except TimeoutError as error:
            raise WorkerLost(f"not ready within {seconds:g} s") from error

    async def ready(self) -> None:
        """Waits until the process can be asked; WorkerLost where that takes too long."""
        await self._ready(START_GRACE_SECONDS)

    async def close(self) -> None:
        """Ends the process."""
        self._closed = True
        if self._started is None:
            return
        self._started.cancel()
        with contextlib.suppress(asyncio.CancelledError, WorkerLost):
            await (await self._started).close()


def _is_over(started: asyncio.Task[_Process]) -> bool:
    if not started.done():
        return False
    return started.cancelled() or started.exception() is not None or started.result().ended


class _Process:
    """A process that has said that it is ready."""

    def __init__(self, process: asyncio.subprocess.Process, saying: asyncio.Task[None]) -> None:
        self.ended = False
        self._process = process
        self._saying = saying
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, module: str) -> _Process:
        """WorkerLost where it cannot be started, or ends before it is ready."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
            )
        except OSError as error:
            raise WorkerLost(f"it cannot be started: {error}") from error
        # Said for no request, whichever it was that had the process started.
        saying = asyncio.create_task(_pass_on(module, process), context=contextvars.Context())
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await _stream(process.stdout).readline()
        except BaseException as error:
            await _kill(process, saying)
            if isinstance(error, TimeoutError):
                raise WorkerLost(f"not ready within {START_SECONDS:g} s") from error
            raise
        if not line:
            status = await process.wait()
            await _kill(process, saying)
            raise WorkerLost(f"it ended with status {status} before it was ready")
        return cls(process, saying)

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer; the process is told where nobody waits for it any more."""
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._send({"id": number, **request})
            return await answer
        except asyncio.CancelledError:
            with contextlib.suppress(WorkerLost):
                self._send({"cancel": number})
            raise
        finally:
            self._waiting.pop(number, None)

    def _send(self, line: dict[str, Any]) -> None:
        if self.ended:
            raise WorkerLost("it has ended")
        self._process.stdin.write(json.dumps(line).encode() + b"\n")  # type: ignore[union-attr]  # a pipe

    async def _read(self) -> None:
        try:
            lines = _stream(self._process.stdout)
            while line := await lines.readline():
                document = json.loads(line)
                waiting = self._waiting.get(document.pop("id"))
                if waiting is not None and not waiting.done():
                    waiting.set_result(document)
        finally:
            self.ended = True
            await _kill(self._process, self._saying)
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(WorkerLost("it ended before it answered"))

    def kill(self) -> None:
        """Ends it at once; those who wait learn it when it has ended."""
        self.ended = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """Ends it by closing its stdin, or, where that does not help, by force."""
        self._process.stdin.close()  # type: ignore[union-attr]  # a pipe
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_SECONDS):
                await asyncio.shield(self._reading)
        self.kill()
        await self._reading


async def _pass_on(module: str, process: asyncio.subprocess.Process) -> None:
    """Logs here what the process writes to stderr, tracebacks too: all in one form."""
    said = _stream(process.stderr)
    while words := await said.read(_MOST_SAID):
        log.warning("%s: %s", module, words.decode(errors="replace").rstrip())


async def _kill(process: asyncio.subprocess.Process, saying: asyncio.Task[None]) -> None:
    """Its last words are waited for, but for those of others who keep its stderr open."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(saying, _ENDING_SECONDS)


def _stream(pipe: asyncio.StreamReader | None) -> asyncio.StreamReader:
    assert pipe is not None  # noqa: S101 - it was asked for
    return pipe
