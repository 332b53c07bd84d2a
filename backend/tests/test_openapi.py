"""The API's description: complete, and the same in docs/ as in the code."""

from __future__ import annotations

import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from starlette.testclient import TestClient

from assay_backend import openapi
from assay_backend.app import create_app
from assay_backend.settings import Settings

WRITTEN = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # FastAPI warns of an operation id that is not unique
        return create_app(Settings()).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert len(found) >= 8
    return found


def test_the_written_description_is_the_codes(document: dict[str, Any]) -> None:
    written = json.loads(WRITTEN.read_text(encoding="utf-8"))
    assert written == document, "run: python -m assay_backend.openapi"


def test_the_command_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]
) -> None:
    monkeypatch.setattr(sys, "argv", ["openapi", str(tmp_path / "openapi.json")])
    openapi.main()
    assert json.loads((tmp_path / "openapi.json").read_text()) == document


def test_every_operation_has_an_id_of_its_own_a_tag_and_a_summary(
    document: dict[str, Any],
) -> None:
    named = operations(document)
    ids = [operation["operationId"] for _, operation in named]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in named:
        assert set(operation["tags"]) <= tags, name
        assert operation["tags"], name
        assert operation["summary"], name
        assert operation["description"], name


def test_every_answer_has_a_schema_and_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        statuses = operation["responses"]
        assert {"200", "422", "500"} <= statuses.keys(), name
        for status, answer in statuses.items():
            if status == "304":
                continue
            media_type, content = next(iter(answer["content"].items()))
            problem = status not in ("200",) and "health" not in name and "readyz" not in name
            assert (media_type == "application/problem+json") == (problem or status in "422 500")
            assert content["schema"], (name, status)
            assert content["example"], (name, status)


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.split('"')[0] in document["components"]["schemas"]


def test_the_body_of_predict_is_documented(document: dict[str, Any]) -> None:
    body = document["paths"]["/predict"]["post"]["requestBody"]
    assert body["required"] is False
    schema = body["content"]["application/json"]["schema"]
    assert schema["properties"]["predict_tomorrow"]["const"] is True


def test_it_is_served_with_a_page_for_people(standing_client: TestClient) -> None:
    assert standing_client.get("/openapi.json").json()["openapi"].startswith("3.1")
    page = standing_client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")


def test_the_page_needs_no_host_but_this_one(standing_client: TestClient) -> None:
    page = standing_client.get("/docs").text
    assert "//" not in re.sub(r"<!--.*?-->", "", page), "an address with a host"
    assert '"validatorUrl": null' in page, "Swagger UI would ask swagger.io for a badge"
    named = re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page)
    addresses = [urljoin("/docs", one or other) for one, other in named]
    assert {"/openapi.json"} < {*addresses}
    assert len([address for address in addresses if address.endswith((".js", ".css"))]) == 2
    for address in addresses:
        if address != "data:,":
            answer = standing_client.get(address)
            assert answer.status_code == 200, address
            assert answer.content
            assert not re.search(r"""(@import|url\()\s*["']?(https?:)?//""", answer.text), address


def test_an_asset_that_does_not_exist_is_a_problem(standing_client: TestClient) -> None:
    answer = standing_client.get("/docs/assets/none.js")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_each_p_value_says_what_it_tests(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    skill, row = schemas["Skill"]["properties"], schemas["LeaderboardRow"]["properties"]
    assert "squared errors of the median" in skill["p_value"]["description"]
    assert "CRPS of the whole distribution" in skill["crps_p_value"]["description"]
    assert "CRPS of the whole distribution" in row["dm_p_vs_random_walk"]["description"]
    assert row["dm_p_vs_garch_t"]["description"]
    expected_return = schemas["ForecastAnswer"]["properties"]["expected_return"]
    assert "calibrated predictive distribution" in expected_return["description"]


def test_every_get_takes_head_and_no_other_operation_describes_it(
    document: dict[str, Any], standing_client: TestClient
) -> None:
    paths = [path for path, methods in document["paths"].items() if "get" in methods]
    assert len(paths) >= 7
    paths.remove("/v1/crypto/stream")  # never ends; test_stream.py has it
    for path in [*paths, "/openapi.json", "/docs"]:
        asked, got = standing_client.head(path), standing_client.get(path)
        assert asked.status_code == 200, path
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert asked.headers.get(name) == got.headers.get(name), (path, name)
    assert not any("head" in methods for methods in document["paths"].values())


def test_the_examples_are_of_their_schemas() -> None:
    from assay_backend.schemas import examples as e
    from assay_backend.schemas import examples_models as model
    from assay_backend.schemas import examples_signals as signal
    from assay_backend.schemas import examples_track_record as track
    from assay_backend.schemas import (
        forecast,
        gold,
        health,
        metrics,
        models,
        signals,
        track_record,
    )
    from assay_backend.schemas.documented import Problem

    pairs = [
        (forecast.ForecastAnswer, e.FORECAST),
        (gold.HistoryAnswer, e.HISTORY),
        (gold.EvaluationAnswer, e.EVALUATION),
        (health.HealthAnswer, e.HEALTH),
        (health.HealthAnswer, e.UNHEALTHY),
        (health.AliveAnswer, e.ALIVE),
        (health.ReadyAnswer, e.READY),
        (health.ReadyAnswer, e.NOT_READY),
        (health.VersionAnswer, e.VERSION),
        (metrics.MetricsAnswer, e.METRICS),
        (track_record.GoldTrackRecordAnswer, track.GOLD_TRACK_RECORD),
        (track_record.SignalTrackRecordAnswer, track.SIGNAL_TRACK_RECORD),
        (signals.SignalAnswer, signal.SIGNAL),
        (signals.SignalAnswer, signal.UNRECORDED_SIGNAL),
        *((signals.SignalAnswer, stored) for stored in signal.TAIL),
        (signals.BatchAnswer, signal.BATCH),
        (models.ModelsAnswer, model.MODELS),
        (models.ChampionAnswer, model.CHAMPION),
        (models.ModelChange, model.ROLLBACK),
        (Problem, model.NO_SUCH_VERSION),
        (Problem, model.NOT_THE_KEY),
        *((Problem, example) for example in e.PROBLEMS.values()),
    ]
    for schema, example in pairs:
        schema.model_validate(example)
