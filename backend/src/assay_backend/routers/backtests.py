"""Crypto: how the signals did on past bars."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from assay_backend.answers import send_once
from assay_backend.routers.meaning import checked, json_of
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples_backtests as examples
from assay_backend.schemas.backtests import BacktestAnswer, BacktestRequest, backtest_body_schema
from assay_backend.schemas.documented import answers, problems
from assay_backend.services.container import services_of

router = APIRouter(prefix="/v1/crypto", route_class=StrictRoute, tags=["crypto"])


@router.post(
    "/backtest",
    operation_id="post_crypto_backtest",
    summary="The signals on past bars, and what an exposure led by them would have earned",
    response_model=None,
    responses={
        200: answers(BacktestAnswer, examples.BACKTEST, description="The back-test"),
        **problems(403, 404, 413, 422, 503),
    },
    openapi_extra={
        "requestBody": {
            "required": False,
            "content": {"application/json": {"schema": backtest_body_schema()}},
        }
    },
)
async def post_backtest(request: Request) -> Response:
    """Walk-forward, with or without a body: each hour's signal knows bars closed by then only, and
    is traded at the next bar's open with fees and slippage. An exposure that aims at a volatility,
    beside buy-and-hold on the same bars with the same costs; and the signals themselves, beside HAR
    and "yesterday". Recorded nowhere.
    """
    body = await request.body()
    meant = checked(BacktestRequest, json_of(body) if body else {})
    services = services_of(request)
    return send_once(await services.backtests.answer(meant), services.clock.now())
