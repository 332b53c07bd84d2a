"""A coin's risk over HTTP: complete, recorded before it is answered, or refused with a reason."""

from __future__ import annotations

import itertools
import json
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import numpy as np
import pytest
from starlette.testclient import TestClient

from assay_backend.schemas.signals import SignalAnswer

SIGNAL, BATCH, TAIL = "/v1/crypto/signal", "/v1/crypto/signal/batch", "/v1/crypto/signals/tail"

# CONTRACT, field by field.
FIELDS = {
    "symbol", "exchange", "timeframe", "horizon_min", "risk_score", "vol_regime", "nowcast_ret",
    "volatility", "value_at_risk", "expected_shortfall", "tail_loss_probability", "signal_id",
    "created_at", "source", "as_of", "age_seconds", "stale",
}  # fmt: skip
MORE_FIELDS = {
    "limit", "origin", "target_time", "last_close", "fallbacks", "measure", "tail_loss_return",
    "model_version",
}  # fmt: skip
EXPLAINED = {
    "nowcast_ret", "vol", "vol_regime", "risk_score", "summary", "contributions", "benchmark",
    "features_tail",
}  # fmt: skip
MINUTES_A_YEAR = 365 * 24 * 60


@pytest.fixture
def settings(settings):
    """With time enough for a busy machine."""
    return settings.model_copy(update={"upstream_deadline_seconds": 20.0})


def ask(client, **body):
    return client.post(SIGNAL, json=body)


