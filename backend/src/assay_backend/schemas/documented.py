"""What operations say they may answer with: models, examples, problem documents (RFC 9457)."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from assay_backend.schemas.base import Schema
from assay_backend.schemas.examples import PROBLEMS, Example

Responses = dict[int | str, dict[str, Any]]

ADMIN_KEY = "AdminKey"  # what operations for administrators name as their security

_REASONS = {
    401: "No key was given",
    403: "A web page of another site asked, as its browser says",
    429: "Too many wrong keys came from there: `Retry-After` says when one is heard again",
    404: "There is no such market; `near` names similar ones",
    409: "There is no earlier version to go back to",
    413: "The body is larger than 64 KB",
    422: "The input is not valid; `errors` says where and why",
    500: "A bug; the log has it under `request_id`",
    503: "Not possible right now; Retry-After says when to try again",
}
_RETRY_AFTER = {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}}

NOT_MODIFIED: Responses = {
    304: {"description": "The caller's copy, named by If-None-Match, is current"}
}


class Problem(Schema):
    """What went wrong; members beside these belong to the kind of problem."""

    model_config = Schema.model_config | ConfigDict(extra="allow")

    type: str = Field(description="A URN that names the kind of problem")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path that was asked for")
    request_id: str | None = Field(description="As in the header X-Request-ID and in the log")


def answers(
    model: type[Schema], example: Example | list[Example], *, description: str
) -> dict[str, Any]:
    """An entry of an operation's `responses`."""
    return {
        "model": model,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


def problems(*statuses: int) -> Responses:
    """The entries of an operation's `responses` for these statuses and for a bug."""
    return {status: problem_entry(status) for status in (*statuses, 500)}


def problem_entry(
    status: int, *, reason: str | None = None, example: Example | None = None
) -> dict[str, Any]:
    """One of them, with words and an example of its own where they are given."""
    content = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": example or PROBLEMS[status],
    }
    entry: dict[str, Any] = {
        "description": reason or _REASONS[status],
        "content": {"application/problem+json": content},
    }
    if status == 503:
        entry["headers"] = {"Retry-After": _RETRY_AFTER}
    return entry
