"""Which champions there are, and going back to an earlier one while requests come."""

from __future__ import annotations

import json
import os
import stat
import threading

import pytest
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import Request

from assay.bundle.files import METADATA, SCALER
from assay.bundle.promotion import rollback_target
from assay_backend.schemas.models import ChampionAnswer, ModelChange, ModelsAnswer
from assay_backend.services.admin_gate import MOST_NETWORKS, AdminGate

KEY = "correct horse"
OLD, NEW = "2026-10-23-small", "2026-10-30-small"
GIVEN = {"X-API-Key": KEY}


@pytest.fixture
def folder(tmp_path, publish):
    """A champion, and the one before it."""
    publish(tmp_path / "bundle", version=OLD, slope=0.02)
    publish(tmp_path / "bundle", version=NEW)
    return tmp_path / "bundle"


@pytest.fixture
def admin(serve):
    with serve(admin_key=SecretStr(KEY)) as client:
        yield client


def served(client):
    return client.post("/predict").json()["model_version"]


def test_versions_and_their_history(client):
    body = client.get("/v1/models").json()
    ModelsAnswer.model_validate(body)
    assert (body["champion"], body["rollback_to"], body["problems"]) == (NEW, OLD, [])
    told = [(each["version"], each["serves"], each["verdict"]) for each in body["versions"]]
    assert told == [(NEW, True, "no_edge"), (OLD, False, "no_edge")]
    assert [(each["action"], each["version"], each["replaced"]) for each in body["history"]] == [
        ("publish", OLD, None),
        ("publish", NEW, OLD),
    ]
    assert body["history"][1]["why"] == "passed"
    assert body["history"][1]["at"] == "2026-11-01T06:00:00Z"


