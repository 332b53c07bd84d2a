"""Crypto: a coin's past hours, for looking."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from assay.volatility.model import LONGEST_HOURS
from assay_backend.answers import send_cacheable
from assay_backend.routers.crypto import Exchange, Symbol
from assay_backend.routers.meaning import checked
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples_regimes as examples
from assay_backend.schemas.documented import NOT_MODIFIED, answers, problems
from assay_backend.schemas.regimes import (
    HOUR_MIN,
    MOST_ROWS,
    USUAL_HORIZON_MIN,
    USUAL_ROWS,
    RegimesAnswer,
    RegimesRequest,
)
from assay_backend.services.container import services_of

router = APIRouter(prefix="/v1/crypto", route_class=StrictRoute, tags=["crypto"])

Horizon = Annotated[
    int,
    Query(
        ge=HOUR_MIN,
        le=LONGEST_HOURS * HOUR_MIN,
        description="Minutes ahead that risk and volatility look, in whole hours. The regime is "
        "the same whatever it is",
    ),
]
Hours = Annotated[
    int, Query(ge=1, le=MOST_ROWS, examples=[720], description="How many of the newest hours")
]


@router.get(
    "/regimes",
    operation_id="get_crypto_regimes",
    summary="Regime, risk and volatility along a coin's past hours",
    response_model=None,
    responses={
        200: answers(RegimesAnswer, examples.REGIMES, description="The hours"),
        **NOT_MODIFIED,
        **problems(404, 422, 503),
    },
)
async def regimes(
    request: Request,
    symbol: Symbol = "BTCUSDT",
    exchange: Exchange = "binance",
    horizon_min: Horizon = USUAL_HORIZON_MIN,
    hours: Hours = USUAL_ROWS,
) -> Response:
    """What the champion of today says at the close of each past hour, from bars closed by then
    only, oldest first. A replay, recorded nowhere: `/v1/crypto/track-record` has what was said.
    """
    given = {
        "symbol": symbol, "exchange": exchange, "horizon_min": horizon_min, "hours": hours,
    }  # fmt: skip
    services = services_of(request)
    meant = checked(RegimesRequest, given, where="query")
    answer = await services.regimes.answer(meant)
    return send_cacheable(answer, request, services.clock.now())
