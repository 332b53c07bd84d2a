"""What went wrong between the dashboard and the API, in words."""

from __future__ import annotations

import math

from assay_frontend.api.errors import (
    ApiError,
    ApiProblem,
    ApiTimeout,
    ApiUnreachable,
    MalformedAnswer,
)
from assay_frontend.components.coin_headline import source_name
from assay_frontend.components.text import markdown_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import short_span


def problem_title(t: Translator, problem: ApiError) -> str:
    if isinstance(problem, ApiUnreachable):
        return t("banner.unreachable")
    if isinstance(problem, ApiTimeout):
        return t("banner.timeout", span=short_span(t, problem.deadline_seconds))
    if isinstance(problem, MalformedAnswer):
        return t("banner.malformed")
    if isinstance(problem, ApiProblem) and problem.status in (404, 422):
        return t(f"banner.{problem.status}")
    if isinstance(problem, ApiProblem) and problem.status != 503:
        return t("banner.problem", status=problem.status)
    return t("banner.unavailable")


def problem_details(t: Translator, problem: ApiError) -> list[str]:
    """What is wrong, when to ask again, and the request's number, as Markdown sentences.

    A market that is not there is told in the reader's language, all else in the backend's words.
    """
    if isinstance(problem, MalformedAnswer):
        return [_quoted(t, str(problem))]
    if not isinstance(problem, ApiProblem):
        return []
    details = _no_market(t, problem) or [_quoted(t, problem.detail or problem.title)]
    if problem.retry_after_seconds is not None:
        details.append(
            t("banner.retry", span=short_span(t, math.ceil(problem.retry_after_seconds)))
        )
    if problem.request_id:
        details.append(t("banner.request", id=markdown_text(problem.request_id)))
    return details


def _quoted(t: Translator, said: str) -> str:
    """What the backend said, as a sentence that ends."""
    said = said.rstrip()
    stop = "" if said.endswith((".", "!", "?", "\N{HORIZONTAL ELLIPSIS}")) else "."
    return t("banner.says", detail=markdown_text(said) + stop)


def _no_market(t: Translator, problem: ApiProblem) -> list[str]:
    """That the exchange has no such market, and which are near; nothing of other problems."""
    if problem.status != 404 or problem.symbol is None or problem.exchange is None:
        return []
    exchange = markdown_text(source_name(t, problem.exchange))
    told = [t("banner.market", exchange=exchange, symbol=markdown_text(problem.symbol))]
    if problem.near:
        told.append(t("banner.market.near", near=markdown_text(", ".join(problem.near))))
    return told
