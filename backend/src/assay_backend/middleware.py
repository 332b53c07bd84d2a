"""What every request passes: an id, a bound on its body, and a net under bugs. Pure ASGI."""

from __future__ import annotations

import itertools
import logging
import re
import secrets

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay_backend.error_handlers import internal_error

MOST_BODY_BYTES = 64 * 1024

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TOO_LARGE = f"A body may hold {MOST_BODY_BYTES} bytes"

log = logging.getLogger(__name__)


class RequestBoundary:
    """Names each request (`X-Request-ID`, the caller's own where it is well formed), refuses
    bodies over 64 KB as they are read, and turns an exception that nobody expected into a 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._numbers = itertools.count(1)
        self._prefix = secrets.token_hex(6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given, length = _headers_of_interest(scope)
        request_id = given or f"{self._prefix}-{next(self._numbers):x}"
        scope["request_id"] = request_id
        scope["state"]["services"].metrics.count_request()
        header = (b"x-request-id", request_id.encode())
        started = False

        async def send_named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], header]
            await send(message)

        try:
            await self._app(scope, _bounded(receive, length), send_named)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception:
            log.exception("Request %s, %s %s", request_id, scope["method"], scope["path"])
            if started:
                raise  # the server has to cut the connection: half an answer is out
            await internal_error(Request(scope))(scope, receive, send_named)


def _headers_of_interest(scope: Scope) -> tuple[str | None, int | None]:
    """The caller's request id where it may be used, and the body's announced length."""
    request_id, length = None, None
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"content-length" and value.isdigit():
            length = int(value)
    return request_id, length


def _bounded(receive: Receive, length: int | None) -> Receive:
    if length is not None and length <= MOST_BODY_BYTES:
        return receive  # servers pass on no more than was announced
    received = 0

    async def receive_bounded() -> Message:
        nonlocal received
        if length is not None:
            raise HTTPException(413, f"{_TOO_LARGE}, this one has {length}")
        message = await receive()
        received += len(message.get("body", b""))
        if received > MOST_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return receive_bounded
