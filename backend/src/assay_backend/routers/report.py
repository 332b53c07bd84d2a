"""`GET /v1/report/daily`: the day on one page, for people."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from assay_backend.answers import RawHeaders, send_cacheable
from assay_backend.languages import best_language
from assay_backend.report.html import POLICY
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas.documented import NOT_MODIFIED, problems
from assay_backend.services.container import services_of
from assay_backend.services.report import Form

router = APIRouter(prefix="/v1/report", route_class=StrictRoute, tags=["service"])

_VARY: RawHeaders = [(b"vary", b"Accept, Accept-Language")]
_HTML_HEADERS: RawHeaders = [(b"content-security-policy", POLICY.encode())]
_TEXT = {"schema": {"type": "string"}}
_ANSWER: dict[str, Any] = {
    "description": "Markdown, or HTML where Accept prefers it; English, or Spanish by "
    "Accept-Language",
    "content": {
        "text/markdown": _TEXT | {"example": "# Assay daily report, Mon 2024-12-02\n"},
        "text/html": _TEXT | {"example": "<!doctype html>"},
    },
}


class MarkdownResponse(Response):
    """What the description of the API takes for the usual answer."""

    media_type = "text/markdown"


@router.get(
    "/daily",
    operation_id="get_daily_report",
    summary="The daily report",
    response_model=None,
    response_class=MarkdownResponse,
    responses={200: _ANSWER, **NOT_MODIFIED, **problems(422)},
)
async def daily(request: Request) -> Response:
    """The next session's forecast, the coins' risks, what came of what was said, the state of data,
    service and ledger, and what needs a look in the next 24 hours. Records nothing.
    """
    services = services_of(request)
    form = preferred_form(request.headers.get("accept"))
    language = best_language(request.headers.get("accept-language"))
    answer = await services.report.answer(services, form, language)
    more = [*_VARY, *(_HTML_HEADERS if form == "html" else ())]
    return send_cacheable(answer, request, services.clock.now(), more)


def preferred_form(accept: str | None) -> Form:
    """HTML where that is wanted more than Markdown; Markdown among equals (RFC 9110, 12.5.1).

    >>> preferred_form("text/html,application/xhtml+xml,*/*;q=0.8"), preferred_form("*/*")
    ('html', 'markdown')
    """
    weights = _weights(accept or "*/*")
    html, markdown = (_weight(weights, subtype) for subtype in ("html", "markdown"))
    return "html" if html > markdown else "markdown"


def _weights(accept: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for entry in accept.split(","):
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        given = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            found[name] = float(given)
        except ValueError:
            found[name] = 0.0
    return found


def _weight(weights: dict[str, float], subtype: str) -> float:
    """By the most specific range that has it."""
    for name in (f"text/{subtype}", "text/*", "*/*"):
        if name in weights:
            return weights[name]
    return 0.0
