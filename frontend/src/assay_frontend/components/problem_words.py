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
    """In one plain sentence."""
    if words := no_market(t, problem):
        return words[0]
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
    """What the backend says, when to ask again, and the request's number, in Markdown; of a market
    that is not there, which are near.
    """
    if isinstance(problem, MalformedAnswer):
        return [_quoted(t, str(problem))]
    if not isinstance(problem, ApiProblem):
        return []
    if words := no_market(t, problem):
        return [markdown_text(word) for word in words[1:]]
    details = [_quoted(t, problem.detail or problem.title)]
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


def no_market(t: Translator, problem: ApiError) -> list[str]:
    """That the exchange has no such market, and which are near; nothing of other problems."""
    if not isinstance(problem, ApiProblem) or problem.status != 404:
        return []
    if problem.symbol is None or problem.exchange is None:
        return []
    told = [t("banner.market", exchange=source_name(t, problem.exchange), symbol=problem.symbol)]
    if problem.near:
        told.append(t("banner.market.near", near=", ".join(problem.near)))
    return told
