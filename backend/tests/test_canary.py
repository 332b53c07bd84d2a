"""A challenger on trial: who gets it, how that shows, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading

import pytest

from assay.bundle.files import MODEL
from assay.market.feed import GoldFeed
from assay_backend.callers import is_chosen
from assay_backend.schemas.forecast import ForecastAnswer
from assay_backend.schemas.health import HealthAnswer
from assay_backend.schemas.metrics import MetricsAnswer
from assay_backend.schemas.models import ModelsAnswer
from assay_backend.schemas.track_record import GoldTrackRecordAnswer
from assay_backend.services.container import build_services

CHAMPION, CHALLENGER, NEXT = "2026-10-30-small", "2026-11-06-trial", "2026-11-13-trial"
KEYS = [f"caller-{number}" for number in range(20)]
HALF = 0.5
CHOSEN = [key for key in KEYS if is_chosen(f"key {key}", HALF)]
OTHERS = [key for key in KEYS if key not in CHOSEN]


@pytest.fixture
def trial(tmp_path, publish):
    """The folder of a challenger."""
    publish(tmp_path / "challenger", version=CHALLENGER, slope=0.03)
    return tmp_path / "challenger"


@pytest.fixture
def on_trial(serve, trial):
    """The app with a challenger for a share of its callers."""
    return lambda share=HALF, **changed: serve(canary_share=share, canary_uri=trial, **changed)


def ask(client, key=None, *, path="/predict", **headers):
    headers |= {"X-API-Key": key} if key else {}
    return client.request("POST" if path == "/predict" else "GET", path, headers=headers)


def version(client, key=None):
    return ask(client, key).json()["model_version"]


def seen(client):
    """Looks at the challenger's folder now, as the background does every now and then."""
    canary = client.app_state["services"].canary
    canary.check()
    canary.refresh()
    return canary


# Off


def test_nothing_of_it_is_there_unless_a_share_is_set(serve, trial):
    with serve(canary_uri=trial) as client:
        assert client.app_state["services"].canary is None
        answer = client.get("/v1/gold/forecast")
        assert answer.json()["served_as"] == "champion"
        assert "x-served-as" not in answer.headers
        assert answer.headers["cache-control"].startswith("public, ")
        assert "vary" not in answer.headers
        assert client.get("/v1/models").json()["canary"] is None
        assert client.get("/health").json()["canary"] is None


# Who gets it, and how it shows


def test_each_caller_keeps_one_model_by_every_way_of_asking_and_after_a_restart(on_trial):
    assert CHOSEN
    assert OTHERS
    for _ in range(2):
        with on_trial() as client:
            for path in ("/predict", "/v1/gold/forecast", "/predict"):
                told = {key: ask(client, key, path=path).json()["model_version"] for key in KEYS}
                assert {told[key] for key in CHOSEN} == {CHALLENGER}
                assert {told[key] for key in OTHERS} == {CHAMPION}


@pytest.mark.parametrize("path", ["/predict", "/v1/gold/forecast"])
def test_the_challengers_answer_is_marked_and_the_champions_is_as_ever(on_trial, serve, path):
    with serve() as client:
        alone = ask(client, path=path)
    with on_trial() as client:
        theirs, ours = ask(client, CHOSEN[0], path=path), ask(client, OTHERS[0], path=path)
    ForecastAnswer.model_validate_json(theirs.content)
    assert (theirs.json()["served_as"], theirs.headers["x-served-as"]) == ("challenger",) * 2
    assert theirs.json()["intervals"] != ours.json()["intervals"]
    assert (ours.content, ours.headers.get("x-served-as")) == (alone.content, None)


def test_no_shared_cache_gives_one_callers_answer_to_another(on_trial):
    with on_trial() as client:
        theirs, ours = (ask(client, k[0], path="/v1/gold/forecast") for k in (CHOSEN, OTHERS))
        for answer in (theirs, ours):
            assert answer.headers["cache-control"].startswith("private, max-age=")
            assert answer.headers["vary"] == "X-API-Key"
        assert theirs.headers["etag"] != ours.headers["etag"]
        for key, answer, status in (
            (CHOSEN[0], theirs, 304),
            (OTHERS[0], ours, 304),
            (CHOSEN[0], ours, 200),
            (OTHERS[0], theirs, 200),
        ):
            tag = {"If-None-Match": answer.headers["etag"]}
            assert ask(client, key, path="/v1/gold/forecast", **tag).status_code == status
        history = client.get("/v1/gold/history").headers
        assert history["cache-control"].startswith("public, ")


def test_who_answered_is_counted(on_trial):
    with on_trial() as client:
        for key in (*CHOSEN[:3], OTHERS[0]):
            ask(client, key)
        text = client.get("/metrics", headers={"Accept": "text/plain"}).text
    assert 'assay_gold_forecasts_answered_total{role="challenger"} 3.0' in text
    assert 'assay_gold_forecasts_answered_total{role="champion"} 1.0' in text


