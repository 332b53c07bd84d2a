"""Gold: the forecast, the bars behind it, and how forecasters have fared."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from assay_backend.answers import Answer, RawHeaders, send_cacheable
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples
from assay_backend.schemas.documented import NOT_MODIFIED, answers, problems
from assay_backend.schemas.forecast import ForecastAnswer
from assay_backend.schemas.gold import EvaluationAnswer, HistoryAnswer
from assay_backend.services.container import services_of

MOST_SESSIONS = 2000

_BY_CALLER: RawHeaders = [(b"vary", b"X-API-Key")]

router = APIRouter(prefix="/v1/gold", route_class=StrictRoute, tags=["gold"])


@router.get(
    "/forecast",
    operation_id="get_gold_forecast",
    summary="Forecast gold's next close, cacheable",
    response_model=None,
    responses={
        200: answers(ForecastAnswer, examples.FORECAST, description="The forecast"),
        **NOT_MODIFIED,
        **problems(422, 503),
    },
)
async def forecast(request: Request) -> Response:
    """The same answer as `POST /predict`, with ETag and Cache-Control; only for the caller's own
    cache where a challenger may be on trial.
    """
    services = services_of(request)
    answer = services.forecast_for(request)
    if services.canary is None:
        return _cacheable(request, answer)
    now = services.clock.now()
    return send_cacheable(answer, request, now, _BY_CALLER, kept_by="private")


@router.get(
    "/history",
    operation_id="get_gold_history",
    summary="Closed gold bars with their provenance",
    response_model=None,
    responses={
        200: answers(HistoryAnswer, examples.HISTORY, description="The bars"),
        **NOT_MODIFIED,
        **problems(422, 503),
    },
)
async def history(
    request: Request,
    sessions: Annotated[int, Query(ge=1, le=MOST_SESSIONS, examples=[250])] = 250,
) -> Response:
    """The newest closed sessions, oldest first."""
    return _cacheable(request, services_of(request).history.answer(sessions=sessions))


@router.get(
    "/evaluation",
    operation_id="get_gold_evaluation",
    summary="The leaderboard",
    response_model=None,
    responses={
        200: answers(EvaluationAnswer, examples.EVALUATION, description="The leaderboard"),
        **NOT_MODIFIED,
        **problems(422, 503),
    },
)
async def evaluation(request: Request) -> Response:
    """Champion, challengers and every benchmark on the same origins, with the tests."""
    return _cacheable(request, services_of(request).evaluations.answer())


def _cacheable(request: Request, answer: Answer) -> Response:
    return send_cacheable(answer, request, services_of(request).clock.now())
