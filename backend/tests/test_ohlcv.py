"""Exchanges' bars over HTTP: all that was asked for, closed, marked, cacheable, or a clear no."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from assay.errors import RateLimited, SourceUnavailable
from assay.market.crypto.feed import CryptoFeed
from assay.market.keys import SeriesKey
from assay_backend.services.container import build_services
from assay_backend.services.ohlcv import OhlcvRequest, OhlcvService
from assay_backend.services.rendering import ohlcv_document
from upstream.scripted import NOW, HandClock, ScriptedExchanges, settle

EVERYONE = ("binance", "binance_mirror", "kraken", "coinbase")


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def exchanges(clock):
    return ScriptedExchanges(clock)


@pytest.fixture
def crypto_client(serve, settings, clock, exchanges):
    """The app around scripted exchanges; the daily market is the simulated one."""
    feed = CryptoFeed(
        exchanges,
        None,
        clock,
        failover=("kraken", "coinbase"),
        deadline_seconds=0.3,
        stagger_seconds=0.05,
    )
    with serve(services=build_services(settings, clock=clock, crypto=feed)) as client:
        yield client


def get(client, **query):
    return client.get("/v1/crypto/ohlcv", params=query)


def test_the_usual_question_is_answered_as_agreed(crypto_client):
    answer = crypto_client.get("/v1/crypto/ohlcv")
    body = answer.json()
    assert answer.status_code == 200
    assert {name: body[name] for name in ("symbol", "exchange", "timeframe", "limit", "rows")} == {
        "symbol": "BTC/USDT", "exchange": "binance", "timeframe": "1h", "limit": 200, "rows": 200,
    }  # fmt: skip
    assert (body["source"], body["endpoint"], body["stale"]) == ("binance", "binance", False)
    assert (body["as_of"], body["age_seconds"], body["gaps"]) == (
        "2026-11-18T12:00:00Z", 1200.0, [],
    )  # fmt: skip
    last = body["data"][-1]
    assert list(last) == ["ts", "time", "open", "high", "low", "close", "volume"]
    assert last["time"] == "2026-11-18T11:00:00Z"
    assert last["ts"] == 1000 * (int(NOW.timestamp()) // 3600 - 1) * 3600
    stamps = [bar["ts"] for bar in body["data"]]
    assert {later - earlier for earlier, later in pairwise(stamps)} == {3_600_000}


def test_all_rows_asked_for_come(crypto_client):
    for limit in (1, 999, 5000):
        assert get(crypto_client, limit=limit).json()["rows"] == limit


def test_who_has_the_answer_is_told_so(crypto_client, clock):
    first = crypto_client.get("/v1/crypto/ohlcv")
    etag = {"If-None-Match": first.headers["etag"]}
    again = crypto_client.get("/v1/crypto/ohlcv", headers=etag)
    assert (again.status_code, again.content) == (304, b"")
    clock.advance(seconds=5)
    assert crypto_client.get("/v1/crypto/ohlcv").headers["age"] == "5"
    clock.advance(hours=2)
    stale = crypto_client.get("/v1/crypto/ohlcv", headers=etag)
    assert (stale.status_code, stale.json()["stale"]) == (200, True)


@pytest.mark.parametrize(
    ("timeframe", "minutes_later", "fresh_seconds"),
    [
        ("1h", 0, 30),  # 40 minutes before the next close
        ("1h", 39.75, 15),
        ("1h", 40.1, 1),  # the next bar has closed, and comes any moment
        ("1h", 43, 1),  # and is overdue
        ("1m", 0, 30),
        ("1m", 0.75, 15),
        ("1d", 0, 30),
    ],
)
def test_a_copy_is_fresh_until_the_next_bar(
    crypto_client, exchanges, clock, timeframe, minutes_later, fresh_seconds
):
    get(crypto_client, timeframe=timeframe)
    exchanges.faults = dict.fromkeys(EVERYONE, SourceUnavailable("down"))
    clock.advance(minutes=minutes_later)
    answer = get(crypto_client, timeframe=timeframe)
    assert answer.json()["stale"] is (minutes_later == 43)
    age_seconds = int(answer.headers["age"])
    assert answer.headers["cache-control"] == f"public, max-age={age_seconds + fresh_seconds}"


@pytest.mark.parametrize("limit", [1000, 1001, 5000])
def test_what_many_ask_for_at_once_is_rendered_once(clock, exchanges, limit):
    rendered = []

    def render(*asked):
        rendered.append(asked)
        return ohlcv_document(*asked)

    async def ask_at_once():
        feed = CryptoFeed(exchanges, None, clock)
        service = OhlcvService(feed, clock, render=render)
        asked = OhlcvRequest("binance", "BTCUSDT", "1h", limit)
        bodies = await asyncio.gather(*(service.answer(asked) for _ in range(60)))
        assert len({id(body) for body in bodies}) == len(rendered) == 1
        clock.advance(hours=1)
        await feed.bars(SeriesKey("binance", "BTC/USDT", "1h"), limit)
        await settle(feed)
        again = await asyncio.gather(*(service.answer(asked) for _ in range(60)))
        assert len({id(body) for body in again}) == 1
        assert len(rendered) == 2
        await feed.close()

    asyncio.run(ask_at_once())


def test_the_exchange_asked_for_and_the_one_that_answered_are_told_apart(crypto_client, exchanges):
    exchanges.faults = dict.fromkeys(("binance", "binance_mirror"), SourceUnavailable("down"))
    body = get(crypto_client, symbol="eth-usdt").json()
    assert (body["exchange"], body["source"], body["symbol"]) == ("binance", "kraken", "ETH/USDT")


def test_holes_are_listed_within_what_is_shown(crypto_client, exchanges):
    exchanges.holes = {np.datetime64("2026-11-18T03:00", "ms")}
    assert get(crypto_client, limit=24).json()["gaps"] == [
        {"start": "2026-11-18T03:00:00Z", "end": "2026-11-18T04:00:00Z", "bars": 1}
    ]
    assert get(crypto_client, limit=5).json()["gaps"] == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 5001}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "1e3"}, "limit"),
        ({"exchange": "mtgox"}, "mtgox"),
        ({"exchange": "../../etc"}, "../../etc"),
        ({"timeframe": "7x"}, "7x"),
        ({"timeframe": "1s", "exchange": "kraken"}, "Kraken"),
        ({"symbol": "../../etc"}, "../../etc"),
        ({"symbol": "BTC\0USDT"}, "market"),
        ({"symbol": "BTC USDT"}, "BTC USDT"),
        ({"symbol": "A" * 99}, "symbol"),
        ({"symbol": ""}, "market"),
        ({"symbols": "BTCUSDT"}, "symbols"),
        ({"symbol": ["BTCUSDT", "ETHUSDT"]}, "symbol: given more than once"),
        ({"limit": [5, 5]}, "limit: given more than once"),
        ({"exchange": ["binance", ""]}, "exchange: given more than once"),
    ],
)
def test_bad_input_is_refused_before_any_call(crypto_client, exchanges, query, named):
    answer = get(crypto_client, **query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert not exchanges.market_calls


def test_an_unknown_market_offers_near_ones(crypto_client):
    answer = get(crypto_client, symbol="BTCUSD")
    assert (answer.status_code, answer.json()["near"][0]) == (404, "BTC/USDT")


def test_without_bars_it_says_when_to_come_back(crypto_client, exchanges):
    exchanges.faults = dict.fromkeys(EVERYONE, RateLimited("429", retry_after_seconds=50.0))
    answer = crypto_client.get("/v1/crypto/ohlcv")
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["title"] == "Source unavailable"


def test_head_and_get_agree(crypto_client):
    assert crypto_client.head("/v1/crypto/ohlcv").status_code == 200


def test_the_status_tells_of_sources_freshness_breakers_gaps_and_quarantine(
    crypto_client, exchanges
):
    exchanges.faults = {"binance": SourceUnavailable("down")}
    crypto_client.get("/v1/crypto/ohlcv")
    body = crypto_client.get("/v1/status").json()
    assert {"sources", "freshness", "breakers", "gaps", "quarantine", "ledger", "versions"} <= set(
        body
    )
    assert {"binance", "binance_mirror"} <= set(body["sources"])
    breakers = {each["endpoint"]: each for each in body["breakers"]}
    assert (breakers["binance"]["failed"], breakers["binance_mirror"]["failed"]) == (1, 0)
    series = {(each["exchange"], each["symbol"]): each for each in body["freshness"]}
    assert series[(None, "GC=F")]["timeframe"] == "1d"
    assert series[("binance", "BTC/USDT")]["source"] == "binance"
    assert body["quarantine"] == {"rows": 0, "by_reason": {}}


def test_simulated_markets_answer_for_every_exchange_and_timeframe(standing_client):
    for exchange, symbol, timeframe in (
        ("binance", "BTCUSDT", "1m"),
        ("kraken", "BTC/USD", "4h"),
        ("okx", "eth-usdt", "1d"),
        ("bitstamp", "ETHUSDT", "12h"),
    ):
        answer = get(standing_client, exchange=exchange, symbol=symbol, timeframe=timeframe)
        body = answer.json()
        assert (answer.status_code, body["source"], body["rows"]) == (200, "simulated", 200), body
        assert (body["exchange"], body["stale"]) == (exchange, False)
