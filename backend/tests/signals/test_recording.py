"""A signal is recorded before it is answered, and once under one key."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from asked_signals import BATCH, SIGNAL, TAIL, answered, ask, is_refused, when


def test_each_signal_is_recorded_as_it_was_answered(client, settings):
    answers = [ask(client, explain=explain) for explain in (False, True, False)]
    expected = []
    for answer in answers:
        body = answer.json()
        body.pop("explain", None)
        expected.append(body)
        assert answer.headers["cache-control"] == "no-store"
    assert client.get(TAIL).json() == expected
    assert client.get(TAIL, params={"n": 2}).json() == expected[1:]
    assert len({body["signal_id"] for body in expected}) == 3
    lines = (settings.data_dir / "signals.jsonl").read_bytes().splitlines()
    assert lines[0] == answers[0].content, "byte for byte"
    assert [json.loads(line) for line in lines] == expected


def test_the_ledger_knows_what_the_signal_is_about(serve, settings, clock):
    from assay.store import open_store

    with serve() as client:
        body = answered(client, symbol="ETHUSDT", timeframe="4h", horizon_min=480)
    store = open_store(settings.sqlalchemy_url)
    (row,) = store.ledger.tail(9, kind="signal")
    store.close()
    entry = row.entry
    assert (entry.kind, entry.key, entry.source) == ("signal", body["signal_id"], "simulated")
    assert (entry.subject, row.created) == ("binance ETH/USDT 4h", clock.now())
    assert (entry.origin, entry.due) == (when(body["origin"]), when(body["target_time"]))


def test_a_batch_is_answered_in_order_and_recorded_at_once(client):
    wanted = [
        {"symbol": "ETHUSDT"},
        {"symbol": "NOPEUSDT"},
        {"timeframe": "4h", "explain": True},
        {"limit": 1},
        {"symbol": "ETHUSDT", "horizon_min": 120},
    ]
    answer = client.post(BATCH, json={"requests": wanted})
    found = answer.json()["results"]
    assert [item["ok"] for item in found] == [True, False, True, False, True]
    signals = [item["signal"] for item in found if item["ok"]]
    assert [(each["symbol"], each["horizon_min"]) for each in signals] == [
        ("ETH/USDT", 60), ("BTC/USDT", 240), ("ETH/USDT", 120),
    ]  # fmt: skip
    assert ["explain" in each for each in signals] == [False, True, False]
    del signals[1]["explain"]
    assert client.get(TAIL).json() == signals
    assert found[1]["problem"]["instance"] == BATCH


def test_fifty_at_once_are_taken(standing_client):
    found = standing_client.post(BATCH, json={"requests": [{}] * 50}).json()["results"]
    assert len({item["signal"]["signal_id"] for item in found}) == 50


# Idempotency


KEYED = {"Idempotency-Key": "order-7"}


@pytest.mark.parametrize(
    ("path", "first", "same"),
    [
        (SIGNAL, {}, {"symbol": "btc-usdt", "horizon_min": 60, "limit": 200, "explain": False}),
        (SIGNAL, {"timeframe": "4h"}, {"horizon_min": 240, "timeframe": "4h"}),
        (SIGNAL, {"explain": True}, {"explain": True, "symbol": "BTC/USDT"}),
        (
            BATCH,
            {"requests": [{}, {"symbol": "NOPEUSDT"}, 3]},
            {"requests": [{"limit": 200}, {"symbol": "NOPE/USDT"}, 3]},
        ),
    ],
)
def test_the_same_request_under_the_same_key_is_answered_the_same(client, clock, path, first, same):
    answer = client.post(path, json=first, headers=KEYED)
    recorded = client.get(TAIL).json()
    clock.advance(hours=23)
    for body in (first, same):
        again = client.post(path, json=body, headers=KEYED | {"Accept-Language": "es"})
        assert (again.status_code, again.content) == (200, answer.content)
        for name in ("content-language", "content-type", "vary"):
            assert again.headers.get(name) == answer.headers.get(name)
    assert client.get(TAIL).json() == recorded


def test_an_answer_is_the_same_after_a_restart(serve):
    with serve() as client:
        first = client.post(SIGNAL, json={"explain": True}, headers=KEYED)
    with serve() as client:
        again = client.post(SIGNAL, json={"explain": True}, headers=KEYED)
        assert again.content == first.content
        assert len(client.get(TAIL).json()) == 1


@pytest.mark.parametrize(
    ("path", "first", "other"),
    [
        (SIGNAL, {}, {"limit": 201}),
        (SIGNAL, {}, {"explain": True}),
        (SIGNAL, {}, {"symbol": "ETHUSDT"}),
        (BATCH, {"requests": [{}]}, {"requests": [{}, {}]}),
        (BATCH, {"requests": [{}, 3]}, {"requests": [3, {}]}),
    ],
)
def test_another_request_under_the_same_key_is_refused(client, path, first, other):
    assert client.post(path, json=first, headers=KEYED).status_code == 200
    before = client.get(TAIL).json()
    is_refused(client.post(path, json=other, headers=KEYED), 422, "Idempotency-Key")
    assert client.get(TAIL).json() == before


def test_keys_are_each_endpoint_s_own_and_forgotten_after_a_day(client, clock):
    first = client.post(SIGNAL, json={}, headers=KEYED)
    assert client.post(BATCH, json={"requests": [{}]}, headers=KEYED).status_code == 200
    clock.advance(hours=24, minutes=1)
    later = client.post(SIGNAL, json={}, headers=KEYED)
    assert later.json()["signal_id"] != first.json()["signal_id"]
    assert len(client.get(TAIL).json()) == 3


def test_twenty_at_once_under_one_key_are_one_signal(client):
    with ThreadPoolExecutor(20) as threads:
        answers = list(
            threads.map(lambda _: client.post(SIGNAL, json={}, headers=KEYED), range(20))
        )
    assert len({answer.content for answer in answers}) == 1
    assert len(client.get(TAIL).json()) == 1


def test_what_failed_is_not_remembered(client):
    assert client.post(SIGNAL, json={"symbol": "NOPEUSDT"}, headers=KEYED).status_code == 404
    assert client.post(SIGNAL, json={}, headers=KEYED).status_code == 200


def test_a_batch_in_which_nothing_went_well_is_remembered_too(client):
    body = {"requests": [{"symbol": "NOPEUSDT"}]}
    first = client.post(BATCH, json=body, headers=KEYED)
    assert first.status_code == 200
    assert client.post(BATCH, json=body, headers=KEYED).content == first.content


@pytest.mark.parametrize(
    "keys", [[""], ["a b"], ["\xfc"], ["k" * 256], ["\x7f"], ["one", "two"]], ids=str
)
@pytest.mark.parametrize("path", [SIGNAL, BATCH])
def test_a_bad_key_is_refused(standing_client, path, keys):
    headers = [(b"Idempotency-Key", key.encode("latin-1")) for key in keys]
    body = {} if path == SIGNAL else {"requests": [{}]}
    is_refused(standing_client.post(path, json=body, headers=headers), 422, "Idempotency-Key")


def test_any_good_key_is_taken(standing_client: TestClient) -> None:
    for key in ("k" * 255, "!~", '"quoted"', "a,b;c=d"):
        headers = {"Idempotency-Key": key}
        assert standing_client.post(SIGNAL, json={}, headers=headers).status_code == 200