def test_the_champion_tells_all_of_itself(client):
    answer = client.get("/v1/models/champion")
    body = answer.json()
    ChampionAnswer.model_validate(body)
    assert body["model_version"] == NEW
    assert {row["name"] for row in body["evaluation"]["rows"]} >= {"random_walk", "garch_t"}
    assert body["evaluation"]["champion"] == "log_linear_t"
    assert body["calibration"]["n"] == sum(body["calibration"]["pit"]) == 200
    assert set(body["calibration"]["pit"]) <= {19, 20, 21}  # 200 even steps from 0.01 to 0.99
    assert body["calibration"]["coverage"]["0.8"] == pytest.approx(0.8, abs=0.02)
    again = client.get("/v1/models/champion", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_without_a_champion_the_rest_is_told(serve, tmp_path):
    with serve(model_uri=str(tmp_path / "none")) as client:
        body = client.get("/v1/models").json()
        ModelsAnswer.model_validate(body)
        assert (body["champion"], body["versions"], body["history"]) == (None, [], [])
        assert body["problems"]
        assert client.get("/v1/models/champion").status_code == 503


def test_numbers_that_json_has_not_are_left_out_of_former_versions(serve, folder, publish):
    def change(contents):
        metadata = json.loads(contents[METADATA])
        metadata["skill"]["crps_vs_random_walk"] = float("inf")
        metadata["type"], metadata["volatility"] = 7, []
        contents[METADATA] = json.dumps(metadata).encode()

    publish(folder, version="odd", change=change)
    publish(folder, version="even")
    with serve() as client:
        body = client.get("/v1/models").json()
    ModelsAnswer.model_validate(body)
    odd = next(each for each in body["versions"] if each["version"] == "odd")
    assert odd["crps_vs_random_walk"] is odd["model_type"] is odd["volatility_version"] is None


def test_a_rollback_serves_the_earlier_champion_at_once_and_is_on_record(admin, clock):
    assert served(admin) == NEW
    answer = admin.post(
        "/v1/models/rollback", headers=GIVEN, json={"by": "ada", "why": "too narrow on Friday"}
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    change = answer.json()
    ModelChange.model_validate(change)
    assert (change["action"], change["version"], change["replaced"]) == ("rollback", OLD, NEW)
    assert (change["by"], change["why"], change["at"]) == (
        "ada", "too narrow on Friday", "2026-11-18T23:00:00Z",
    )  # fmt: skip
    assert served(admin) == OLD
    assert admin.get("/v1/models/champion").json()["model_version"] == OLD
    assert admin.get("/v1/models").json()["history"][-1] == change
    assert admin.get("/version").json()["model_version"] == OLD


def test_there_and_back_by_version(admin):
    assert admin.post("/v1/models/rollback", headers=GIVEN).json()["version"] == OLD
    body = admin.post("/v1/models/rollback", headers=GIVEN, json={"version": NEW}).json()
    assert (body["action"], body["version"]) == ("promote", NEW)
    assert served(admin) == NEW


def test_no_earlier_version_is_a_conflict_and_an_unknown_one_not_found(admin):
    admin.post("/v1/models/rollback", headers=GIVEN)
    none = admin.post("/v1/models/rollback", headers=GIVEN)
    assert (none.status_code, none.json()["title"]) == (409, "No earlier version")
    unknown = admin.post("/v1/models/rollback", headers=GIVEN, json={"version": "2001"})
    assert (unknown.status_code, unknown.json()["kept"]) == (404, [NEW])
    assert served(admin) == OLD


@pytest.mark.parametrize(
    ("headers", "status", "title"),
    [
        ({}, 401, "No key given"),
        ({"X-API-Key": ""}, 401, "No key given"),
        ({"X-API-Key": "wrong"}, 403, "Forbidden"),
        ({"X-API-Key": KEY.upper()}, 403, "Forbidden"),
        ({"X-API-Key": "ñandú".encode()}, 403, "Forbidden"),
    ],
)
def test_only_the_administrators_key_may(admin, headers, status, title):
    answer = admin.post("/v1/models/rollback", headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == title
    assert KEY not in answer.text
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert served(admin) == NEW


def rollback_from(host, key=b"wrong"):
    return Request({"type": "http", "headers": [(b"x-api-key", key)], "client": (host, 1)})


def statuses(gate, *requests):
    def status(request):
        try:
            gate.check(request)
        except HTTPException as refusal:
            return refusal.status_code
        return 200

    return [status(request) for request in requests]


def test_after_a_few_wrong_keys_none_is_heard_for_a_moment_that_nobody_prolongs():
    now = [100.0]
    gate = AdminGate(SecretStr(KEY), seconds=lambda: now[0])
    wrong, right = rollback_from("192.0.2.7"), rollback_from("192.0.2.7", KEY.encode())
    assert statuses(gate, right, *[wrong] * 4, right) == [200, 403, 403, 403, 403, 200]
    now[0] += 4
    assert statuses(gate, wrong, wrong, right) == [403, 429, 429]
    with pytest.raises(HTTPException) as refused:
        gate.check(right)
    assert refused.value.headers == {"Retry-After": "6"}
    now[0] += 5.9
    assert statuses(gate, *[wrong] * 100) == [429] * 100
    now[0] += 0.2  # ten seconds after the first
    assert statuses(gate, right, *[wrong] * 4, right) == [200, 403, 403, 403, 403, 429]


def test_each_network_has_tries_of_its_own_and_few_are_remembered():
    gate = AdminGate(SecretStr(KEY))
    of_one_home = [rollback_from(f"2001:db8:0:1::{number}") for number in range(6)]
    assert statuses(gate, *of_one_home) == [403] * 5 + [429]
    assert statuses(gate, rollback_from("2001:db8:0:2::1", KEY.encode())) == [200]
    for number in range(2000):
        statuses(gate, rollback_from(f"10.0.{number // 250}.{number % 250}"))
    assert len(gate._wrong) == MOST_NETWORKS


def test_too_many_wrong_keys_are_a_problem_document(admin):
    answers = [admin.post("/v1/models/rollback", headers={"X-API-Key": "x"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    assert answers[-1].json()["title"] == "Too many requests"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10


def test_where_no_key_is_set_nobody_may(client):
    for headers in ({}, GIVEN, {"X-API-Key": "None"}):
        answer = client.post("/v1/models/rollback", headers=headers)
        assert answer.status_code == 403
        assert "ASSAY_ADMIN_KEY is not set" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body", [{"version": ""}, {"why": ""}, {"to": NEW}, [], {"by": 3}, {"why": "x" * 501}]
)
def test_bad_input_is_told_and_changes_nothing(admin, body):
    assert admin.post("/v1/models/rollback", headers=GIVEN, json=body).status_code == 422
    assert admin.post("/v1/models/rollback?x=1", headers=GIVEN).status_code == 422
    assert served(admin) == NEW


def test_a_kept_bundle_that_was_changed_is_refused(admin, folder):
    place = rollback_target(folder)
    (place / SCALER).write_bytes(b"{}")
    answer = admin.post("/v1/models/rollback", headers=GIVEN)
    assert answer.status_code == 503
    assert SCALER in answer.json()["detail"]
    assert served(admin) == NEW


def test_after_a_start_with_a_bad_bundle_the_last_one_serves_and_a_rollback_mends_it(serve, folder):
    (folder / SCALER).write_bytes(b"{}")
    with serve(admin_key=SecretStr(KEY)) as client:
        assert served(client) == OLD
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        [fault, instead] = health.json()["problems"]
        assert SCALER in fault
        assert OLD in instead
        assert client.get("/readyz").status_code == 200
        assert client.get("/v1/models/champion").json()["model_version"] == OLD
        [version] = client.get("/v1/models").json()["versions"]
        assert (version["version"], version["serves"]) == (OLD, True)
        change = client.post("/v1/models/rollback", headers=GIVEN).json()
        assert (change["version"], change["replaced"]) == (OLD, None)
        assert client.get("/health").json()["status"] == "healthy"


def test_one_that_cannot_forecast_is_refused(admin, folder, publish):
    publish(folder, version="mad", slope=1e30)
    publish(folder, version="sane")
    answer = admin.post("/v1/models/rollback", headers=GIVEN)
    assert answer.status_code == 503
    assert admin.get("/v1/models").json()["versions"][0]["version"] == "sane"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_told(admin, folder):
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        answer = admin.post("/v1/models/rollback", headers=GIVEN)
    finally:
        folder.chmod(stat.S_IRWXU)
    assert answer.status_code == 503
    assert "cannot be written" in answer.json()["detail"]


def test_no_request_fails_while_champions_change(admin):
    answers, stop = [], threading.Event()
    paths = ("/v1/gold/forecast", "/v1/gold/evaluation", "/v1/models", "/readyz")

    def ask():
        while not stop.is_set():
            answers.extend((path, admin.get(path)) for path in paths)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    try:
        for version in (OLD, NEW, OLD, NEW):
            admin.post("/v1/models/rollback", headers=GIVEN, json={"version": version})
            assert served(admin) == version
    finally:
        stop.set()
        for asker in askers:
            asker.join()
    assert len(answers) > 20
    assert {answer.status_code for _, answer in answers} == {200}
    told = {a.json()["model_version"] for path, a in answers if path == "/v1/gold/forecast"}
    assert told <= {OLD, NEW}
