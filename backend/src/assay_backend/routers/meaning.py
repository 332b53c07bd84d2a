"""What requests for signals mean: bodies, and the headers that count."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from assay_backend.languages import Language, best_language
from assay_backend.schemas.signals import SignalRequest

M = TypeVar("M", bound=BaseModel)

LONGEST_REMEMBERED_BYTES = 512

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def signal_meant_by(body: bytes) -> SignalRequest:
    """What the body asks for; all defaults where there is none.

    Short ones are remembered, since most callers send the same few.
    """
    return _remembered(body) if len(body) <= LONGEST_REMEMBERED_BYTES else _read(body)


def _read(body: bytes) -> SignalRequest:
    return checked(SignalRequest, json_of(body) if body else {})


_remembered = lru_cache(maxsize=1024)(_read)


def signal_meant_by_query(*, horizon_min: int | None, **given: object) -> SignalRequest:
    """The same of parameters; all of them are given but the horizon, perhaps."""
    if horizon_min is not None:
        given["horizon_min"] = horizon_min
    return checked(SignalRequest, given, where="query")


def json_of(body: bytes) -> Any:  # noqa: ANN401 - whatever was sent
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise RequestValidationError([{"loc": ("body",), "msg": f"no JSON: {error}"}]) from None


def checked(model: type[M], given: object, *, where: str = "body") -> M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**item, "loc": (where, *item["loc"])} for item in found]
        ) from None


def key_and_language(request: Request) -> tuple[str | None, Language]:
    """The Idempotency-Key, and the language of sentences; RequestValidationError for a bad key."""
    keys: list[str] = []
    accepted: str | None = None
    for name, value in request.scope["headers"]:
        if name == b"idempotency-key":
            keys.append(value.decode("latin-1"))
        elif name == b"accept-language":
            accepted = value.decode("latin-1")
    if keys and (len(keys) > 1 or not _KEY.fullmatch(keys[0])):
        raise bad_key("1 to 255 visible ASCII characters are needed, once")
    return keys[0] if keys else None, best_language(accepted)


def bad_key(message: str) -> RequestValidationError:
    return RequestValidationError([{"loc": ("header", "Idempotency-Key"), "msg": message}])


def meaning(request: SignalRequest) -> str:
    """Equal for equal questions, defaults filled in; BTC/USDT is BTCUSDT, and btc-usdt too."""
    symbol = re.sub(r"[/_-]", "", request.symbol).upper()
    return json.dumps(
        [symbol, request.exchange, request.timeframe, request.horizon_minutes, request.explain,
         request.limit]
    )  # fmt: skip


def batch_meaning(wanted: list[Any]) -> str:
    """The same of a batch."""
    return json.dumps([_item_meaning(item) for item in wanted])


def _item_meaning(item: object) -> str:
    """That of what is no signal's request is what was sent."""
    try:
        return meaning(SignalRequest.model_validate(item))
    except ValidationError:
        return json.dumps(item, sort_keys=True)
