"""The typed client. Every call has one total deadline, drip-fed answers included."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import secrets
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import NoReturn, TypeGuard, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx

from assay_frontend.api.backtest_models import Backtest
from assay_frontend.api.crypto_models import CoinBars, CoinHours, Signal, read_signals
from assay_frontend.api.errors import (
    ApiError,
    ApiProblem,
    ApiTimeout,
    ApiUnreachable,
    MalformedAnswer,
)
from assay_frontend.api.models import Evaluation, Forecast, History
from assay_frontend.api.registry_models import ChampionCard, Registry
from assay_frontend.api.status_models import Health, LedgerCheck, Metrics, Status
from assay_frontend.api.track_models import GoldRecord, SignalRecord
from assay_frontend.markets import CoinChoice

T = TypeVar("T")

RETRY_SECONDS = (0.25, 0.5)
MAX_ANSWER_BYTES = 16 * 1024 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None


class AssayClient:
    """Asks the backend at `api_url`; raises the errors of `api.errors` and nothing else."""

    def __init__(
        self,
        api_url: str,
        *,
        deadline_seconds: float = 8.0,
        patience_seconds: float = 30.0,
        hf_token: str | None = None,
    ) -> None:
        """`patience_seconds` is the deadline of what is worked out on demand.

        The token goes to `api_url` over https and nowhere else: no redirect is followed.
        """
        self.api_url = api_url.rstrip("/")
        self._deadline_seconds = deadline_seconds
        self._patience_seconds = patience_seconds
        self._headers = {"Accept": "application/json, application/problem+json"}
        if hf_token and urlsplit(self.api_url).scheme == "https":
            self._headers["X-HF-Authorization"] = f"Bearer {hf_token}"

    def forecast(self) -> Forecast:
        return self._get("/v1/gold/forecast", Forecast.parse)

    def history(self, sessions: int) -> History:
        return self._get(f"/v1/gold/history?sessions={sessions}", History.parse)

    def evaluation(self) -> Evaluation:
        return self._get("/v1/gold/evaluation", Evaluation.parse)

    def signal(self, choice: CoinChoice, *, language: str) -> Signal:
        """To look at: the backend records nothing."""
        query = {
            "symbol": choice.symbol,
            "exchange": choice.exchange,
            "timeframe": choice.timeframe,
            "horizon_min": choice.horizon_minutes,
            "explain": "true",
        }
        return self._get(
            f"/v1/crypto/signal?{urlencode(query)}", Signal.parse, {"Accept-Language": language}
        )

    def coin_bars(self, exchange: str, symbol: str, timeframe: str, *, limit: int) -> CoinBars:
        query = {"symbol": symbol, "exchange": exchange, "timeframe": timeframe, "limit": limit}
        return self._get(f"/v1/crypto/ohlcv?{urlencode(query)}", CoinBars.parse)

    def coin_hours(self, choice: CoinChoice, *, hours: int) -> CoinHours:
        """What the model says of past hours, over the choice's horizon."""
        query = {
            "symbol": choice.symbol,
            "exchange": choice.exchange,
            "horizon_min": choice.horizon_minutes,
            "hours": hours,
        }
        return self._get(f"/v1/crypto/regimes?{urlencode(query)}", CoinHours.parse)

    def backtest(self, choice: CoinChoice, *, hours: int) -> Backtest:
        """The signals of the last `hours` over the choice's horizon; recorded nowhere."""
        body = {
            "symbol": choice.symbol,
            "exchange": choice.exchange,
            "timeframe": "1h",
            "horizon_min": choice.horizon_minutes,
            "limit": hours,
        }
        return self._post("/v1/crypto/backtest", body, Backtest.parse)

    def recent_signals(self, n: int) -> tuple[Signal, ...]:
        """Stored signals of all markets, newest first."""
        return self._get(f"/v1/crypto/signals/tail?n={n}", read_signals)

    def gold_record(self, n: int) -> GoldRecord:
        """The newest `n` issued forecasts with their outcomes."""
        return self._get(f"/v1/gold/track-record?n={n}", GoldRecord.parse)

    def signal_record(self, exchange: str, symbol: str, n: int) -> SignalRecord:
        """The newest `n` signals of a market with what came of them."""
        query = {"symbol": symbol, "exchange": exchange, "n": n}
        return self._get(f"/v1/crypto/track-record?{urlencode(query)}", SignalRecord.parse)

    def champion(self) -> ChampionCard:
        """All that the champion says of itself."""
        return self._get("/v1/models/champion", ChampionCard.parse)

    def registry(self) -> Registry:
        """Versions at hand, and the history of promotions."""
        return self._get("/v1/models", Registry.parse)

    def status(self) -> Status:
        return self._get("/v1/status", Status.parse)

    def health(self) -> Health:
        """An unhealthy service says so with 503."""
        return self._get("/health", Health.parse, statuses=(200, 503))

    def metrics(self) -> Metrics:
        return self._get("/metrics", Metrics.parse)

    def ledger_check(self) -> LedgerCheck:
        """Every hash recomputed."""
        return self._get("/v1/ledger/verify", LedgerCheck.parse)

    def _get(
        self,
        path: str,
        parse: Callable[[object], T],
        headers: Mapping[str, str] | None = None,
        *,
        statuses: Sequence[int] = (200,),
    ) -> T:
        """`statuses` are those that come with the answer; a problem document is none."""
        call = Call("GET", path, headers or {})
        return self._ask(call, parse, self._deadline_seconds, statuses=statuses)

    def _post(self, path: str, body: object, parse: Callable[[object], T]) -> T:
        call = Call("POST", path, {"Content-Type": "application/json"}, json.dumps(body).encode())
        return self._ask(call, parse, self._patience_seconds)

    def _ask(
        self,
        call: Call,
        parse: Callable[[object], T],
        deadline_seconds: float,
        *,
        statuses: Sequence[int] = (200,),
    ) -> T:
        """Under an id that the API's log has too."""
        request_id = f"dashboard-{secrets.token_hex(8)}"
        call = replace(call, headers={**call.headers, "X-Request-ID": request_id})
        try:
            answer = asyncio.run(self._fetch(call, deadline_seconds))
            if answer.status not in statuses or (
                answer.status != 200 and not _is_plain_json(answer)
            ):
                raise _problem(answer, request_id)
            return parse(_decode(answer.body))
        except ApiError as error:
            _log_failure(call, request_id, error)
            raise

    async def _fetch(self, call: Call, deadline_seconds: float) -> Answer:
        """Asks again after 503 where the wait that it names, or a short one, ends in time."""
        until = asyncio.get_running_loop().time() + deadline_seconds
        try:
            async with asyncio.timeout(deadline_seconds):
                answer = await self._read(call)
                for usual in RETRY_SECONDS:
                    wait = _retry_after(answer.headers.get("Retry-After"))
                    wait = usual if wait is None else max(wait, usual)
                    if answer.status != 503 or _gives_answer(answer):
                        break
                    if asyncio.get_running_loop().time() + wait >= until:
                        break
                    await asyncio.sleep(wait)
                    answer = await self._read(call)
                return answer
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ApiTimeout(deadline_seconds) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ApiUnreachable(f"{type(error).__name__}: {error}") from error

    async def _read(self, call: Call) -> Answer:
        client = httpx.AsyncClient(
            base_url=self.api_url,
            headers={**self._headers, **call.headers},
            timeout=None,  # noqa: S113  # the caller's deadline covers the whole call
            verify=certificates(),
            trust_env=not _is_near(self.api_url),
        )
        stream = client.stream(call.method, call.path, content=call.body)
        async with client, stream as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise MalformedAnswer(f"the answer is over {MAX_ANSWER_BYTES} bytes")
            return Answer(response.status_code, response.headers, bytes(body))


