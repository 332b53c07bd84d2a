"""Track records: what was said with what came of it, and sums that a slow loop gets too."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from scipy.stats import ttest_1samp

from assay.store.ledger_records import Batch, Entry, Outcome
from assay_backend.schemas.track_record import GoldTrackRecordAnswer, SignalTrackRecordAnswer
from recorded import FIRST, LEVELS, forecast, gold_outcome, signal, signal_outcome


@pytest.fixture
def keep(client):
    """Appends entries, each with an outcome where one is given, behind the service's back."""
    services = client.app_state["services"]
    ledger = services.database.store().ledger
    while not ledger.head().rows:  # the forecast that the service itself records
        time.sleep(0.01)

    def keep(*pairs, at=FIRST):
        answers = ledger.append([Batch([entry for entry, _ in pairs])], at=at)
        rows = [row for answer in answers for row in answer]
        known = [
            Outcome(row.sequence, json.dumps(outcome).encode(), at)
            for row, (_, outcome) in zip(rows, pairs, strict=True)
            if outcome
        ]
        ledger.write_outcomes(known)
        services.scoring.version += len(known)

    return keep


def qlike(realized, forecast):
    ratio = (realized / forecast) ** 2
    return ratio - math.log(ratio) - 1


def rate(found):
    known = [each for each in found if each is not None]
    return {
        "n": len(known),
        "hits": sum(known),
        "rate": sum(known) / len(known) if known else None,
    }


def test_an_empty_gold_record_is_an_answer_of_nulls(client):
    client.get("/v1/gold/track-record")
    body = client.get("/v1/gold/track-record?n=5").json()
    GoldTrackRecordAnswer.model_validate(body)
    assert (body["n"], body["asked"]) == (0, 5)
    assert body["summary"]["hits"] == {"n": 0, "hits": 0, "rate": None}
    assert set(body["summary"]["skill"].values()) == {None}
    assert body["summary"]["first_target"] is None
    assert {item["status"] for item in body["items"]} <= {"simulated"}


def test_an_empty_crypto_record_is_an_answer_of_nulls(client):
    body = client.get("/v1/crypto/track-record?symbol=ethusdt").json()
    SignalTrackRecordAnswer.model_validate(body)
    assert (body["symbol"], body["n"], body["rows"], body["items"]) == ("ETH/USDT", 0, 0, [])
    summary = body["summary"]
    assert summary["brier"] is summary["risk_score"] is summary["brier_skill"] is None
    assert summary["reliability"] == []
    assert summary["value_at_risk"]["0.99"] == {"n": 0, "hits": 0, "rate": None}


def test_golds_summary_is_what_a_slow_loop_finds(client, keep):
    scored = range(23)
    keep(*((forecast(day), gold_outcome(day)) for day in scored))
    keep((forecast(40), None))
    keep((forecast(30), {"status": "unscorable", "reason": "no bars"}))
    body = client.get("/v1/gold/track-record?n=100").json()
    GoldTrackRecordAnswer.model_validate(body)
    found, summary = [gold_outcome(day) for day in scored], body["summary"]
    assert body["n"] == summary["n"] == 23
    assert (summary["pending"], summary["unscorable"]) == (1, 1)
    assert (summary["first_target"], summary["last_target"]) == ("2027-02-02", "2027-02-24")
    assert summary["hits"] == rate([each["direction_hit"] for each in found])
    for level in LEVELS:
        assert summary["coverage"][level] == rate([each["inside"][level] for each in found])
    ours = theirs = squares = rival_squares = 0.0
    for each in found:
        if each["random_walk_crps"] is not None:
            ours += each["crps"]
            theirs += each["random_walk_crps"]
        squares += each["error"] ** 2
        rival_squares += each["random_walk_error"] ** 2
    assert summary["skill"]["crps_skill"] == pytest.approx(1 - ours / theirs)
    both = [each for each in found if each["random_walk_crps"] is not None]
    edges = [each["crps"] - each["random_walk_crps"] for each in both]
    p = ttest_1samp(edges, 0.0).pvalue  # at one step ahead that is what the test comes to
    assert summary["skill"]["crps_p_value"] == pytest.approx(p)
    assert summary["skill"]["rmse"] == pytest.approx(math.sqrt(squares / 23))
    assert summary["skill"]["rmse_ratio_rw"] == pytest.approx(math.sqrt(squares / rival_squares))
    pits = [0] * 10
    for each in found:
        pits[int(each["pit"] * 10)] += 1
    assert summary["pit"] == pits


def test_of_several_forecasts_of_one_session_the_first_counts(client, keep):
    keep((forecast(1, version="first"), gold_outcome(3)))
    keep((forecast(1, version="second"), gold_outcome(8)))
    keep((forecast(1, version="third", source="replay"), gold_outcome(5)))
    items = client.get("/v1/gold/track-record").json()["items"]
    counted = {item["model_version"]: item["counted"] for item in items}
    assert counted["first"]
    assert not counted["second"]
    assert counted["third"], "bars of another source are another record"


