"""What was forecast and what came of it: gold's forecasts, and coins' signals."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from assay_backend.answers import send_cacheable
from assay_backend.callers import Role
from assay_backend.routers.crypto import Exchange, Symbol
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples_track_record as examples
from assay_backend.schemas.documented import NOT_MODIFIED, answers, problems
from assay_backend.schemas.track_record import GoldTrackRecordAnswer, SignalTrackRecordAnswer
from assay_backend.services.container import services_of

MOST_ROWS = 2000

router = APIRouter(prefix="/v1", route_class=StrictRoute)

Rows = Annotated[
    int, Query(ge=1, le=MOST_ROWS, examples=[250], description="How many of the newest rows")
]
Whose = Annotated[Role, Query(description="Champions' forecasts, or those of challengers")]


@router.get(
    "/gold/track-record",
    operation_id="get_gold_track_record",
    tags=["gold"],
    summary="Issued gold forecasts with what came of them",
    response_model=None,
    responses={
        200: answers(
            GoldTrackRecordAnswer, examples.GOLD_TRACK_RECORD, description="The track record"
        ),
        **NOT_MODIFIED,
        **problems(422, 503),
    },
)
async def gold_track_record(request: Request, n: Rows = 250, role: Whose = "champion") -> Response:
    """The newest forecasts, oldest first, each as it was written down before its outcome was known;
    and how often intervals held, and the skill beside the random walk, so far. Challengers, which
    part of the callers get on trial, have a record of their own.
    """
    services = services_of(request)
    answer = await services.track_record.gold(n=n, role=role)
    return send_cacheable(answer, request, services.clock.now())


@router.get(
    "/crypto/track-record",
    operation_id="get_crypto_track_record",
    tags=["crypto"],
    summary="Stored signals of a market with what came of them",
    response_model=None,
    responses={
        200: answers(
            SignalTrackRecordAnswer, examples.SIGNAL_TRACK_RECORD, description="The track record"
        ),
        **NOT_MODIFIED,
        **problems(404, 422, 503),
    },
)
async def crypto_track_record(
    request: Request, symbol: Symbol = "BTCUSDT", exchange: Exchange = "binance", n: Rows = 250
) -> Response:
    """The newest signals made of this exchange's bars, oldest first: realized volatility, whether
    the risk came about, and how reliable risk scores, intervals and values at risk were so far.
    """
    services = services_of(request)
    answer = await services.track_record.crypto(symbol=symbol, exchange=exchange, n=n)
    return send_cacheable(answer, request, services.clock.now())
