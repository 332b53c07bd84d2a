"""`/health`, `/livez`, `/readyz`, `/version`: what is said while parts are missing or broken."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from assay.bundle.files import CALIBRATION, FEATURE_COLUMNS, METADATA, MODEL, SCALER
from assay.bundle.manifest import MANIFEST
from assay.market.feed import GoldFeed
from assay_backend.schemas.health import HealthAnswer, ReadyAnswer, VersionAnswer
from assay_backend.settings import Settings

FILES = [MODEL, SCALER, FEATURE_COLUMNS, CALIBRATION, METADATA, MANIFEST]
# file -> model_loaded, scaler_loaded, feature_cols_loaded
LOADED = {
    MODEL: (False, True, True),
    SCALER: (True, False, True),
    FEATURE_COLUMNS: (True, True, False),
    CALIBRATION: (False, True, True),
    METADATA: (False, True, True),
    MANIFEST: (False, False, False),
}


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0 if path.name == MANIFEST else len(data) // 2] ^= 1
    path.write_bytes(data)


def loaded(report: dict) -> tuple[bool, bool, bool]:
    return report["model_loaded"], report["scaler_loaded"], report["feature_cols_loaded"]


def eventually(condition: Callable[[], bool]) -> bool:
    for _ in range(400):
        if condition():
            return True
        time.sleep(0.025)
    return False


def test_a_working_service_is_healthy(standing_client: TestClient) -> None:
    answer = standing_client.get("/health")
    report = HealthAnswer.model_validate_json(answer.content)
    assert answer.status_code == 200
    assert report.status == "healthy"
    assert loaded(answer.json()) == (True, True, True)
    assert report.model_version == "2026-10-30-small"
    assert report.market_data.gold.source == "simulated"
    assert report.market_data.gold.stale is False
    assert report.problems == []


def test_it_is_alive_and_ready(standing_client: TestClient) -> None:
    assert standing_client.get("/livez").status_code == 200
    answer = standing_client.get("/readyz")
    assert answer.status_code == 200
    assert ReadyAnswer.model_validate_json(answer.content).status == "ready"


def test_version_says_what_the_build_said(serve: Callable) -> None:
    with serve(git_commit="abc1234", build_time="2026-11-01T00:00:00Z") as client:
        version = VersionAnswer.model_validate_json(client.get("/version").content)
    assert (version.git_commit, version.build_time) == ("abc1234", "2026-11-01T00:00:00Z")
    assert version.version
    assert version.model_version == "2026-10-30-small"


def test_version_says_null_where_the_build_said_nothing(standing_client: TestClient) -> None:
    answer = standing_client.get("/version")
    version = VersionAnswer.model_validate_json(answer.content)
    assert (version.git_commit, version.build_time) == (None, None)
    assert version.version


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [flip_a_byte, Path.unlink], ids=["changed", "missing"])
def test_a_damaged_file_is_named_and_its_repair_is_noticed(
    serve: Callable, folder: Path, name: str, damage: Callable[[Path], None]
) -> None:
    whole = (folder / name).read_bytes()
    damage(folder / name)
    with serve() as client:
        health, answer = client.get("/health"), client.post("/predict")
        assert health.status_code == 503
        assert health.json()["status"] == "unhealthy"
        assert any(name in problem for problem in health.json()["problems"])
        HealthAnswer.model_validate_json(health.content)
        assert loaded(health.json()) == LOADED[name]
        assert answer.status_code == 503
        assert name in answer.json()["detail"]
        assert answer.json()["path"].endswith(name)
        assert int(answer.headers["retry-after"]) > 0
        assert client.get("/v1/gold/evaluation").status_code == 503
        assert client.get("/readyz").status_code == 503
        assert client.get("/livez").status_code == 200

        (folder / name).write_bytes(whole)
        assert eventually(lambda: client.post("/predict").status_code == 200)
        assert client.get("/health").json()["status"] == "healthy"
        assert client.get("/readyz").status_code == 200


def test_every_damaged_file_is_named(serve: Callable, folder: Path) -> None:
    for name in (MODEL, SCALER):
        flip_a_byte(folder / name)
    with serve() as client:
        report = client.get("/health").json()
    assert loaded(report) == (False, False, True)
    assert len(report["problems"]) == 2


def test_a_changed_checksum_names_the_file_and_the_manifest(serve: Callable, folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][SCALER] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with serve() as client:
        [problem] = client.get("/health").json()["problems"]
    assert SCALER in problem
    assert "manifest" in problem


def test_without_a_bundle_it_waits_for_one(
    serve: Callable, tmp_path: Path, publish: Callable
) -> None:
    empty = tmp_path / "later"
    with serve(model_uri=str(empty)) as client:
        assert client.get("/health").status_code == 503
        assert loaded(client.get("/health").json()) == (False, False, False)
        assert client.post("/predict").json()["type"] == "urn:assay:problem:bundle-missing"
        publish(empty)
        assert eventually(lambda: client.post("/predict").status_code == 200)


def test_a_bundle_of_other_features_is_refused(
    serve: Callable, tmp_path: Path, publish: Callable
) -> None:
    def rename_a_feature(contents: dict[str, bytes]) -> None:
        columns = json.loads(contents[FEATURE_COLUMNS])
        columns["columns"][0] = "gold_rsi"
        contents[FEATURE_COLUMNS] = json.dumps(columns).encode()

    publish(tmp_path / "other", change=rename_a_feature)
    with serve(model_uri=str(tmp_path / "other")) as client:
        assert loaded(client.get("/health").json()) == (True, True, False)
        answer = client.post("/predict")
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:assay:problem:feature-mismatch"
    assert FEATURE_COLUMNS in answer.json()["detail"]


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("skill", {}, "skill.verdict"),
        ("skill", {"verdict": "certain"}, "certain"),
        ("skill", {"p_value": float("nan")}, "not finite"),
        ("evaluation", {}, "evaluation.rows"),
    ],
)
def test_metadata_that_no_answer_can_be_made_of_is_refused(
    serve: Callable, tmp_path: Path, publish: Callable, part: str, value: dict, said: str
) -> None:
    def spoil(contents: dict[str, bytes]) -> None:
        metadata = json.loads(contents[METADATA])
        metadata[part] = {**metadata[part], **value} if value else {}
        contents[METADATA] = json.dumps(metadata).encode()

    publish(tmp_path / "other", change=spoil)
    with serve(model_uri=str(tmp_path / "other")) as client:
        [problem] = client.get("/health").json()["problems"]
        assert client.post("/predict").status_code == 503
    assert METADATA in problem
    assert said in problem


def test_stale_bars_degrade_it_but_are_served_and_marked(serve: Callable, clock, source) -> None:
    feed = GoldFeed(source, None, clock, mode="replay")
    source.until = clock.now().date()
    with serve(feed) as client:
        assert client.get("/health").json()["status"] == "healthy"
        clock.advance(days=1, hours=1)
        health = client.get("/health")
        assert health.status_code == 200
        assert health.json()["status"] == "degraded"
        assert health.json()["market_data"]["gold"]["stale"] is True
        assert eventually(lambda: client.post("/predict").json()["stale"] is True)
        assert client.post("/predict").json()["today_date"] == "2026-11-18"


def test_a_database_that_cannot_be_written_makes_it_unready(
    serve: Callable, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "file").write_text("no folder")
    with serve(data_dir=tmp_path / "file") as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["database_writable"] is False
        assert answer.json()["champion_loaded"] is True
        assert client.post("/predict").status_code == 200
