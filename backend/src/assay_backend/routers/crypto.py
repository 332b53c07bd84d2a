"""Crypto: exchanges' bars."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from assay.market.crypto.feed import MOST_BARS
from assay_backend.answers import send_cacheable
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples
from assay_backend.schemas.crypto import OhlcvAnswer
from assay_backend.schemas.documented import NOT_MODIFIED, answers, problems
from assay_backend.services.container import services_of
from assay_backend.services.ohlcv import OhlcvRequest

router = APIRouter(prefix="/v1/crypto", route_class=StrictRoute, tags=["crypto"])

Symbol = Annotated[
    str,
    Query(
        max_length=64,
        examples=["BTCUSDT"],
        description="A spot market in any common spelling: `BTCUSDT`, `BTC/USDT`, `btc-usdt`",
    ),
]
Exchange = Annotated[
    str, Query(max_length=64, examples=["binance"], description="One of `ASSAY_CRYPTO_EXCHANGES`")
]
TimeframeName = Annotated[
    str, Query(max_length=64, examples=["1h"], description="Any that the exchange has")
]
Limit = Annotated[
    int, Query(ge=1, le=MOST_BARS, examples=[200], description="How many of the newest closed bars")
]


@router.get(
    "/ohlcv",
    operation_id="get_crypto_ohlcv",
    summary="Closed bars of a market, with their provenance",
    response_model=None,
    responses={
        200: answers(OhlcvAnswer, examples.OHLCV, description="The bars"),
        **NOT_MODIFIED,
        **problems(404, 422, 503),
    },
)
async def ohlcv(
    request: Request,
    symbol: Symbol = "BTCUSDT",
    exchange: Exchange = "binance",
    timeframe: TimeframeName = "1h",
    limit: Limit = 200,
) -> Response:
    """The newest closed bars, oldest first. `source` is the exchange that answered: where the one
    asked for cannot be had, another one's bars of the same market stand in.
    """
    services = services_of(request)
    asked = OhlcvRequest(exchange, symbol, timeframe, limit)
    return send_cacheable(await services.ohlcv.answer(asked), request, services.clock.now())