def test_a_share_of_one_is_everybody_with_or_without_a_key(on_trial):
    with on_trial(1.0) as client:
        assert {version(client, key) for key in (None, *KEYS)} == {CHALLENGER}
        for path in ("/v1/models/champion", "/v1/gold/evaluation"):
            assert client.get(path).json()["model_version"] == CHAMPION
        assert client.get("/version").json()["model_version"] == CHAMPION


def test_health_and_models_tell_of_it(on_trial):
    with on_trial(0.25) as client:
        health, models = client.get("/health").json(), client.get("/v1/models").json()
    HealthAnswer.model_validate(health)
    ModelsAnswer.model_validate(models)
    assert (health["status"], health["model_version"]) == ("healthy", CHAMPION)
    assert health["canary"] == {"share": 0.25, "model_version": CHALLENGER, "answers": True}
    canary = models["canary"]
    assert (canary["share"], canary["answers"], canary["problems"]) == (0.25, True, [])
    assert (canary["challenger"]["version"], canary["challenger"]["serves"]) == (CHALLENGER, False)
    assert models["champion"] == CHAMPION
    assert [each["version"] for each in models["versions"]] == [CHAMPION]


# What becomes of it


def test_the_next_challenger_is_taken_up_and_none_is_no_problem(on_trial, trial, publish):
    with on_trial() as client:
        publish(trial, version=NEXT, slope=0.02)
        assert seen(client).brief()["model_version"] == NEXT
        assert (version(client, CHOSEN[0]), version(client, OTHERS[0])) == (NEXT, CHAMPION)
        shutil.rmtree(trial)
        seen(client)
        assert {version(client, key) for key in KEYS} == {CHAMPION}
        health = client.get("/health").json()
        assert (health["status"], health["problems"]) == ("healthy", [])
        assert health["canary"] == {"share": HALF, "model_version": None, "answers": False}
        publish(trial, version=NEXT, slope=0.02)
        seen(client)
        assert version(client, CHOSEN[0]) == NEXT


def test_the_background_takes_it_up(on_trial, trial, publish):
    with on_trial() as client:
        publish(trial, version=NEXT, slope=0.02)
        for _ in range(500):
            if version(client, CHOSEN[0]) == NEXT:
                return
            threading.Event().wait(0.02)
    raise AssertionError("the folder was not looked at")


def spoil(folder, publish):
    (folder / MODEL).write_bytes(b"no model")


def cannot_forecast(folder, publish):
    publish(folder, version="mad", slope=1e30)


@pytest.mark.parametrize(
    ("bad", "words"), [(spoil, "model.onnx"), (cannot_forecast, "no finite number")]
)
@pytest.mark.parametrize("at_start", [True, False])
def test_a_bad_one_is_refused_and_the_champion_answers_everybody(
    on_trial, trial, publish, bad, words, at_start
):
    if at_start:
        bad(trial, publish)
    with on_trial() as client:
        if not at_start:
            assert version(client, CHOSEN[0]) == CHALLENGER
            bad(trial, publish)
            seen(client)
        assert {version(client, key) for key in KEYS} == {CHAMPION}
        health = client.get("/health").json()
        assert health["status"] == "degraded"
        assert health["model_loaded"]
        [problem] = health["problems"]
        assert problem.startswith("challenger: ")
        assert words in problem
        assert client.get("/v1/models").json()["canary"]["problems"] == [problem]
        assert client.get("/readyz").status_code == 200
        shutil.rmtree(trial)
        publish(trial, version=NEXT, slope=0.02)
        seen(client)
        assert version(client, CHOSEN[0]) == NEXT
        assert client.get("/health").json()["status"] == "healthy"


def test_without_a_champion_nobody_is_answered_by_the_challenger(on_trial, tmp_path):
    with on_trial(1.0, model_uri=str(tmp_path / "none")) as client:
        assert client.post("/predict").status_code == 503


def test_one_with_the_champions_model_for_gold_is_none(on_trial, folder, trial, publish):
    with on_trial(1.0) as client:
        assert version(client) == CHALLENGER
        publish(folder, version=CHALLENGER, slope=0.03)
        client.app_state["services"].champion.check()
        client.app_state["services"].forecasts.refresh()
        answer = ask(client)
        assert (answer.json()["model_version"], answer.json()["served_as"]) == (
            CHALLENGER, "champion",
        )  # fmt: skip
        assert client.get("/v1/models").json()["canary"]["challenger"] is None
        assert client.get("/health").json()["problems"] == []