def test_simulated_rows_are_shown_and_never_counted(client, keep):
    keep((forecast(1, source="simulated"), None), (signal(1, source="simulated"), None))
    for path in ("/v1/gold/track-record", "/v1/crypto/track-record"):
        body = client.get(path).json()
        assert body["n"] == 0
        assert {item["status"] for item in body["items"]} == {"simulated"}


def test_what_was_said_too_late_is_shown_and_never_counted(client, keep):
    at = FIRST + timedelta(hours=1)
    late, in_time = (signal(0), signal_outcome(4)), (signal(0, horizon_min=120), signal_outcome(1))
    keep(late, in_time, (forecast(-1), gold_outcome(3)), at=at)
    body = client.get("/v1/crypto/track-record").json()
    SignalTrackRecordAnswer.model_validate(body)
    found = [(item["status"], item["counted"], item["outcome"] is None) for item in body["items"]]
    assert found == [("late", False, True), ("scored", True, False)]
    assert (body["n"], body["summary"]["n"], body["rows"]) == (1, 1, 2)
    assert (body["summary"]["pending"], body["summary"]["unscorable"]) == (0, 0)
    gold = client.get("/v1/gold/track-record").json()
    assert (gold["n"], gold["items"][-1]["status"]) == (0, "late")
    services = client.app_state["services"]
    services.scoring._read_figures()
    assert services.scoring.figures.signals["n"] == 1
    assert client.get("/metrics").json()["signal_coverage"]["0.8"] == float(
        signal_outcome(1)["inside"]
    )


@pytest.mark.parametrize("payload", [b"{", b"[]", b"{}"])
def test_a_row_that_says_nothing_is_named(client, keep, payload):
    keep((replace(signal(3), payload=payload), None))
    answer = client.get("/v1/crypto/track-record")
    assert answer.status_code == 503
    assert "of the ledger" in answer.json()["detail"]
    assert client.app_state["services"].track_record._locks == {}


def test_signals_summaries_are_what_a_slow_loop_finds(client, keep):
    keep(*((signal(number), signal_outcome(number)) for number in range(40)))
    keep(*((signal(number, horizon_min=240), signal_outcome(number)) for number in range(6)))
    keep((signal(90), None))
    body = client.get("/v1/crypto/track-record?symbol=BTCUSDT&n=1000").json()
    SignalTrackRecordAnswer.model_validate(body)
    # Of two in a row about one window the first counts.
    numbers = [*range(0, 40, 2)]
    found = [signal_outcome(number) for number in numbers]
    said = [number % 10 / 10 + 0.02 for number in numbers]
    hour, four = body["by_horizon"]
    assert (hour["horizon_min"], four["horizon_min"]) == (60, 240)
    assert (hour["n"], four["n"], body["n"], hour["pending"]) == (20, 3, 23, 1)
    assert hour["hits"] == rate([each["above_threshold"] for each in found])
    assert hour["brier"] == pytest.approx(sum(each["brier"] for each in found) / 20)
    share = hour["hits"]["rate"]
    assert hour["brier_skill"] == pytest.approx(1 - hour["brier"] / (share * (1 - share)))
    assert hour["coverage"]["0.8"] == rate([each["inside"] for each in found])
    for level in ("0.95", "0.99"):
        assert hour["value_at_risk"][level] == rate([each["var_hit"][level] for each in found])
    assert hour["tail_loss"]["hits"] == sum(each["tail_loss"] for each in found)
    assert hour["tail_loss"]["said"] == pytest.approx(sum(n % 7 / 100 for n in numbers) / 20)
    assert hour["realized_volatility"] == pytest.approx(
        sum(each["realized_volatility"] for each in found) / 20
    )
    table = []
    for low in range(10):
        inside = [at for at, score in enumerate(said) if low <= score * 10 < low + 1]
        if inside:
            happened = sum(found[at]["above_threshold"] for at in inside) / len(inside)
            table.append((len(inside), sum(said[at] for at in inside) / len(inside), happened))
    assert [(row["n"], row["said"], row["happened"]) for row in hour["reliability"]] == [
        (n, pytest.approx(score), pytest.approx(share)) for n, score, share in table
    ]


def test_a_record_is_of_one_market_and_of_whoever_stood_in_for_its_exchange(client, keep):
    keep((signal(1), None))
    keep((signal(3, source="kraken", exchange="kraken"), None))
    keep((signal(5, symbol="ETH/USDT"), None))
    keep((signal(7, timeframe="15m"), None))
    keep((signal(9, source="okx", exchange="okx"), None))
    other = {**json.loads(signal(11).payload), "exchange": "kraken", "signal_id": "asked-kraken"}
    keep(
        (
            Entry(
                "signal",
                "k",
                json.dumps(other).encode(),
                FIRST,
                FIRST,
                "kraken BTC/USDT 1h",
                "kraken",
            ),
            None,
        )
    )
    asked = client.get("/v1/crypto/track-record?symbol=btc-usdt").json()["items"]
    assert [item["signal_id"].split("-")[1] for item in asked] == ["1", "3", "7", "9"]
    [one] = client.get("/v1/crypto/track-record?symbol=BTCUSDT&exchange=kraken").json()["items"]
    assert one["signal_id"] == "asked-kraken"


