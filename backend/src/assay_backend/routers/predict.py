"""`POST /predict`: tomorrow's gold, as the ancestor was asked for it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from assay_backend.answers import send_once
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples
from assay_backend.schemas.documented import answers, problems
from assay_backend.schemas.forecast import ForecastAnswer, ForecastRequest
from assay_backend.services.container import services_of

router = APIRouter(route_class=StrictRoute, tags=["gold"])

# What nearly every caller sends, byte for byte.
_USUAL_BODIES = frozenset({b"", b'{"predict_tomorrow": true}', b'{"predict_tomorrow":true}'})
_REQUEST_BODY = {
    "required": False,
    "content": {"application/json": {"schema": ForecastRequest.model_json_schema()}},
}


@router.post(
    "/predict",
    operation_id="predict",
    summary="Forecast gold's next close",
    response_model=None,
    responses={
        200: answers(ForecastAnswer, examples.FORECAST, description="The forecast"),
        **problems(403, 413, 422, 503),
    },
    openapi_extra={"requestBody": _REQUEST_BODY},
)
async def predict(request: Request) -> Response:
    """The forecast for the session after the last closed one, with or without a body. Where a
    challenger is on trial, part of the callers get its forecast: `served_as`, and a header
    X-Served-As, say so.
    """
    body = await request.body()
    if body not in _USUAL_BODIES:
        _check(body)
    services = services_of(request)
    return send_once(services.forecast_for(request), services.clock.now())


def _check(body: bytes) -> None:
    try:
        ForecastRequest.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in found]
        ) from None
