"""Crypto: how risky a coin is."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from assay.errors import AssayError
from assay.market.crypto.feed import MOST_BARS
from assay_backend.answers import RawHeaders, RawResponse, json_headers, send_cacheable
from assay_backend.error_handlers import problem_of
from assay_backend.languages import Language
from assay_backend.routers.crypto import Exchange, Symbol, TimeframeName
from assay_backend.routers.meaning import (
    bad_key,
    batch_meaning,
    checked,
    json_of,
    key_and_language,
    meaning,
    signal_meant_by,
    signal_meant_by_query,
)
from assay_backend.routers.strict import StrictRoute
from assay_backend.schemas import examples_signals as examples
from assay_backend.schemas.documented import NOT_MODIFIED, answers, problems
from assay_backend.schemas.signals import (
    LEAST_BARS,
    LONGEST_HORIZON_MIN,
    BatchAnswer,
    BatchRequest,
    SignalAnswer,
    SignalRequest,
    batch_body_schema,
)
from assay_backend.services.container import Services, services_of
from assay_backend.services.once import KeyReused, Made, Named
from assay_backend.services.signals import Asked, Prepared, SignalService

MOST_TAIL = 1000

Horizon = Annotated[
    int | None,
    Query(
        ge=1,
        le=LONGEST_HORIZON_MIN,
        description="Minutes ahead, a whole number of bars; else the larger of 60 and one bar",
    ),
]
Explain = Annotated[bool, Query(description="Whether to say why")]
Limit = Annotated[int, Query(ge=LEAST_BARS, le=MOST_BARS, examples=[200])]

_NO_STORE: RawHeaders = [(b"cache-control", b"no-store")]
_VARY: RawHeaders = [(b"vary", b"Accept-Language")]
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 visible ASCII characters. The same request under the same key within "
    "24 hours gets the first answer again, byte for byte, and is recorded once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/crypto", route_class=StrictRoute, tags=["crypto"])


def _body(schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {
        "parameters": [_KEY_PARAMETER],
        "requestBody": {
            "required": required,
            "content": {"application/json": {"schema": schema}},
        },
    }


@router.post(
    "/signal",
    operation_id="post_crypto_signal",
    summary="A coin's risk over the next minutes to days, recorded",
    response_model=None,
    responses={
        200: answers(SignalAnswer, examples.SIGNAL, description="The signal"),
        **problems(403, 404, 413, 422, 503),
    },
    openapi_extra=_body(SignalRequest.model_json_schema(), required=False),
)
async def post_signal(request: Request) -> Response:
    """Volatility, regime, a calibrated risk score and losses at risk, with or without a body. The
    signal is in the ledger before the answer leaves.
    """
    body = await request.body()
    services = services_of(request)
    asked = signal_meant_by(body)
    key, language = key_and_language(request)
    named = Asked(asked, language if asked.explain else None)
    if key is not None:
        return await _signal_once(services, named, key)
    prepared = services.signals.at_hand(named) or await services.signals.prepare(named)
    recorded = services.signals.record(prepared)
    await services.ledger.append([recorded.entry])
    return _sent(recorded.body, named.language)


async def _signal_once(services: Services, asked: Asked, key: str) -> Response:
    async def make() -> Made:
        recorded = services.signals.record(await services.signals.prepare(asked))
        return Made([recorded.entry], _with_language(recorded.body, asked.language))

    named = Named.of(key, endpoint="signal", meaning=meaning(asked.request))
    return _sent(*_without_language(await _once(services, named, make)))


@router.get(
    "/signal",
    operation_id="get_crypto_signal",
    summary="The same for looking: cacheable, recorded nowhere",
    response_model=None,
    responses={
        200: answers(SignalAnswer, examples.UNRECORDED_SIGNAL, description="The signal"),
        **NOT_MODIFIED,
        **problems(404, 422, 503),
    },
)
async def get_signal(
    request: Request,
    symbol: Symbol = "BTCUSDT",
    exchange: Exchange = "binance",
    timeframe: TimeframeName = "1h",
    horizon_min: Horizon = None,
    explain: Explain = False,
    limit: Limit = 200,
) -> Response:
    """The answer of POST with `signal_id` null."""
    services = services_of(request)
    meant = signal_meant_by_query(
        symbol=symbol,
        exchange=exchange,
        timeframe=timeframe,
        horizon_min=horizon_min,
        explain=explain,
        limit=limit,
    )
    language = key_and_language(request)[1] if explain else None
    prepared = await services.signals.prepare(Asked(meant, language))
    answer = services.signals.look(prepared)
    return send_cacheable(answer, request, services.clock.now(), _language_headers(language))


@router.post(
    "/signal/batch",
    operation_id="post_crypto_signal_batch",
    summary="1 to 50 signals at once, each recorded",
    response_model=None,
    responses={
        200: answers(BatchAnswer, examples.BATCH, description="A result for each request"),
        **problems(403, 413, 422, 503),
    },
    openapi_extra=_body(batch_body_schema(), required=True),
)
async def post_batch(request: Request) -> Response:
    """Each as for one signal, in order. What is wrong with one is told in its place."""
    services = services_of(request)
    wanted = checked(BatchRequest, json_of(await request.body())).requests
    key, language = key_and_language(request)
    if key is None:
        made = await _batch(request, wanted, language)
        if made.entries:
            await services.ledger.append(made.entries)
        return _sent(made.answer, language)

    async def make() -> Made:
        made = await _batch(request, wanted, language)
        return Made(made.entries, _with_language(made.answer, language))

    named = Named.of(key, endpoint="batch", meaning=batch_meaning(wanted))
    return _sent(*_without_language(await _once(services, named, make)))


async def _batch(request: Request, wanted: list[Any], language: Language) -> Made:
    """All results, concurrently."""
    signals = services_of(request).signals
    found: list[Prepared | Exception] = await asyncio.gather(
        *(_outcome(signals, item, place, language) for place, item in enumerate(wanted))
    )
    results, entries = [], []
    for outcome in found:
        if isinstance(outcome, Prepared):
            recorded = signals.record(outcome)
            entries.append(recorded.entry)
            results.append(b'{"ok":true,"signal":%b}' % recorded.body)
        else:
            results.append(_refused(request, outcome))
    return Made(entries, b'{"results":[%b]}' % b",".join(results))


async def _outcome(
    signals: SignalService, item: object, place: int, language: Language
) -> Prepared | Exception:
    """The signal, or why there is none."""
    try:
        meant = checked(SignalRequest, item, where=f"body.requests.{place}")
        return await signals.prepare(Asked(meant, language if meant.explain else None))
    except Exception as error:  # noqa: BLE001 - told in its place, and a bug logged
        return error


def _refused(request: Request, error: Exception) -> bytes:
    if not isinstance(error, AssayError | RequestValidationError):
        log.error("Request %s", request.scope.get("request_id"), exc_info=error)
    document = {"ok": False, "problem": problem_of(request, error)}
    return json.dumps(document, allow_nan=False, default=str).encode()


@router.get(
    "/signals/tail",
    operation_id="get_crypto_signals_tail",
    summary="The newest recorded signals",
    response_model=None,
    responses={
        200: {
            **answers(SignalAnswer, examples.TAIL, description="Oldest first"),
            "model": list[SignalAnswer],
        },
        **problems(422, 503),
    },
)
async def tail(
    request: Request,
    n: Annotated[int, Query(ge=1, le=MOST_TAIL, examples=[5], description="How many")] = 5,
) -> Response:
    """The last `n` stored signals as they were answered, but for `explain`; oldest first."""
    database = services_of(request).database
    rows = await asyncio.to_thread(lambda: database.store().ledger.tail(n, kind="signal"))
    return _sent(b"[%b]" % b",".join(row.entry.payload for row in rows), None)


# What is answered


async def _once(services: Services, named: Named, make: Callable[[], Awaitable[Made]]) -> bytes:
    try:
        return await services.once.answer(named, make)
    except KeyReused:
        raise bad_key("it came with another request before; use a new key") from None


def _sent(body: bytes, language: Language | None) -> Response:
    headers = [*json_headers(body), *_NO_STORE, *_language_headers(language)]
    return RawResponse(body, headers)


def _language_headers(language: Language | None) -> RawHeaders:
    return [(b"content-language", language.encode()), *_VARY] if language else []


def _with_language(body: bytes, language: Language | None) -> bytes:
    """What is remembered of an answer: the language of its sentences, if any, and the body."""
    return (language or "").encode() + b"\n" + body


def _without_language(remembered: bytes) -> tuple[bytes, Language | None]:
    language, _, body = remembered.partition(b"\n")
    return body, "es" if language == b"es" else "en" if language == b"en" else None