@cache
def certificates() -> ssl.SSLContext:
    """Whom to believe over https, read once: that takes longer than most answers do."""
    return httpx.create_ssl_context()


def _is_near(api_url: str) -> bool:
    """Whether it is this machine, or a neighbour by its bare name: no proxy may stand between."""
    host = urlsplit(api_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host


def _gives_answer(answer: Answer) -> bool:
    """An unhealthy service says so with 503 and its figures: no reason to ask again."""
    return answer.status == 503 and _is_plain_json(answer)


def _is_plain_json(answer: Answer) -> bool:
    return answer.headers.get("Content-Type", "").partition(";")[0] == "application/json"


def _reject_constant(name: str) -> NoReturn:
    raise MalformedAnswer(f"the answer holds {name}, which is not JSON")


def _decode(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer("the answer is not JSON") from error


def _log_failure(call: Call, request_id: str, error: ApiError) -> None:
    """Without the query: what a reader looks at is nobody's business."""
    path = call.path.partition("?")[0]
    status = error.status if isinstance(error, ApiProblem) else None
    fields = {"request_id": request_id, "method": call.method, "path": path, "status": status}
    level = logging.INFO if status in (404, 422) else logging.WARNING
    sentence = "%s %s failed (request %s): %s"
    log.log(level, sentence, call.method, path, request_id, error, extra={"fields": fields})


def _problem(answer: Answer, request_id: str) -> ApiProblem:
    """RFC 9457 where the body is one; otherwise what the status alone says."""
    try:
        decoded = _decode(answer.body)
    except MalformedAnswer:
        decoded = None
    fields = decoded if isinstance(decoded, dict) else {}

    def text(name: str) -> str | None:
        value = fields.get(name)
        return value if isinstance(value, str) and value else None

    near = fields.get("near")
    return ApiProblem(
        status=answer.status,
        title=text("title") or httpx.codes.get_reason_phrase(answer.status) or "error",
        detail=text("detail"),
        retry_after_seconds=_retry_after(answer.headers.get("Retry-After")),
        request_id=text("request_id") or request_id,
        symbol=text("symbol"),
        exchange=text("exchange"),
        near=tuple(filter(_is_text, near)) if isinstance(near, list) else (),
    )


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


def _retry_after(value: str | None) -> float | None:
    """Seconds, or an HTTP date; None where it says neither."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