def answered(client, **body):
    answer = ask(client, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def when(text):
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


# What is answered


def test_the_usual_question_is_answered_as_agreed(standing_client):
    body = answered(standing_client)
    assert set(body) == FIELDS | MORE_FIELDS
    SignalAnswer.model_validate(body)
    asked = ("symbol", "exchange", "timeframe", "horizon_min", "limit", "source", "stale")
    assert {name: body[name] for name in asked} == {
        "symbol": "BTC/USDT", "exchange": "binance", "timeframe": "1h", "horizon_min": 60,
        "limit": 200, "source": "simulated", "stale": False,
    }  # fmt: skip
    assert (body["as_of"], body["origin"], body["age_seconds"]) == (
        "2026-11-18T23:00:00Z", "2026-11-18T23:00:00Z", 0.0,
    )  # fmt: skip
    assert body["target_time"] == "2026-11-19T00:00:00Z"
    assert (body["measure"], body["fallbacks"]) == ("garman_klass", [])
    assert body["model_version"] == "2026-10-30-small"


@pytest.mark.parametrize("horizon_min", [60, 120, 1440, 10_080, 43_200])
def test_what_is_said_of_one_horizon_agrees_with_itself(standing_client, horizon_min):
    body = answered(standing_client, horizon_min=horizon_min)
    volatility = body["volatility"]
    assert volatility["lower"] <= volatility["horizon"] <= volatility["upper"]
    root = math.sqrt(MINUTES_A_YEAR / horizon_min)
    assert volatility["annualized"] == pytest.approx(volatility["horizon"] * root)
    for confidence in ("0.95", "0.99"):
        at_risk, shortfall = body["value_at_risk"], body["expected_shortfall"]
        assert 0.0 < at_risk[confidence] <= shortfall[confidence] < 1.0
    assert body["value_at_risk"]["0.95"] < body["value_at_risk"]["0.99"]
    assert body["tail_loss_return"] < 0.0
    ahead = when(body["target_time"]) - when(body["origin"])
    assert ahead == timedelta(minutes=horizon_min)
    assert body["measure"] == ("garman_klass" if horizon_min < 1440 else "squared_returns")


@pytest.mark.parametrize(
    ("body", "horizon_min"),
    [
        ({}, 60),
        ({"timeframe": "1m"}, 60),
        ({"timeframe": "30m"}, 60),
        ({"timeframe": "4h"}, 240),
        ({"timeframe": "1d"}, 1440),
        ({"timeframe": "1w"}, 10_080),
        ({"timeframe": "1m", "horizon_min": 1}, 1),
        ({"timeframe": "15m", "horizon_min": 45}, 45),
        ({"horizon_min": 43_200}, 43_200),
    ],
)
def test_any_timeframe_and_horizon_of_whole_bars_is_answered(standing_client, body, horizon_min):
    assert answered(standing_client, **body)["horizon_min"] == horizon_min


def test_forecast_and_regime_are_the_same_whatever_bars_are_asked_for(standing_client):
    usual = answered(standing_client, horizon_min=1440)
    same = ("volatility", "risk_score", "vol_regime", "value_at_risk", "origin", "last_close")
    for timeframe, limit in (("1m", 50), ("1h", 5000), ("1d", 2)):
        other = answered(standing_client, horizon_min=1440, timeframe=timeframe, limit=limit)
        assert {name: other[name] for name in same} == {name: usual[name] for name in same}


def test_the_last_bar_s_return_and_its_end_are_those_of_the_bars_asked_for(standing_client):
    for timeframe in ("1m", "1h", "1d"):
        body = answered(standing_client, timeframe=timeframe)
        bars = standing_client.get(
            "/v1/crypto/ohlcv", params={"timeframe": timeframe, "limit": 2}
        ).json()
        before, last = (bar["close"] for bar in bars["data"])
        assert body["nowcast_ret"] == pytest.approx(last / before - 1.0)
        assert body["as_of"] == max(bars["as_of"], body["origin"]), "the newest bar used"


@pytest.fixture
def off_the_hour(serve, clock):
    clock.advance(minutes=20)
    with serve() as client:
        yield client


def test_less_than_an_hour_ahead_begins_after_the_newest_bar(off_the_hour):
    short = answered(off_the_hour, timeframe="1m", horizon_min=15)
    assert (short["origin"], short["as_of"], short["target_time"]) == (
        "2026-11-18T23:20:00Z", "2026-11-18T23:20:00Z", "2026-11-18T23:35:00Z",
    )  # fmt: skip
    bars = off_the_hour.get("/v1/crypto/ohlcv?timeframe=1m&limit=1").json()
    assert short["last_close"] == bars["data"][0]["close"]
    long = answered(off_the_hour, timeframe="1m", horizon_min=60)
    assert (long["origin"], long["target_time"]) == (
        "2026-11-18T23:00:00Z", "2026-11-19T00:00:00Z",
    )  # fmt: skip
    hour = off_the_hour.get("/v1/crypto/ohlcv?limit=1").json()
    assert long["last_close"] == hour["data"][0]["close"]
    assert hour["age_seconds"] == 1200.0


# Why


def test_the_explanation_adds_up(standing_client):
    body = answered(standing_client, explain=True, horizon_min=1440)
    why, score = body["explain"], body["risk_score"]
    assert set(why) == EXPLAINED | {"base_log_odds"}
    for name in ("nowcast_ret", "vol_regime", "risk_score"):
        assert why[name] == body[name]
    assert why["vol"] == body["volatility"]["horizon"]
    distance = math.log(score / (1.0 - score)) - why["base_log_odds"]
    effects = [item["effect"] for item in why["contributions"]]
    assert sum(effects) == pytest.approx(distance, abs=1e-9)
    assert why["base_log_odds"] == pytest.approx(math.log(0.2 / 0.8))
    assert effects == sorted(effects, key=abs, reverse=True)
    assert why["benchmark"]["name"] == "har_ols"
    assert why["benchmark"]["volatility"] > 0.0


def test_the_ancestor_s_features_are_those_of_the_bars_asked_for(standing_client):
    why = answered(standing_client, explain=True, timeframe="4h", limit=60)["explain"]
    bars = standing_client.get("/v1/crypto/ohlcv?timeframe=4h&limit=60").json()["data"]
    close = [bar["close"] for bar in bars]
    returns = [b / a - 1.0 for a, b in itertools.pairwise(close)]
    assert len(why["features_tail"]) == 5
    for row, place in zip(why["features_tail"], range(55, 60), strict=True):
        assert row == {
            "time": bars[place]["time"],
            "close": close[place],
            "ret": pytest.approx(returns[place - 1]),
            "vol24": pytest.approx(float(np.std(returns[place - 24 : place], ddof=1))),
            "sma12": pytest.approx(sum(close[place - 11 : place + 1]) / 12),
            "sma48": pytest.approx(sum(close[place - 47 : place + 1]) / 48),
        }


@pytest.mark.parametrize(
    ("limit", "rows", "missing"),
    [
        (2, 2, {"vol24", "sma12", "sma48"}),
        (12, 5, {"vol24", "sma48"}),
        (24, 5, {"vol24", "sma48"}),
        (25, 5, {"sma48"}),
        (48, 5, set()),
    ],
)
def test_features_are_null_where_too_few_bars_come_before(standing_client, limit, rows, missing):
    found = answered(standing_client, explain=True, limit=limit)["explain"]["features_tail"]
    assert len(found) == rows
    assert {name for name, value in found[-1].items() if value is None} == missing
    assert (found[0]["ret"] is None) == (limit == 2)


@pytest.mark.parametrize(
    ("accepted", "language", "words"),
    [
        (None, "en", "over the next day"),
        ("es", "es", "en el próximo día"),
        ("es-AR,es;q=0.9,en;q=0.5", "es", "en el próximo día"),
        ("en;q=0.4, es;q=0.6", "es", "en el próximo día"),
        ("de, fr", "en", "over the next day"),
        ("es;q=0", "en", "over the next day"),
        ("es;q=nonsense,;;,=", "en", "over the next day"),
    ],
)
@pytest.mark.parametrize("how", ["post", "get", "batch"])
def test_sentences_are_in_the_reader_s_language(standing_client, accepted, language, words, how):
    headers = {"Accept-Language": accepted} if accepted else {"Accept-Language": ""}
    asked = {"explain": True, "horizon_min": 1440}
    if how == "post":
        answer = standing_client.post(SIGNAL, json=asked, headers=headers)
        body = answer.json()
    elif how == "get":
        answer = standing_client.get(SIGNAL, params=asked, headers=headers)
        body = answer.json()
    else:
        answer = standing_client.post(BATCH, json={"requests": [asked]}, headers=headers)
        body = answer.json()["results"][0]["signal"]
    assert answer.headers["content-language"] == language
    assert answer.headers["vary"] == "Accept-Language"
    assert words in body["explain"]["summary"]
    assert body["explain"]["summary"].endswith(".")
    assert ". " not in body["explain"]["summary"], "one sentence"


# Bad input

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


def is_refused(answer, status, *named):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(problem)
    assert problem["status"] == status
    for name in named:
        assert name in problem["detail"]
    return problem


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


# Looking


def test_looking_records_nothing_and_is_cacheable(client):
    answer = client.get(SIGNAL, params={"explain": True})
    body = answer.json()
    assert set(body) == FIELDS | MORE_FIELDS | {"explain"}
    assert body["signal_id"] is None
    assert client.get(TAIL).json() == []
    assert "max-age" in answer.headers["cache-control"]
    etag = {"If-None-Match": answer.headers["etag"]}
    again = client.get(SIGNAL, params={"explain": True}, headers=etag)
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(SIGNAL, params={"explain": True, "horizon_min": 120}, headers=etag)
    assert other.status_code == 200
    spanish = client.get(SIGNAL, params={"explain": True}, headers=etag | {"Accept-Language": "es"})
    assert (spanish.status_code, spanish.headers["content-language"]) == (200, "es")
    head = client.head(SIGNAL, params={"explain": True})
    assert (head.status_code, head.headers["etag"]) == (200, answer.headers["etag"])


def test_what_is_looked_at_is_what_would_be_recorded(client):
    looked, recorded = client.get(SIGNAL).json(), answered(client)
    own = {"signal_id", "created_at", "age_seconds"}
    assert {name: looked[name] for name in set(looked) - own} == {
        name: recorded[name] for name in set(recorded) - own
    }


def test_a_new_bar_makes_a_new_answer(client, clock):
    etag = client.get(SIGNAL).headers["etag"]
    clock.advance(minutes=30)
    later = client.get(SIGNAL, headers={"If-None-Match": etag})
    assert (later.status_code, later.headers["age"]) == (304, "1800")
    assert answered(client)["age_seconds"] == 1800.0
    clock.advance(minutes=31)
    assert fresh_after(client, etag)


def fresh_after(client, etag):
    for _ in range(2000):
        answer = client.get(SIGNAL, headers={"If-None-Match": etag})
        if answer.status_code == 200 and answer.json()["as_of"] == "2026-11-19T00:00:00Z":
            return answer.json()["origin"] == "2026-11-19T00:00:00Z"
    return False


# Recording


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
