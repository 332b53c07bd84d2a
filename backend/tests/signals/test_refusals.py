"""What is no question about a coin's risk: refused with a reason, and never recorded."""

from __future__ import annotations

import json

import pytest

from asked_signals import BATCH, SIGNAL, TAIL, answered, ask, is_refused

BAD_FIELDS = [
    pytest.param({"horizon_min": 0}, "horizon_min", id="horizon 0"),
    pytest.param({"horizon_min": -60}, "horizon_min", id="horizon negative"),
    pytest.param({"horizon_min": 1_000_000_000}, "horizon_min", id="horizon of ages"),
    pytest.param({"horizon_min": 43_260}, "horizon_min", id="horizon over 30 days"),
    pytest.param({"horizon_min": 90}, "90 minutes are no whole number of 1h", id="half a bar"),
    pytest.param({"horizon_min": 60, "timeframe": "4h"}, "whole number of 4h", id="a part of one"),
    pytest.param({"limit": 1}, "limit", id="limit 1"),
    pytest.param({"limit": 0}, "limit", id="limit 0"),
    pytest.param({"limit": 5001}, "limit", id="limit 5001"),
    pytest.param({"timeframe": "7x"}, "7x", id="no timeframe"),
    pytest.param({"timeframe": "2h", "exchange": "kraken"}, "Kraken", id="not this exchange's"),
    pytest.param({"exchange": "mtgox"}, "mtgox", id="no exchange"),
    pytest.param({"exchange": "../../etc"}, "../../etc", id="a path"),
    pytest.param({"symbol": "BTC USDT"}, "BTC USDT", id="a space"),
    pytest.param({"symbol": "BTC\0USDT"}, "market", id="NUL"),
    pytest.param({"symbol": ""}, "market", id="no symbol"),
    pytest.param({"symbol": "A" * 99}, "symbol", id="a long symbol"),
    pytest.param({"horizon": 60}, "horizon", id="no such field"),
]
BAD_TYPES = [
    {"horizon_min": 60.0},
    {"horizon_min": 60.5},
    {"horizon_min": "60"},
    {"horizon_min": True},
    {"horizon_min": None},
    {"horizon_min": [60]},
    {"horizon_min": 10**40},
    {"limit": 200.0},
    {"limit": True},
    {"explain": 1},
    {"explain": "true"},
    {"explain": None},
    {"symbol": 1},
    {"symbol": ["BTCUSDT"]},
    {"symbol": None},
    {"exchange": {}},
    {"timeframe": 3600},
]
BAD_BODIES = [
    b'{"horizon_min": NaN}',
    b'{"horizon_min": Infinity}',
    b'{"horizon_min": -Infinity}',
    b'{"limit": 1e999}',
    b'{"symbol": NaN}',
    b'{"symbol": "BTCUSDT"',
    b"{'symbol': 'BTCUSDT'}",
    b'{"symbol": "\xff"}',
    b'{"symbol": "\\ud800"}',
    b"[]",
    b"[{}]",
    b"null",
    b'"BTCUSDT"',
    b"17",
    b" ",
    b"\x00",
    b"[" * 60_000,
    b'{"a":' * 10_000,
]


@pytest.mark.parametrize(("body", "named"), BAD_FIELDS)
def test_bad_fields_are_refused_by_post_get_and_in_a_batch(standing_client, body, named):
    is_refused(ask(standing_client, **body), 422, named)
    is_refused(standing_client.get(SIGNAL, params=body), 422, named)
    batch = standing_client.post(BATCH, json={"requests": [{}, body, {}]})
    good, bad, also_good = batch.json()["results"]
    assert batch.status_code == 200
    assert (good["ok"], bad["ok"], also_good["ok"]) == (True, False, True)
    assert bad["problem"]["status"] == 422
    assert named in bad["problem"]["detail"]


@pytest.mark.parametrize("body", BAD_TYPES, ids=str)
def test_other_types_are_refused_by_post_and_in_a_batch(standing_client, body):
    is_refused(ask(standing_client, **body), 422, next(iter(body)))
    batch = standing_client.post(BATCH, json={"requests": [body, {}]}).json()
    assert [item["ok"] for item in batch["results"]] == [False, True]
    assert batch["results"][0]["problem"]["status"] == 422


@pytest.mark.parametrize("path", [SIGNAL, BATCH])
@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:24]))
def test_what_is_no_such_json_is_refused(standing_client, path, body):
    is_refused(standing_client.post(path, content=body), 422)


@pytest.mark.parametrize(
    "body",
    [
        {"requests": []},
        {"requests": [{}] * 51},
        {"requests": {}},
        {"requests": None},
        {"requests": [{}], "more": 1},
        {"signals": [{}]},
        {},
    ],
    ids=str,
)
def test_what_is_no_batch_is_refused(standing_client, body):
    is_refused(standing_client.post(BATCH, json=body), 422)


@pytest.mark.parametrize("item", [3, None, "BTCUSDT", [], [{}], True], ids=str)
def test_an_item_that_is_no_request_is_refused_in_its_place(standing_client, item):
    found = standing_client.post(BATCH, json={"requests": [item, {}]}).json()["results"]
    assert [each["ok"] for each in found] == [False, True]


def test_infinity_in_an_item_is_told_in_its_place(standing_client):
    body = b'{"requests": [{"limit": 1e999}, {}]}'
    found = standing_client.post(BATCH, content=body).json()["results"]
    assert [each["ok"] for each in found] == [False, True]


@pytest.mark.parametrize("path", [SIGNAL, BATCH])
def test_a_body_of_a_megabyte_is_refused(standing_client, path):
    big = json.dumps({"symbol": "A" * 1_000_000}).encode()
    is_refused(standing_client.post(path, content=big), 413)
    is_refused(standing_client.post(path, content=(big[:9999] for _ in range(100))), 413)


@pytest.mark.parametrize("symbol", ["BTCUSD", "NOPEUSDT", "BTC/EUR"])
def test_an_unknown_market_offers_near_ones(standing_client, symbol):
    problem = is_refused(ask(standing_client, symbol=symbol), 404, symbol)
    assert isinstance(problem["near"], list)
    is_refused(standing_client.get(SIGNAL, params={"symbol": symbol}), 404, symbol)
    batch = standing_client.post(BATCH, json={"requests": [{"symbol": symbol}]}).json()
    assert batch["results"][0]["problem"]["status"] == 404
    assert batch["results"][0]["problem"]["near"] == problem["near"]
    if symbol == "BTCUSD":
        assert problem["near"][0] == "BTC/USDT"


@pytest.mark.parametrize("query", ["n=0", "n=1001", "n=-1", "n=1e3", "n=x", "m=1"])
def test_a_bad_tail_is_refused(standing_client, query):
    is_refused(standing_client.get(f"{TAIL}?{query}"), 422)


def test_nothing_of_what_was_refused_is_recorded(client):
    ask(client, limit=1)
    ask(client, symbol="NOPEUSDT")
    client.post(BATCH, json={"requests": [{"limit": 1}]})
    client.get(SIGNAL)
    assert client.get(TAIL).json() == []


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_counts_whatever_its_type_is_said_to_be(standing_client, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    body = b'{"symbol": "ETHUSDT"}'
    answer = standing_client.post(SIGNAL, content=body, headers=headers)
    assert answer.json()["symbol"] == "ETH/USDT"


@pytest.mark.parametrize("spelling", ["ETHUSDT", "ETH/USDT", "eth-usdt", "eth_usdt"])
def test_any_spelling_means_the_same_market(standing_client, spelling):
    assert answered(standing_client, symbol=spelling)["symbol"] == "ETH/USDT"
