"""`/v1/gold/...`: what caches need, the bars, and the leaderboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from assay.bundle.files import METADATA
from assay.market.feed import GoldFeed
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay_backend.schemas.gold import EvaluationAnswer, HistoryAnswer
from assay_backend.services.container import build_services
from assay_backend.settings import Settings

CACHEABLE = ["/v1/gold/forecast", "/v1/gold/history", "/v1/gold/evaluation"]


@pytest.mark.parametrize("path", CACHEABLE)
def test_whoever_has_the_answer_gets_304(standing_client: TestClient, path: str) -> None:
    first = standing_client.get(path)
    again = standing_client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert first.status_code == 200
    assert "max-age" in first.headers["cache-control"]
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [
        ("*", 304),
        ('"other", {tag}', 304),
        ('"other",{strong}', 304),
        ('"other"', 200),
        ("", 200),
    ],
)
def test_tags_are_compared_weakly_with_each_one_listed(
    standing_client: TestClient, if_none_match: str, status: int
) -> None:
    tag = standing_client.get("/v1/gold/forecast").headers["etag"]
    header = if_none_match.format(tag=tag, strong=tag.removeprefix("W/"))
    answer = standing_client.get("/v1/gold/forecast", headers={"If-None-Match": header})
    assert answer.status_code == status


def test_age_counts_on_while_the_body_stays_as_rendered(client: TestClient, clock) -> None:
    before = client.get("/v1/gold/forecast")
    clock.advance(seconds=40)
    after = client.get("/v1/gold/forecast")
    assert before.content == after.content
    assert before.headers["etag"] == after.headers["etag"]
    assert (before.headers["age"], after.headers["age"]) == ("0", "40")
    assert after.headers["cache-control"] == "public, max-age=70"
    assert client.post("/predict").headers["age"] == "40"


def mention_a_library(contents: dict[str, bytes]) -> None:
    metadata = json.loads(contents[METADATA])
    metadata["libraries"] = {"numpy": "2.4"}
    contents[METADATA] = json.dumps(metadata).encode()


def test_the_tag_follows_bundle_bars_source_and_staleness(
    serve: Callable, settings: Settings, clock, source, publish: Callable, folder: Path
) -> None:
    source.until = (
        SimulatedSource(clock)
        .fetch("GC=F", start=FIRST_SESSION, deadline_seconds=1)
        .bars.session[-2]
        .item()
    )
    tags = []

    def note(name: str) -> None:
        services.champion.check()
        services.forecasts.refresh()
        tags.append(client.get("/v1/gold/forecast").headers["etag"])
        assert len(set(tags)) == len(tags), name

    feed = GoldFeed(source, None, clock, mode="replay", grace_minutes=150)
    services = build_services(settings, clock=clock, feed=feed)
    with serve(services=services) as client:
        note("first")
        clock.advance(hours=1)
        note("staleness")
        publish(folder, slope=0.02)
        note("bundle")
        publish(folder, slope=0.02, change=mention_a_library)
        note("bundle that forecasts the same")
        source.until = None
        feed.refresh()
        note("bars")
        source.name = "replay"
        feed.refresh()
        note("source")


def test_the_same_forecast_has_the_same_tag_after_a_restart(
    serve: Callable, settings: Settings, clock
) -> None:
    tags = set()
    for _ in range(2):
        with serve() as client:
            tags.add(client.get("/v1/gold/forecast").headers["etag"])
        clock.advance(seconds=5)
    assert len(tags) == 1


def test_history_is_the_newest_closed_bars_oldest_first(client: TestClient, clock) -> None:
    answer = client.get("/v1/gold/history?sessions=30")
    history = HistoryAnswer.model_validate_json(answer.content)
    bars = SimulatedSource(clock).fetch("GC=F", start=FIRST_SESSION, deadline_seconds=1).bars
    newest = bars.take(slice(-30, None))
    assert history.rows == history.sessions == 30
    assert [bar.session for bar in history.data] == newest.session.tolist()
    for name in ("open", "high", "low", "close", "volume"):
        assert np.array_equal([getattr(bar, name) for bar in history.data], getattr(newest, name))
    assert history.source == "simulated"


def test_history_is_250_sessions_unless_told_otherwise(standing_client: TestClient) -> None:
    assert standing_client.get("/v1/gold/history").json()["rows"] == 250
    assert standing_client.get("/v1/gold/history?sessions=2000").json()["rows"] == 2000


@pytest.mark.parametrize("sessions", ["0", "-1", "2001", "x", "", "1.5", "nan", "1e3"])
def test_history_has_bounds(standing_client: TestClient, sessions: str) -> None:
    answer = standing_client.get(f"/v1/gold/history?sessions={sessions}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "query.sessions"


@pytest.mark.parametrize("path", CACHEABLE)
def test_a_misspelt_parameter_is_refused(standing_client: TestClient, path: str) -> None:
    answer = standing_client.get(f"{path}?session=5")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "query.session"


def test_history_follows_new_bars(serve: Callable, settings: Settings, clock, source) -> None:
    feed = GoldFeed(source, None, clock, mode="replay")
    services = build_services(settings, clock=clock, feed=feed)
    with serve(services=services) as client:
        before = client.get("/v1/gold/history?sessions=1").json()["data"][0]["session"]
        clock.advance(days=1)
        feed.refresh()
        after = client.get("/v1/gold/history?sessions=1").json()["data"][0]["session"]
    assert (before, after) == ("2026-11-18", "2026-11-19")


def test_the_leaderboard_has_the_champion_and_every_benchmark(
    standing_client: TestClient,
) -> None:
    answer = standing_client.get("/v1/gold/evaluation")
    leaderboard = EvaluationAnswer.model_validate_json(answer.content)
    names = {row.name for row in leaderboard.rows}
    assert names >= {"random_walk", "garch_t", leaderboard.champion}
    assert leaderboard.n == 1200
    assert answer.json()["model_version"] == "2026-10-30-small"
