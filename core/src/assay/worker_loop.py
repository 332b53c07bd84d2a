"""What a worker process does: a request a line on stdin, an answer a line on stdout, both JSON.

The other side is `worker.py`. The process ends with its stdin, and so with its parent, however
that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO

__all__ = ["Document", "run"]

Document = dict[str, Any]
Handler = Callable[[Document], Awaitable[Document]]

_LONGEST_REQUEST = 2**20


def run(handle: Handler, close: Callable[[], Awaitable[None]]) -> None:
    """Answers until stdin ends; what libraries print goes to stderr, Ctrl-C is the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        asyncio.run(_serve(_Loop(handle, out), close))


async def _serve(loop: _Loop, close: Callable[[], Awaitable[None]]) -> None:
    lines = asyncio.StreamReader(limit=_LONGEST_REQUEST)
    protocol = asyncio.StreamReaderProtocol(lines)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    await loop.serve(lines)
    await close()


class _Loop:
    """Answers several requests at a time."""

    def __init__(self, handle: Handler, out: BinaryIO) -> None:
        self._handle = handle
        self._out = out
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def serve(self, lines: asyncio.StreamReader) -> None:
        """Reads until the other end is closed, or its process is gone."""
        self._write({"ready": True})
        while line := await lines.readline():
            request = json.loads(line)
            if "cancel" in request:
                self._cancel(request["cancel"])
            else:
                number = request["id"]
                self._tasks[number] = asyncio.create_task(self._answer(number, request))
        for number in list(self._tasks):
            self._cancel(number)

    def _cancel(self, number: int) -> None:
        if number in self._tasks:
            self._tasks[number].cancel()

    async def _answer(self, number: int, request: Document) -> None:
        try:
            answer = await self._handle(request)
        except Exception as error:  # noqa: BLE001 - one request's bug must not cost the others
            sys.stderr.write(traceback.format_exc())  # at once, so that it is one record
            answer = {"error": {"kind": "unavailable", "message": f"{error!r}"}}
        finally:
            del self._tasks[number]
        self._write({"id": number, **answer})

    def _write(self, answer: Document) -> None:
        with contextlib.suppress(BrokenPipeError):  # the parent is gone, and stdin says so too
            self._out.write(json.dumps(answer, allow_nan=False).encode() + b"\n")
            self._out.flush()
