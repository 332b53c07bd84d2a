"""Every error is a problem document; a bug tells its caller nothing but a request id."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator

import httpx2
import pytest
from fastapi import FastAPI, Response
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from assay import errors
from assay_backend.app import create_app
from assay_backend.error_handlers import STATUS
from assay_backend.schemas.documented import Problem


@pytest.fixture
def app(serve: Callable) -> Iterator[tuple[FastAPI, TestClient]]:
    with serve() as client:
        yield client.app, client


def every_error() -> Iterator[type[errors.AssayError]]:
    pending = [errors.AssayError]
    while pending:
        kind = pending.pop()
        yield kind
        pending += kind.__subclasses__()


def example_of(kind: type[errors.AssayError]) -> errors.AssayError:
    if issubclass(kind, errors.TooLittleHistory):
        return kind("too little", needed=10, available=float("nan"))
    if issubclass(kind, errors.BundleError):
        return kind("it is broken", path="data/processed/scaler.json")
    if issubclass(kind, errors.SourceUnavailable | errors.TooBusy):
        return kind("no answer", retry_after_seconds=41.2, status="shadowed", url=object())
    return kind("a sentence")


@pytest.mark.parametrize("kind", [*every_error()], ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_is_a_problem_document(app, kind: type) -> None:
    api, client = app

    @api.get("/fails")
    async def fails() -> None:
        raise example_of(kind)

    answer = client.get("/fails")
    problem = Problem.model_validate_json(answer.content)
    expected = next((STATUS[base] for base in kind.__mro__ if base in STATUS), 500)
    assert answer.status_code == problem.status == expected
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.instance == "/fails"
    assert problem.request_id == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (expected == 503)


def test_a_source_that_says_when_to_come_back_is_believed(app) -> None:
    api, client = app

    @api.get("/fails")
    async def fails() -> None:
        raise example_of(errors.RateLimited)

    answer = client.get("/fails")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "42"
    assert answer.json()["retry_after_seconds"] == 41.2
    assert answer.json()["type"] == "urn:assay:problem:rate-limited"


def test_what_does_not_exist_is_a_404(standing_client: TestClient) -> None:
    answer = standing_client.get("/v1/silver/forecast")
    assert answer.status_code == 404
    assert "/v1/silver/forecast" in Problem.model_validate_json(answer.content).detail


def test_a_wrong_method_is_a_405_that_names_the_right_ones(standing_client: TestClient) -> None:
    answer = standing_client.get("/predict")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    Problem.model_validate_json(answer.content)


def test_a_405_names_the_methods_of_every_operation_of_its_path(
    standing_client: TestClient,
) -> None:
    answer = standing_client.delete("/v1/crypto/signal")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("path", ["/health", "/v1/gold/forecast"])
def test_what_is_only_read_takes_get_and_head(standing_client: TestClient, path: str) -> None:
    answer = standing_client.post(path)
    assert answer.status_code == 405
    assert {*answer.headers["allow"].split(", ")} == {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/predict", "POST"),
        ("/health", "GET, HEAD"),
        ("/v1/crypto/signal", "GET, HEAD, POST"),
        ("/v1/models/rollback", "POST"),
    ],
)
def test_options_learns_what_a_path_takes(
    standing_client: TestClient, path: str, allowed: str
) -> None:
    answer = standing_client.options(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    Problem.model_validate_json(answer.content)


@pytest.mark.parametrize("path", ["/version", "/readyz", "/livez", "/metrics", "/v1/status"])
def test_head_says_what_get_says_but_the_body(standing_client: TestClient, path: str) -> None:
    head, got = standing_client.head(path), standing_client.get(path)
    assert (head.status_code, head.content) == (got.status_code, b"") == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("path", ["/health/", "/v1/gold/forecast/", "/predict/", "/docs/"])
def test_a_trailing_slash_names_nothing(standing_client: TestClient, path: str) -> None:
    answer = standing_client.get(path, follow_redirects=False)
    assert answer.status_code == 404
    assert path in Problem.model_validate_json(answer.content).detail


def test_a_bug_is_a_500_that_leaks_nothing_and_is_logged(app, caplog) -> None:
    api, client = app

    @api.get("/fails")
    async def fails() -> None:
        raise KeyError("internals")

    with caplog.at_level(logging.ERROR):
        answer = client.get("/fails", headers={"X-Request-ID": "abc-1"})
    assert answer.status_code == 500
    problem = Problem.model_validate_json(answer.content)
    assert "internals" not in answer.text
    assert "KeyError" not in answer.text
    assert problem.request_id == answer.headers["x-request-id"] == "abc-1"
    [record] = [record for record in caplog.records if record.name.startswith("assay_backend")]
    assert "abc-1" in record.getMessage()
    assert record.exc_info[0] is KeyError


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing", 404), ("/v1/crypto/ohlcv?limit=x", 422), ("/v1/crypto/ohlcv?exchange=x", 422)],
)
def test_a_hundred_errors_at_once_take_no_thread(app, path: str, status: int) -> None:
    api, client = app

    async def with_state(scope, receive, send) -> None:
        await api({**scope, "state": dict(client.app_state)}, receive, send)

    async def ask_at_once() -> list[int]:
        transport = httpx2.ASGITransport(app=with_state)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as asking:
            answers = await asyncio.gather(*(asking.get(path) for _ in range(100)))
        return [answer.status_code for answer in answers]

    before = {thread for thread in threading.enumerate() if "worker" in thread.name}
    assert asyncio.run(ask_at_once()) == [status] * 100
    assert {thread for thread in threading.enumerate() if "worker" in thread.name} <= before


def test_half_an_answer_is_cut_and_never_finished_with_another(app) -> None:
    api, client = app

    @api.get("/fails")
    async def fails() -> Response:
        async def parts():
            yield b"half"
            raise KeyError("internals")

        return StreamingResponse(parts())

    with pytest.raises(KeyError):
        client.get("/fails")


def test_who_waits_when_the_process_ends_is_told_to_ask_again(app) -> None:
    api, client = app

    @api.get("/waits")
    async def waits() -> None:
        await asyncio.Event().wait()

    async def ask_and_be_cancelled() -> httpx2.Response:
        asked: list[asyncio.Task[None]] = []

        async def cancelled(scope, receive, send) -> None:
            scope = {**scope, "state": dict(client.app_state)}
            asked.append(asyncio.create_task(api(scope, receive, send)))
            asyncio.get_running_loop().call_later(0.01, asked[0].cancel)
            await asked[0]

        transport = httpx2.ASGITransport(app=cancelled)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as asking:
            return await asking.get("/waits")

    answer = asyncio.run(ask_and_be_cancelled())
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "ending" in problem.detail


def test_the_last_answer_of_a_connection_says_so(app) -> None:
    _, client = app
    assert "connection" not in client.get("/livez").headers
    client.app_state["services"].ending.begin()
    assert client.get("/livez").headers["connection"] == "close"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["problems"]) == (503, ["the service is ending"])


@pytest.mark.parametrize("given", ["abc", "A.b_c-9", "x" * 64])
def test_a_well_formed_request_id_is_kept(standing_client: TestClient, given: str) -> None:
    answer = standing_client.get("/livez", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "<script>", "id;"])
def test_any_other_request_id_is_replaced(standing_client: TestClient, given: str) -> None:
    answer = standing_client.get("/livez", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] not in ("", given)


def test_no_two_requests_have_the_same_id(standing_client: TestClient) -> None:
    seen = [standing_client.get("/livez").headers["x-request-id"] for _ in range(50)]
    assert len(set(seen)) == 50


def test_bad_settings_stop_the_app_where_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "none")
    with pytest.raises(Exception, match="PORT"), TestClient(create_app()):
        pass