def test_no_request_fails_while_challengers_come_go_and_fail(on_trial, trial, publish):
    answers, stop = [], threading.Event()

    def requests():
        while not stop.is_set():
            answers.extend(ask(client, key) for key in (CHOSEN[0], OTHERS[0]))

    with on_trial() as client:
        asker = threading.Thread(target=requests)
        asker.start()
        try:
            for number in range(6):
                if number % 3 == 2:
                    spoil(trial, publish)
                else:
                    shutil.rmtree(trial)
                    publish(trial, version=NEXT if number % 2 else CHALLENGER, slope=0.02)
                seen(client)
        finally:
            stop.set()
            asker.join()
    assert {answer.status_code for answer in answers} == {200}
    told = {(a.json()["model_version"], a.json()["served_as"]) for a in answers}
    assert told <= {(CHAMPION, "champion"), (CHALLENGER, "challenger"), (NEXT, "challenger")}


# The ledger, and scores


@pytest.fixture
def loop():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def scored(settings, clock, source, trial, loop, publish):
    """Services after three sessions: all three forecast by the champion, two by the challenger."""

    def record(services):
        services.feed.refresh()
        services.forecasts.refresh()
        services.canary.refresh()
        loop.run(services.canary.record())
        loop.run(services.recorder.record())
        loop.run(services.scoring.keep_scored())

    services = build_services(
        settings.model_copy(update={"canary_share": 0.001, "canary_uri": trial}),
        clock=clock,
        feed=GoldFeed(source, None, clock, mode="replay"),
    )
    record(services)
    clock.advance(days=1)
    shutil.rmtree(trial)
    services.canary.check()
    record(services)
    publish(trial, version=CHALLENGER, slope=0.03)
    services.canary.check()
    clock.advance(days=1)
    record(services)
    clock.advance(days=3)  # over the weekend
    record(services)
    yield services
    loop.run(services.crypto.close())
    loop.run(services.ledger.close())
    services.database.close()


def record_of(services, loop, role):
    body = json.loads(loop.run(services.track_record.gold(n=50, role=role)).body)
    GoldTrackRecordAnswer.model_validate(body)
    return body


def test_both_are_written_down_before_the_outcome_and_scored_apart(scored, loop):
    champion, challenger = (record_of(scored, loop, role) for role in ("champion", "challenger"))
    for body, versions, role, n in (
        (champion, {CHAMPION}, "champion", 3),
        (challenger, {CHALLENGER}, "challenger", 2),
    ):
        assert (body["role"], body["n"], body["summary"]["n"]) == (role, n, n)
        assert {item["model_version"] for item in body["items"]} == versions
        assert [item["status"] for item in body["items"]] == ["scored"] * n + ["pending"]
        assert all(item["recorded_at"] < item["due"] for item in body["items"])
    rows = scored.database.store().ledger.tail(50)
    assert [row.entry.kind for row in rows] == [
        "gold_challenger", "gold_forecast", "gold_forecast", "gold_challenger", "gold_forecast",
        "gold_challenger", "gold_forecast",
    ]  # fmt: skip
    said = {(row.entry.kind, json.loads(row.entry.payload)["served_as"]) for row in rows}
    assert said == {("gold_challenger", "challenger"), ("gold_forecast", "champion")}
    assert scored.database.store().ledger.verify().intact


def test_the_challenger_is_held_against_the_champion_on_the_sessions_of_both(scored, loop):
    champion, challenger = (
        {
            item["predicted_date"]: item["outcome"]["crps"]
            for item in record_of(scored, loop, role)["items"]
            if item["counted"]
        }
        for role in ("champion", "challenger")
    )
    assert len(champion.keys() - challenger.keys()) == 1
    theirs = sum(challenger.values())
    ours = sum(champion[day] for day in challenger)
    models = loop.run(scored.models.document())
    ModelsAnswer.model_validate(models)
    record = models["canary"]["track_record"]
    assert (record["n"], record["beside_champion"]["n"]) == (2, 2)
    assert record["beside_champion"]["crps_skill"] == pytest.approx(1.0 - theirs / ours)
    assert record["skill"]["crps"] == pytest.approx(theirs / 2)
    assert scored.scoring.figures.gold["n"] == 3


def test_monitoring_tells_them_apart(scored):
    body = scored.metrics.document()
    assert (body["gold_forecasts_scored_total"], body["gold_challengers_scored_total"]) == (3, 2)
    assert (body["gold_forecasts_pending"], body["gold_challengers_pending"]) == (1, 1)
    assert body["gold_challenger_crps_skill"] not in (None, body["gold_crps_skill"])
    MetricsAnswer.model_validate(body)
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in scored.metrics.collect()
        for sample in family.samples
    }
    assert samples["assay_outcomes_total", "gold_challenger"] == 2
    assert samples["assay_gold_challenger_crps_skill",] == body["gold_challenger_crps_skill"]


def test_a_record_is_the_champions_unless_the_challengers_is_asked_for(on_trial):
    with on_trial() as client:
        path = "/v1/gold/track-record"
        assert client.get(path).json()["role"] == "champion"
        assert client.get(f"{path}?role=challenger").json()["role"] == "challenger"
        assert client.get(f"{path}?role=pretender").status_code == 422
