"""What every request passes: an id, a count, a net under bugs, a bound on its body, and a door that
is closed to pages of other sites. Pure ASGI.

Logged are all requests at debug, those that failed or took long at info, and those that failed for
us at warning: never a query, a header, an address, or a path that no route has.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import secrets
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay_backend.error_handlers import PROBLEM, ending_error, foreign_error, internal_error
from assay_backend.foreign_pages import is_foreign
from assay_backend.logs import REQUEST_ID
from assay_backend.services.container import Services
from assay_backend.services.http_metrics import OTHER

MOST_BODY_BYTES = 64 * 1024
SLOW_SECONDS = 1.0
CALLER_HAS_GONE = 499  # no status of HTTP's; proxies log the same

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TOO_LARGE = f"A body may hold {MOST_BODY_BYTES} bytes"
_LAST_ANSWER = (b"connection", b"close")

log = logging.getLogger(__name__)


class RequestBoundary:
    """Names each request (`X-Request-ID`, the caller's own where it is well formed), refuses
    bodies over 64 KB as they are read and what pages of other sites would change, and turns an
    exception that nobody expected into a 500.

    While the process ends, each answer is its connection's last.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._numbers = itertools.count(1)
        self._prefix = secrets.token_hex(6)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        came = perf_counter()
        given, length = _headers_of_interest(scope)
        request_id = given or f"{self._prefix}-{next(self._numbers):x}"
        scope["request_id"] = request_id
        REQUEST_ID.set(request_id)
        services: Services = scope["state"]["services"]
        services.metrics.count_request()
        header = (b"x-request-id", request_id.encode())
        status, seconds = 0, 0.0

        async def send_named(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], perf_counter() - came
                message["headers"] = [*message["headers"], header]
                if services.ending.begun:
                    message["headers"].append(_LAST_ANSWER)
            await send(message)

        app = foreign_error(Request(scope)) if is_foreign(scope) else self._app
        try:
            await app(scope, _bounded(receive, length), send_named)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except asyncio.CancelledError:  # only the server's end does that
            if status:
                raise
            await ending_error(Request(scope))(scope, receive, send_named)
        except Exception:
            log.exception("Request %s, %s %s", request_id, scope["method"], scope["path"])
            if status:
                raise  # the server has to cut the connection: half an answer is out
            await internal_error(Request(scope))(scope, receive, send_named)
        finally:
            _note(services, scope, status or CALLER_HAS_GONE, seconds or perf_counter() - came)


def _note(services: Services, scope: Scope, status: int, seconds: float) -> None:
    """Counts a request, and logs it where that is worth a line."""
    route = getattr(scope.get("route"), "path", None)
    services.metrics.http.count(route, scope["method"], status, seconds)
    level = logging.DEBUG
    if status >= 400 or seconds >= SLOW_SECONDS:
        level = logging.WARNING if status >= 500 else logging.INFO
    if log.isEnabledFor(level):
        _log_request(level, route or OTHER, scope, status, seconds)


def _log_request(level: int, route: str, scope: Scope, status: int, seconds: float) -> None:
    fields = {
        "method": scope["method"],
        "route": route,
        "status": status,
        "duration_ms": round(seconds * 1000, 3),
    }
    sentence = "%(method)s %(route)s %(status)d in %(duration_ms).1f ms"
    if status >= 500 and PROBLEM in scope:
        fields["problem"] = scope[PROBLEM]
        sentence += ": %(problem)s"
    log.log(level, sentence, fields, extra={"fields": fields})


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
