"""Crypto: a signal at each closed bar."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from assay_backend.routers.crypto import Exchange, Symbol, TimeframeName
from assay_backend.routers.meaning import key_and_language, signal_meant_by_query
from assay_backend.routers.signals import Explain, Horizon, Limit
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples_signals as examples
from assay_backend.schemas.documented import problems
from assay_backend.services.container import services_of
from assay_backend.services.signals import Asked

MEDIA_TYPE = "text/event-stream"

_EVENTS: dict[str, Any] = {
    "description": "Events named `signal`: the answer of GET /v1/crypto/signal at each bar that "
    "closes, under the end of that bar as id; comments between keep the connection alive",
    "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": examples.EVENT}},
}

router = APIRouter(prefix="/v1/crypto", route_class=StrictRoute, tags=["crypto"])


@router.get(
    "/stream",
    operation_id="stream_crypto_signals",
    summary="A signal at each closed bar, as server-sent events",
    response_model=None,
    response_class=StreamingResponse,
    responses={200: _EVENTS, **problems(404, 422, 503)},
)
async def stream(
    request: Request,
    symbol: Symbol = "BTCUSDT",
    exchange: Exchange = "binance",
    timeframe: TimeframeName = "1h",
    horizon_min: Horizon = None,
    explain: Explain = False,
    limit: Limit = 200,
) -> Response:
    """The newest signal at once, unless Last-Event-ID names it, then one at each bar that closes,
    and a heartbeat every 15 seconds. Recorded nowhere.
    """
    meant = signal_meant_by_query(
        symbol=symbol,
        exchange=exchange,
        timeframe=timeframe,
        horizon_min=horizon_min,
        explain=explain,
        limit=limit,
    )
    asked = Asked(meant, key_and_language(request)[1] if explain else None)
    seen = request.headers.get("last-event-id")
    events = await services_of(request).streams.events(asked, seen=seen)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if asked.language:
        headers |= {"Content-Language": asked.language, "Vary": "Accept-Language"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=MEDIA_TYPE)
    return StreamingResponse(events, headers=headers, media_type=MEDIA_TYPE)
