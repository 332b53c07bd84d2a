"""Answers rendered once and sent many times, with what caches need: ETag, Cache-Control, Age."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

FRESH_SECONDS = 30
# While what is to come is overdue.
LEAST_FRESH_SECONDS = 1

RawHeaders = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON body and its entity tag; `rendered_at` is when its `age_seconds` was true, and at
    `changes_at`, where that is known, another answer is to come.
    """

    body: bytes
    etag: str
    rendered_at: datetime
    fixed_headers: RawHeaders = field(default_factory=list)
    changes_at: datetime | None = None

    @classmethod
    def of(
        cls,
        document: Mapping[str, object],
        *,
        bundle: str = "",
        at: datetime,
        changes_at: datetime | None = None,
        marks: RawHeaders | None = None,
    ) -> Answer:
        """`document` as JSON, sent with the headers `marks`; ValueError where a number is not
        finite.

        The tag covers all of it but `age_seconds`, and the digest of the bundle it came from. It is
        a weak one: the same forecast rendered twice differs in its age.
        """
        lasting = {name: value for name, value in document.items() if name != "age_seconds"}
        identity = hashlib.sha256(bundle.encode() + _json(lasting)).hexdigest()[:32]
        etag = f'W/"{identity}"'
        body = _json(document)
        return cls(body, etag, at, [*json_headers(body), *(marks or ())], changes_at)

    @classmethod
    def ready(
        cls, body: bytes, *, etag: str, at: datetime, changes_at: datetime | None = None
    ) -> Answer:
        """JSON that was rendered elsewhere, and its tag."""
        return cls(body, etag, at, json_headers(body), changes_at)


class RawResponse(Response):
    """A response whose headers are ready for the wire."""

    def __init__(self, body: bytes, headers: RawHeaders, status_code: int = 200) -> None:
        self.body = body
        self.raw_headers = headers
        self.status_code = status_code
        self.background = None


def send_once(answer: Answer, now: datetime) -> Response:
    """The answer to a POST: nothing for a cache to keep, but it tells its age."""
    headers = [
        *answer.fixed_headers,
        (b"cache-control", b"no-store"),
        (b"age", b"%d" % _age_seconds(answer, now)),
    ]
    return RawResponse(answer.body, headers)


def send_cacheable(
    answer: Answer,
    request: Request,
    now: datetime,
    more: RawHeaders | None = None,
    *,
    kept_by: Literal["public", "private"] = "public",
) -> Response:
    """The answer to a GET, or 304 where the caller has it; with `more` headers.

    What one caller gets and another does not is `private`: caches that many share do not keep it.
    """
    age_seconds = _age_seconds(answer, now)
    # max-age counts from the rendering, as Age does: a copy is fresh for a while from now on.
    max_age = age_seconds + _fresh_seconds(answer, now)
    headers = [
        (b"etag", answer.etag.encode()),
        (b"cache-control", b"%b, max-age=%d" % (kept_by.encode(), max_age)),
        (b"age", b"%d" % age_seconds),
        *(more or ()),
    ]
    if _matches(request.headers.get("if-none-match"), answer.etag):
        return RawResponse(b"", headers, 304)
    return RawResponse(answer.body, [*answer.fixed_headers, *headers])


def json_headers(body: bytes) -> RawHeaders:
    """What tells of a JSON body."""
    return [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def _fresh_seconds(answer: Answer, now: datetime) -> int:
    """How long a copy may be used from now on: not past the next change, where that is known."""
    if answer.changes_at is None:
        return FRESH_SECONDS
    remaining = int((answer.changes_at - now).total_seconds())
    return min(max(remaining, LEAST_FRESH_SECONDS), FRESH_SECONDS)


def _age_seconds(answer: Answer, now: datetime) -> int:
    return max(0, int((now - answer.rendered_at).total_seconds()))


def _matches(if_none_match: str | None, etag: str) -> bool:
    """Weak comparison with each tag listed (RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