def test_the_newest_rows_come_oldest_first(client, keep):
    keep(*((forecast(day), None) for day in range(9)))
    items = client.get("/v1/gold/track-record?n=4").json()["items"]
    assert [item["sequence"] for item in items] == sorted(item["sequence"] for item in items)
    assert len(items) == 4


@pytest.mark.parametrize("path", ["/v1/gold/track-record", "/v1/crypto/track-record"])
def test_it_is_cached_until_the_ledger_or_an_outcome_changes(client, keep, path, clock):
    entry = {"gold": forecast, "crypto": signal}[path.split("/")[2]]
    outcome = {"gold": gold_outcome, "crypto": signal_outcome}[path.split("/")[2]]
    tags = [client.get(path).headers["etag"]]
    clock.advance(seconds=45)
    assert client.get(path, headers={"If-None-Match": tags[0]}).status_code == 304
    keep((entry(50), None))
    tags.append(client.get(path).headers["etag"])
    keep((entry(50), outcome(5)))
    tags.append(client.get(path).headers["etag"])
    assert len(set(tags)) == 3


def test_outcomes_of_another_process_show_after_a_while(client, keep, clock):
    keep((forecast(50), None))
    services = client.app_state["services"]
    before = client.get("/v1/gold/track-record").json()
    sequence = before["items"][-1]["sequence"]
    document = json.dumps(gold_outcome(5)).encode()
    services.database.store().ledger.write_outcomes([Outcome(sequence, document, FIRST)])
    clock.advance(seconds=31)
    assert client.get("/v1/gold/track-record").json()["n"] == before["n"] + 1


@pytest.mark.parametrize("n", ["0", "-1", "2001", "x", "", "1.5"])
@pytest.mark.parametrize("path", ["/v1/gold/track-record", "/v1/crypto/track-record"])
def test_n_has_bounds(standing_client, path, n):
    answer = standing_client.get(f"{path}?n={n}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "query.n"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("symbol=NOSUCHCOIN", 404),
        ("symbol=%00", 422),
        ("exchange=nowhere", 422),
        ("window=5", 422),
    ],
)
def test_what_does_not_exist_is_a_problem(standing_client, query, status):
    answer = standing_client.get(f"/v1/crypto/track-record?{query}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_skill_of_volatility_is_qlike_beside_har_of_rows_that_tell_hars(client, keep):
    kept = []
    for number in range(0, 12, 2):  # one for each window
        row = signal(number)
        said = json.loads(row.payload)
        if number == 8:
            said["volatility"]["benchmark"] = 0.0  # it stood still
        if number == 10:
            del said["volatility"]["benchmark"]  # an old row
        kept.append((replace(row, payload=json.dumps(said).encode()), signal_outcome(number)))
    keep(*kept)
    summary = client.get("/v1/crypto/track-record").json()["summary"]
    own = rival = 0.0
    for number in (0, 2, 4, 6):
        realized = signal_outcome(number)["realized_volatility"]
        own += qlike(realized, 0.01 + number / 1000)
        rival += qlike(realized, 0.02)
    assert summary["qlike_skill"] == pytest.approx(1 - own / rival)
    # numbers 0 and 10 say .02, and one of the two happened; the others are alone in their tenth
    assert summary["calibration_error"] == pytest.approx((2 * 0.48 + 0.22 + 0.58 + 0.62 + 0.18) / 6)
    services = client.app_state["services"]
    services.scoring._read_figures()
    document = client.get("/metrics").json()
    assert document["signal_qlike_skill"] == summary["qlike_skill"]
    assert document["signals_counted"] == 6


def test_metrics_tell_how_forecasts_have_fared(client, keep):
    keep(*((forecast(day), gold_outcome(day)) for day in range(8)), (forecast(9), None))
    keep(*((signal(number), signal_outcome(number)) for number in range(8)), (signal(20), None))
    services = client.app_state["services"]
    services.scoring._read_figures()
    body = client.get("/metrics").json()
    track = client.get("/v1/gold/track-record").json()["summary"]
    assert body["gold_forecasts_scored_total"] == 8
    assert body["gold_forecasts_pending"] == 1
    assert (body["signals_scored_total"], body["signals_pending"]) == (8, 1)
    assert body["gold_crps_skill"] == pytest.approx(track["skill"]["crps_skill"])
    assert body["gold_coverage"]["0.8"] == track["coverage"]["0.8"]["rate"]
    text = client.get("/metrics", headers={"Accept": "text/plain"}).text
    samples = {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["assay_outcomes_total", ("gold_forecast",)] == 8
    assert samples["assay_outcomes_pending", ("signal",)] == 1
    assert samples["assay_outcomes_counted", ("gold_forecast",)] == track["n"] == 8
    assert samples["assay_gold_coverage_outcomes", ("0.8",)] == 8
    assert samples["assay_gold_crps_skill", ()] == pytest.approx(body["gold_crps_skill"])
    assert samples["assay_signal_var_hit_rate", ("0.95",)] == body["signal_var_hit_rate"]["0.95"]
