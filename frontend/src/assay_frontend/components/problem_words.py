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
    """The backend's own words, when to ask again, and the request's number, as Markdown."""
    if isinstance(problem, MalformedAnswer):
        return [t("banner.says", detail=markdown_text(str(problem)))]
    if not isinstance(problem, ApiProblem):
        return []
    said = markdown_text(problem.detail or problem.title)
    details = [t("banner.says", detail=said)]
    if problem.retry_after_seconds is not None:
        details.append(
            t("banner.retry", span=short_span(t, math.ceil(problem.retry_after_seconds)))
        )
    if problem.request_id:
        details.append(t("banner.request", id=markdown_text(problem.request_id)))
    return details
