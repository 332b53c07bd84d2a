"""The client against a real server on loopback, well and unwell."""

from __future__ import annotations

import contextlib
import json
import pickle
import socket
from datetime import date

import pytest

from assay_frontend.api.client import AssayClient, certificates
from assay_frontend.api.errors import ApiProblem, ApiTimeout, ApiUnreachable, MalformedAnswer
from upstream.wire import Reply, Upstream

FORECAST = "/v1/gold/forecast"
SPACE, ELSEWHERE = "someone-assay-api.hf.space", "elsewhere.example"


def test_a_forecast_is_read_into_typed_fields(backend):
    forecast = AssayClient(backend.url).forecast()
    assert forecast.target == date(2025, 4, 15)
    assert forecast.median == 3231.4
    assert [interval.level for interval in forecast.intervals] == [0.5, 0.8, 0.95]
    assert forecast.interval(0.8).lower == 3190.1
    assert forecast.skill.coverage == ((0.5, 0.498), (0.8, 0.79), (0.95, 0.946))


def test_history_asks_for_as_many_sessions_as_it_is_told(backend):
    history = AssayClient(backend.url).history(60)
    assert len(history.bars) == 60
    assert backend.requests[-1][0] == "/v1/gold/history?sessions=60"
    assert history.bars == tuple(sorted(history.bars, key=lambda bar: bar.session))


def test_the_evaluation_names_its_champion_among_its_rows(backend):
    evaluation = AssayClient(backend.url).evaluation()
    assert evaluation.n == 3843
    assert evaluation.row(evaluation.champion).rmse_ratio_rw == 1.0021


@pytest.fixture
def far(monkeypatch):
    """Hosts behind a proxy, reached over TLS as from anywhere: `far(respond, *hosts)`."""
    with contextlib.ExitStack() as opened:

        def serve(respond, *hosts):
            upstream = opened.enter_context(Upstream(hosts, respond))
            for name, value in upstream.environment().items():
                monkeypatch.setenv(name, value)
            certificates.cache_clear()
            return upstream

        yield serve
    certificates.cache_clear()


def test_a_private_space_is_asked_with_its_token_in_its_own_header(far, market):
    space = far(lambda _: Reply(body=json.dumps(market.forecast).encode()), SPACE)
    AssayClient(f"https://{SPACE}", hf_token="hf_secret").forecast()
    [request] = space.requests
    assert request.headers["x-hf-authorization"] == "Bearer hf_secret"
    assert "authorization" not in request.headers


def test_the_token_never_travels_in_the_open(backend):
    AssayClient(backend.url, hf_token="hf_secret").forecast()
    assert "hf_secret" not in str(backend.requests[-1])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_takes_the_token_elsewhere(far, backend, status):
    places = [f"https://{ELSEWHERE}{FORECAST}", f"{backend.url}{FORECAST}"]
    for place in places:
        hosts = far(lambda _, to=place: Reply(status, headers={"Location": to}), SPACE, ELSEWHERE)
        with pytest.raises(ApiProblem) as caught:
            AssayClient(f"https://{SPACE}", hf_token="hf_secret").forecast()
        assert caught.value.status == status
        assert {request.host for request in hosts.requests} == {SPACE}
    assert not backend.requests


def test_a_problem_document_keeps_its_detail_and_its_retry_after(backend, replies):
    backend.replies[FORECAST] = replies.problem()
    with pytest.raises(ApiProblem) as caught:
        AssayClient(backend.url).forecast()
    problem = caught.value
    assert (problem.status, problem.retry_after_seconds) == (503, 30.0)
    assert problem.detail == "No gold bars could be had: yahoo did not answer."
    assert problem.request_id == "req-1"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        ("soon", None),
        ("Fri, 31 Dec 1999 23:59:59", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after_may_be_a_date_or_nonsense(backend, replies, header, seconds):
    backend.replies[FORECAST] = replies.problem(retry_after=header)
    with pytest.raises(ApiProblem) as caught:
        AssayClient(backend.url).forecast()
    assert caught.value.retry_after_seconds == seconds


def test_an_error_page_that_is_no_problem_document_is_told_by_its_status(backend, replies):
    backend.replies[FORECAST] = replies(502, b"<h1>Bad Gateway</h1>", {"Content-Type": "text/html"})
    with pytest.raises(ApiProblem) as caught:
        AssayClient(backend.url).forecast()
    assert (caught.value.status, caught.value.title, caught.value.detail) == (
        502,
        "Bad Gateway",
        None,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[1, 2]",
        b'{"prediction": NaN}',
        b'{"prediction": 1e999}',
        b"\xff\xfe",
        b"{}",
    ],
)
def test_an_answer_that_is_no_forecast_is_malformed(backend, replies, body):
    backend.replies[FORECAST] = replies(200, body)
    with pytest.raises(MalformedAnswer):
        AssayClient(backend.url).forecast()


