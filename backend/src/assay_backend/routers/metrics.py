"""`GET /metrics`: for Prometheus, and as JSON for everyone else."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client.exposition import choose_encoder

from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples
from assay_backend.schemas.documented import answers, problems
from assay_backend.schemas.metrics import MetricsAnswer
from assay_backend.services.container import services_of

router = APIRouter(route_class=StrictRoute, tags=["service"])

_PROMETHEUS = ("text/plain", "application/openmetrics-text")
_NO_STORE = {"Cache-Control": "no-store", "Vary": "Accept"}
_ANSWER = answers(MetricsAnswer, examples.METRICS, description="JSON, or Prometheus text by Accept")
_ANSWER["content"]["text/plain"] = {"schema": {"type": "string"}}


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Figures for monitoring",
    response_model=None,
    responses={200: _ANSWER, **problems(422)},
)
async def metrics(request: Request) -> Response:
    """Prometheus text where Accept names `text/plain` or `application/openmetrics-text`."""
    service = services_of(request).metrics
    await service.read()
    accept = request.headers.get("accept", "")
    if not any(name in accept for name in _PROMETHEUS):
        return JSONResponse(service.document(), headers=_NO_STORE)
    encode, media_type = choose_encoder(accept)
    body = encode(service.registry)
    return Response(body, headers=_NO_STORE | {"Content-Type": media_type})
