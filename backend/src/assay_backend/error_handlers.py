"""Every error as an RFC 9457 problem document; the one place that knows HTTP statuses.

Trouble outside is a 503 that says when to try again. What is in no table is a bug: a 500 that
tells the caller nothing but the request id under which the log has the rest.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from assay.errors import (
    AssayError,
    BundleError,
    ChosenElsewhere,
    InvalidBars,
    MalformedSymbol,
    NoEarlierVersion,
    SourceUnavailable,
    SpanTooShort,
    StorageError,
    TooBusy,
    TooLittleHistory,
    UnknownExchange,
    UnknownSymbol,
    UnknownTimeframe,
    UnknownVersion,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:assay:problem:"
PROBLEM = "assay.problem"  # where a request's scope has the sentence of what is wrong with us

# The nearest class in an error's ancestry decides; an AssayError in no row is a 500.
STATUS: Mapping[type[AssayError], int] = {
    UnknownSymbol: 404,
    MalformedSymbol: 422,
    UnknownExchange: 422,
    UnknownTimeframe: 422,
    SourceUnavailable: 503,
    InvalidBars: 503,
    TooLittleHistory: 503,
    SpanTooShort: 422,
    TooBusy: 503,
    UnknownVersion: 404,
    NoEarlierVersion: 409,
    ChosenElsewhere: 409,
    BundleError: 503,
    StorageError: 503,
}
USUAL_RETRY_AFTER_SECONDS = 10

_TITLES = {
    400: "Bad request",
    401: "No key given",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    413: "Body too large",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}
_BUG = "Something went wrong here; the log has it under this request id."
_FOREIGN = (
    "A page of another site asked for this, as the request's Origin or Sec-Fetch-Site says; "
    "programs send neither"
)
_RESERVED = frozenset({"type", "title", "status", "detail", "instance", "request_id"})


def add_error_handlers(app: FastAPI) -> None:
    """Makes `app` answer every error with a problem document, on the event loop: handlers that are
    no coroutines would each take a thread, and many errors as many threads.
    """
    app.add_exception_handler(AssayError, _on_assay_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_input)
    app.add_exception_handler(HTTPException, _on_http_error)


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    fields: Mapping[str, object] | None = None,
) -> Response:
    """A problem document; `fields` are its extension members."""
    document = problem_document(request, status, detail, title=title, fields=fields)
    if status >= 500:
        request.scope[PROBLEM] = detail
    body = json.dumps(document, allow_nan=False, default=str).encode()
    return Response(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def problem_document(
    request: Request,
    status: int,
    detail: str,
    *,
    title: str | None = None,
    fields: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """What a problem response says, as JSON can have it but for what `str` has to name."""
    title = title or _TITLES.get(status, "Error")
    document: dict[str, object] = {
        "type": TYPE_PREFIX + title.lower().replace(" ", "-"),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.scope["path"],
        "request_id": request.scope.get("request_id"),
    }
    extra = {name: value for name, value in (fields or {}).items() if name not in _RESERVED}
    finite: dict[str, object] = _finite({**document, **extra})
    return finite


def internal_error(request: Request) -> Response:
    """What a caller learns of a bug."""
    return problem(request, 500, _BUG)


def ending_error(request: Request) -> Response:
    """What those are told whose answer would come after the process has ended."""
    retry_after = {"Retry-After": str(USUAL_RETRY_AFTER_SECONDS)}
    return problem(request, 503, "The service is ending: ask again", headers=retry_after)


def foreign_error(request: Request) -> Response:
    """What a page of another site is told, should its browser let it read that."""
    return problem(request, 403, _FOREIGN, title="Foreign page")


def problem_of(request: Request, error: Exception) -> dict[str, object]:
    """The problem document of one thing among several that were asked for at once."""
    if isinstance(error, RequestValidationError):
        detail, found = _told(error)
        return problem_document(request, 422, detail, fields={"errors": found})
    if isinstance(error, AssayError) and (status := _status_of(error)):
        fields = error.fields
        return problem_document(
            request, status, error.message, title=_title_of(error), fields=fields
        )
    return problem_document(request, 500, _BUG)


async def _on_assay_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, AssayError):
        raise error
    status = _status_of(error)
    if status is None:
        raise error
    headers = {"Retry-After": str(_retry_after_seconds(error))} if status in (429, 503) else None
    return problem(
        request,
        status,
        error.message,
        title=_title_of(error),
        headers=headers,
        fields=error.fields,
    )


async def _on_invalid_input(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    detail, found = _told(error)
    return problem(request, 422, detail, fields={"errors": found})


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    details = {
        404: f"There is nothing at {request.scope['path'][:200]}",
        405: f"{request.scope['path']} does not take {request.method}",
    }
    standard = error.detail in ("Not Found", "Method Not Allowed")
    detail = details.get(error.status_code, error.detail) if standard else error.detail
    headers = error.headers
    if error.status_code == 405:
        headers = {**(headers or {}), "Allow": ", ".join(sorted(_methods_of(request)))}
    return problem(request, error.status_code, str(detail), headers=headers)


def _methods_of(request: Request) -> set[str]:
    """What its path takes: each operation is a route, and Starlette tells the first one's."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return found


def _status_of(error: AssayError) -> int | None:
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)


def _title_of(error: AssayError) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).capitalize()


def _told(error: RequestValidationError) -> tuple[str, list[dict[str, str]]]:
    """In one line, and one by one."""
    found = [_without_input(item) for item in error.errors()]
    return "; ".join(f"{item['location']}: {item['message']}" for item in found), found


def _without_input(error: Any) -> dict[str, str]:  # noqa: ANN401 - pydantic's error dictionaries
    """Where and what, without echoing what was sent."""
    location: Sequence[object] = error["loc"]
    return {"location": ".".join(str(part) for part in location), "message": str(error["msg"])}


def _retry_after_seconds(error: AssayError) -> int:
    if isinstance(error, SourceUnavailable | TooBusy):
        return max(1, math.ceil(error.retry_after_seconds))
    return USUAL_RETRY_AFTER_SECONDS


def _finite(value: Any) -> Any:  # noqa: ANN401 - whatever an error's fields hold
    """`value` with null for each number that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