@pytest.mark.parametrize("constant", [float("nan"), float("inf")])
def test_a_number_that_json_does_not_know_spoils_the_whole_answer(
    backend, market, replies, constant
):
    backend.replies[FORECAST] = replies.of({**market.forecast, "beside": constant})
    with pytest.raises(MalformedAnswer, match="not JSON"):
        AssayClient(backend.url).forecast()


def test_an_answer_dripped_byte_by_byte_ends_at_the_deadline(backend, replies):
    backend.replies[FORECAST] = replies(200, b"{" + b" " * 10_000, {}, drip_seconds=0.02)
    with pytest.raises(ApiTimeout) as caught:
        AssayClient(backend.url, deadline_seconds=0.3).forecast()
    assert caught.value.deadline_seconds == 0.3


def test_a_server_that_accepts_and_says_nothing_ends_at_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ApiTimeout):
            AssayClient(f"http://127.0.0.1:{port}", deadline_seconds=0.2).forecast()


def test_a_backend_that_is_not_there_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ApiUnreachable):
        AssayClient(f"http://127.0.0.1:{port}").forecast()


@pytest.mark.parametrize(
    "error",
    [
        ApiTimeout(0.5),
        ApiUnreachable("ConnectError"),
        MalformedAnswer("forecast.prediction is missing"),
        ApiProblem(status=503, title="Away", detail="d", retry_after_seconds=3.0, request_id="r"),
    ],
)
def test_every_error_survives_pickling(error):
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error)
    assert str(copied) == str(error)
    assert vars(copied) == vars(error)


def test_a_near_backend_is_asked_past_any_proxy(backend, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert AssayClient(backend.url).forecast().median == 3231.4


def refusing(replies, good, times, **problem):
    """Refuses so many times, then answers."""
    left = [times]

    def reply(query):
        left[0] -= 1
        return replies.problem(**problem) if left[0] >= 0 else good

    return reply


@pytest.mark.parametrize("times", [1, 2])
def test_a_service_that_is_briefly_unavailable_is_asked_again(backend, market, replies, times):
    good = replies.of(market.forecast)
    backend.replies[FORECAST] = refusing(replies, good, times, retry_after=None)
    assert AssayClient(backend.url).forecast().median == 3231.4
    assert len(backend.requests) == times + 1


def test_it_is_not_asked_a_fourth_time(backend, market, replies):
    good = replies.of(market.forecast)
    backend.replies[FORECAST] = refusing(replies, good, 3, retry_after="0")
    with pytest.raises(ApiProblem):
        AssayClient(backend.url).forecast()
    assert len(backend.requests) == 3


def test_a_wait_that_would_outlast_the_deadline_is_left_to_the_reader(backend, replies):
    backend.replies[FORECAST] = replies.problem(retry_after="9")
    with pytest.raises(ApiProblem):
        AssayClient(backend.url, deadline_seconds=8.0).forecast()
    assert len(backend.requests) == 1


def test_a_market_that_is_not_there_comes_with_similar_names(backend, replies):
    fields = {"symbol": "BTCUSD", "exchange": "binance", "near": ["BTC/USDT", 7, "BTC/USDC"]}
    backend.replies[FORECAST] = replies.problem(status=404, retry_after=None, **fields)
    with pytest.raises(ApiProblem) as caught:
        AssayClient(backend.url).forecast()
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.symbol, error.exchange) == ("BTCUSD", "binance")
    assert error.near == ("BTC/USDT", "BTC/USDC")


def test_what_cannot_pass_is_not_asked_again(backend, replies):
    backend.replies[FORECAST] = replies.problem(status=404, title="Not Found", retry_after=None)
    with pytest.raises(ApiProblem):
        AssayClient(backend.url).forecast()
    assert len(backend.requests) == 1
