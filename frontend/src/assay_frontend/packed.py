"""Streamlit's scripts and styles, packed once and sent packed: it sends them as they are."""

from __future__ import annotations

import asyncio
import gzip
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST_BYTES = 1024
MOST_KEPT_BYTES = 32 * 1024 * 1024
# Their names carry a hash of what they hold, so a packed one never grows old.
_ASSET = re.compile(r"/static/(js|css)/[\w.-]+\.(js|css)")


class Packed:
    """ASGI middleware; for one event loop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, tuple[Message, bytes]] = {}
        self._kept_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _may_be_packed(scope):
            await self._app(scope, receive, send)
            return
        found = self._kept.get(scope["path"])
        if found is None:
            whole = _Whole()
            # Neither ranges nor conditions, and by nobody who may go away: the whole of it is kept.
            await self._app({**scope, "headers": []}, _stay, whole)
            found = await asyncio.to_thread(whole.packed)
            if found[0]["status"] == 200 and self._kept_bytes < MOST_KEPT_BYTES:
                self._kept[scope["path"]] = found
                self._kept_bytes += len(found[1])
        start, body = found
        await send(start)
        await send({"type": "http.response.body", "body": body})


def _may_be_packed(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or not _ASSET.fullmatch(scope["path"]):
        return False
    headers = dict(scope["headers"])
    return b"gzip" in headers.get(b"accept-encoding", b"") and b"range" not in headers


async def _stay() -> Message:
    """What a reader says who waits for the answer: nothing."""
    never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    return await never


class _Whole:
    """Takes an answer in."""

    def __init__(self) -> None:
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._body += message.get("body", b"")

    def packed(self) -> tuple[Message, bytes]:
        """The answer, packed where it is one and that pays."""
        body = bytes(self._body)
        if self._start["status"] != 200 or len(body) < LEAST_BYTES:
            return self._start, body
        body = gzip.compress(body, 6, mtime=0)
        changed = {b"content-length", b"etag", b"last-modified", b"accept-ranges"}
        headers = [pair for pair in self._start["headers"] if pair[0].lower() not in changed]
        headers += [
            (b"content-encoding", b"gzip"),
            (b"vary", b"Accept-Encoding"),
            (b"content-length", b"%d" % len(body)),
        ]
        return {**self._start, "headers": headers}, body
