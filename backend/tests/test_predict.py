"""`POST /predict`: every field that outside programs rely on, and every body that it refuses."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from assay.bundle.files import load_bundle
from assay.calendars import gold_calendar
from assay.features.spec import FEATURE_NAMES
from assay.forecast.pipeline import forecast_next
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay_backend.schemas.documented import Problem
from assay_backend.schemas.forecast import ForecastAnswer

CONTRACT = {
    "prediction", "predicted_date", "today_date", "model_name", "model_type", "model_version",
    "symbol", "currency", "last_close", "expected_return", "probability_up", "intervals",
    "benchmark", "skill", "explanation", "origin", "source", "as_of", "age_seconds", "stale",
}  # fmt: skip
SKILL = {
    "rmse_vs_random_walk", "crps_vs_random_walk", "p_value", "verdict", "origins",
    "evaluated_from", "evaluated_to",
}  # fmt: skip


def numbers_in(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for item in value.values():
            yield from numbers_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, float):
        yield value


def test_the_answer_has_every_field_of_the_contract(standing_client: TestClient) -> None:
    answer = standing_client.post("/predict", json={"predict_tomorrow": True})
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert body.keys() >= CONTRACT
    assert body["skill"].keys() >= SKILL
    assert body["model_name"] == "assay-gold"
    assert (body["symbol"], body["currency"]) == ("GC=F", "USD")
    assert body["benchmark"] == {"name": "random_walk", "prediction": body["last_close"]}
    assert body["skill"]["verdict"] == "no_edge"
    assert body["source"] == "simulated"
    assert body["stale"] is False


def test_the_bytes_are_those_of_the_documented_schema(standing_client: TestClient) -> None:
    answer = standing_client.post("/predict")
    ForecastAnswer.model_validate_json(answer.content)
    assert all(map(math.isfinite, numbers_in(answer.json())))


def test_today_is_the_last_closed_session_and_tomorrow_the_next_one(
    standing_client: TestClient,
) -> None:
    body = standing_client.post("/predict").json()
    assert (body["today_date"], body["predicted_date"]) == ("2026-11-18", "2026-11-19")
    assert body["origin"] == body["as_of"] == "2026-11-18T22:00:00Z"
    assert body["next_origin"] == "2026-11-19T22:00:00Z"
    assert body["age_seconds"] == 3600.0


def test_the_answer_is_what_the_domain_forecasts(
    client: TestClient, folder: Path, clock: object
) -> None:
    gold, sp500 = (
        SimulatedSource(clock).fetch(name, start=FIRST_SESSION, deadline_seconds=1).bars
        for name in ("GC=F", "^GSPC")
    )
    expected = forecast_next(load_bundle(folder).champion, gold, sp500)
    body = client.post("/predict").json()
    assert body["last_close"] == gold.close[-1]
    assert body["prediction"] == expected.median
    assert body["expected_return"] == expected.expected_return
    assert body["probability_up"] == expected.returns.probability_up
    assert body["predicted_date"] == str(gold_calendar().next_session(gold.last_session))
    for interval in body["intervals"]:
        assert (interval["lower"], interval["upper"]) == expected.interval(interval["level"])


def test_intervals_lie_within_each_other_around_the_prediction(
    standing_client: TestClient,
) -> None:
    body = standing_client.post("/predict").json()
    levels = [interval["level"] for interval in body["intervals"]]
    lower = [interval["lower"] for interval in body["intervals"]]
    upper = [interval["upper"] for interval in body["intervals"]]
    assert levels == [0.5, 0.8, 0.95]
    assert lower == sorted(lower, reverse=True)
    assert upper == sorted(upper)
    assert lower[0] < body["prediction"] < upper[0]
    assert body["quantiles"]["0.5"] == body["prediction"]
    assert body["quantiles"]["0.025"] == lower[-1]
    assert body["quantiles"]["0.975"] == upper[-1]


def test_the_explanation_names_every_feature_with_the_largest_effect_first(
    standing_client: TestClient,
) -> None:
    effects = standing_client.post("/predict").json()["explanation"]
    assert {item["feature"] for item in effects} == set(FEATURE_NAMES)
    sizes = [abs(item["effect"]) for item in effects]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0.0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"predict_tomorrow": true}',
        b'{"predict_tomorrow":true}',
        b'{ "predict_tomorrow":true }\n',
    ],
)
def test_these_bodies_ask_for_tomorrow(standing_client: TestClient, body: bytes) -> None:
    assert standing_client.post("/predict", content=body).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"null",
        b"[]",
        b"true",
        b'{"predict_tomorrow": false}',
        b'{"predict_tomorrow": 1}',
        b'{"predict_tomorrow": "true"}',
        b'{"predict_tomorrow": null}',
        b'{"predict_tomorrow": true, "symbol": "GC=F"}',
        b'{"predict_tomorrow": NaN}',
        b'{"predict_tomorrow": Infinity}',
        b'{"predict_tomorrow": 1e999}',
        b'{"predict_tomorrow": true',
        b"\xff\xfe",
        b"[" * 20_000,
    ],
)
def test_other_bodies_are_invalid_input(standing_client: TestClient, body: bytes) -> None:
    answer = standing_client.post("/predict", content=body)
    assert answer.status_code == 422
    problem = Problem.model_validate_json(answer.content)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.title == "Invalid input"
    assert answer.json()["errors"][0]["location"].startswith("body")


def test_what_was_sent_is_not_echoed(standing_client: TestClient) -> None:
    answer = standing_client.post("/predict", json={"predict_tomorrow": "<secret>"})
    assert answer.status_code == 422
    assert "secret" not in answer.text


@pytest.mark.parametrize("length_known", [True, False])
def test_a_body_over_64_kb_is_refused(standing_client: TestClient, length_known: bool) -> None:
    body = b" " * (64 * 1024 + 1)
    parts = (body[at : at + 1000] for at in range(0, len(body), 1000))
    answer = standing_client.post("/predict", content=body if length_known else parts)
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:assay:problem:body-too-large"


def test_a_query_parameter_is_refused(standing_client: TestClient) -> None:
    answer = standing_client.post("/predict?symbol=GC=F")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "query.symbol"


def test_both_ways_of_asking_give_the_same_bytes(standing_client: TestClient) -> None:
    posted = standing_client.post("/predict")
    got = standing_client.get("/v1/gold/forecast")
    assert posted.content == got.content
    assert json.loads(posted.content) == got.json()
