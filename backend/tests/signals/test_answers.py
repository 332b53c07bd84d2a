"""A coin's risk over HTTP: complete, of one piece, explained, and looked at without a record."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta

import numpy as np
import pytest

from asked_signals import BATCH, SIGNAL, TAIL, answered, when
from assay_backend.schemas.signals import SignalAnswer

# CONTRACT, field by field.
FIELDS = {
    "symbol", "exchange", "timeframe", "horizon_min", "risk_score", "vol_regime", "nowcast_ret",
    "volatility", "value_at_risk", "expected_shortfall", "tail_loss_probability", "signal_id",
    "created_at", "source", "as_of", "age_seconds", "stale",
}  # fmt: skip
MORE_FIELDS = {
    "limit", "origin", "target_time", "last_close", "fallbacks", "measure", "tail_loss_return",
    "model_version", "volatility_version",
}  # fmt: skip
EXPLAINED = {
    "nowcast_ret", "vol", "vol_regime", "risk_score", "summary", "contributions", "benchmark",
    "features_tail",
}  # fmt: skip
MINUTES_A_YEAR = 365 * 24 * 60


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
