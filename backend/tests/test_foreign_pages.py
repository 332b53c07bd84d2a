"""Pages of other sites, whose readers' browsers would write here in their name."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from assay_backend.schemas.documented import Problem

HERE = "assay.example:8000"
FORM = {"Host": HERE, "Content-Type": "text/plain"}  # which no browser asks leave for
SIGNAL, BODY = "/v1/crypto/signal", '{"symbol":"BTCUSDT"}'


def signals(client: TestClient) -> int:
    return len(client.get("/v1/crypto/signals/tail?n=1000").json())


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": f"http://{HERE}", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://assay.example:8501"},
        {"Origin": "http://assay.example"},
        {"Origin": f"http://{HERE}.evil.example"},
        {"Origin": f"http://evil.{HERE}"},
        {"Origin": HERE},
        {"Origin": ""},
    ],
)
def test_a_page_of_another_site_writes_nothing(client: TestClient, headers) -> None:
    before = signals(client)
    answer = client.post(SIGNAL, content=BODY, headers=FORM | headers)
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, problem.type) == (403, "urn:assay:problem:foreign-page")
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.request_id == answer.headers["x-request-id"]
    assert problem.instance == SIGNAL
    assert signals(client) == before


@pytest.mark.parametrize(
    "path",
    [
        "/predict",
        SIGNAL,
        "/v1/crypto/signal/batch",
        "/v1/crypto/backtest",
        "/v1/models/rollback",
        "/nothing",
    ],
)
def test_no_path_is_left_open(standing_client: TestClient, path: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = standing_client.request(method, path, headers={"Origin": "https://evil.example"})
        assert answer.json()["type"] == "urn:assay:problem:foreign-page", (method, path)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": f"http://{HERE}"},
        {"Origin": f"https://{HERE}"},  # a proxy has the TLS
        {"Origin": f"HTTP://{HERE.upper()}"},
        {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "same-origin"},  # a proxy's Host
        {"Origin": "http://assay.example:8501", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_programs_and_own_pages_are_answered(client: TestClient, headers) -> None:
    before = signals(client)
    assert client.post(SIGNAL, content=BODY, headers=FORM | headers).status_code == 200
    assert signals(client) == before + 1


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("assay.example:80", "http://assay.example"),
        ("assay.example:443", "https://assay.example"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_port_that_goes_without_saying(standing_client: TestClient, host, origin) -> None:
    headers = {"Host": host, "Origin": origin}
    assert standing_client.post("/predict", headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_is_open_to_all(standing_client: TestClient, method: str) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = standing_client.request(method, SIGNAL, headers=headers)
    assert answer.status_code == (405 if method == "OPTIONS" else 200)


def test_every_operation_that_writes_documents_it(standing_client: TestClient) -> None:
    paths = standing_client.get("/openapi.json").json()["paths"]
    writing = [path["post"] for path in paths.values() if "post" in path]
    assert len(writing) >= 5
    for operation in writing:
        refusal = operation["responses"]["403"]
        assert "another site" in refusal["description"], operation["operationId"]
        assert "application/problem+json" in refusal["content"]
