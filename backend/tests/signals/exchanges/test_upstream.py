"""Signals of exchanges that are slow, absent or late: few calls, and marked, or refused."""

from __future__ import annotations

import asyncio
import itertools
import math

import pytest

from asked_signals import BATCH, SIGNAL, TAIL, answered
from assay_backend.schemas.signals import SignalRequest
from assay_backend.services import coins, signals
from assay_backend.services.signals import Asked
from upstream.scripted import DOWN

EVERYONE = ("binance", "binance_mirror", "kraken", "coinbase")
BINANCE = EVERYONE[:2]
MARKETS = ("BTCUSDT", "ETHUSDT", "ETHBTC")


def run_with(services, scenario):
    """Runs a coroutine around services without any server."""

    async def run():
        services.ledger.start()
        try:
            return await scenario(services)
        finally:
            await services.coins.close()
            await services.crypto.close()
            await services.ledger.close()
            services.database.close()

    return asyncio.run(run())


def test_a_first_signal_costs_one_call_and_says_how_little_it_knows(client_of, exchanges):
    with client_of() as client:
        body = answered(client)
        assert (body["source"], body["stale"]) == ("binance", False)
        assert "short_history" in body["fallbacks"]
        for timeframe in ("1h", "1h", "4h"):
            answered(client, timeframe=timeframe)
        assert exchanges.bar_calls == {"binance": 2}, "hours, and bars of four"


def test_later_ones_know_two_years(client_of, exchanges):
    with client_of(deepen_after_seconds=0.0, deepen_pace_seconds=0.0) as client:
        assert "short_history" in answered(client)["fallbacks"]
        for _ in range(400):
            found = answered(client)
            if not found["fallbacks"]:
                break
        assert found["fallbacks"] == []


def test_five_hundred_first_signals_make_one_call(live, exchanges):
    async def scenario(services):
        asked = Asked(SignalRequest(), None)
        found = await asyncio.gather(*(services.signals.prepare(asked) for _ in range(500)))
        assert len({id(prepared) for prepared in found}) == 1
        assert (exchanges.market_calls, exchanges.bar_calls) == ({"binance": 1}, {"binance": 1})

    run_with(live(), scenario)


def test_a_batch_makes_one_call_for_each_series_however_often_it_is_named(client_of, exchanges):
    wanted = [
        {"symbol": symbol, "horizon_min": horizon_min, "limit": limit}
        for symbol in ("BTCUSDT", "eth-usdt", "ETH/BTC")
        for horizon_min, limit in itertools.product((60, 1440), (200, 5000, 2))
    ]
    with client_of() as client:
        found = client.post(BATCH, json={"requests": wanted}).json()["results"]
    assert all(item["ok"] for item in found)
    assert exchanges.bar_calls == {"binance": 3}


def test_the_items_of_a_batch_do_not_wait_for_each_other(client_of, exchanges):
    exchanges.silent = {"coinbase"}
    wanted = [{"exchange": "coinbase"}, {"exchange": "kraken"}, {"exchange": "mtgox"}]
    with client_of(failover=()) as client:
        found = client.post(BATCH, json={"requests": wanted}).json()["results"]
        assert [item["ok"] for item in found] == [False, True, False]
        assert [item["problem"]["status"] for item in found if not item["ok"]] == [503, 422]
        assert len(client.get(TAIL).json()) == 1


def test_the_exchange_asked_for_and_the_one_that_answered_are_told_apart(client_of, exchanges):
    exchanges.faults = dict.fromkeys(BINANCE, DOWN)
    with client_of() as client:
        for timeframe in ("1h", "4h"):
            body = answered(client, timeframe=timeframe)
            assert (body["exchange"], body["source"]) == ("binance", "kraken")
            assert body["last_close"] // 100 == 2.0, "kraken's level"


def test_hours_and_other_bars_are_never_of_two_exchanges(client_of, exchanges):
    """Binance has no hours right now, and bars of four hours it has."""
    ask = exchanges.bars

    async def bars(endpoint, market, timeframe, **options):
        if endpoint in BINANCE and timeframe.name == "1h":
            raise DOWN
        return await ask(endpoint, market, timeframe, **options)

    exchanges.bars = bars
    with client_of() as client:
        body = answered(client, timeframe="4h", explain=True)
        assert (body["exchange"], body["source"]) == ("binance", "kraken")
        closes = [body["last_close"], *(row["close"] for row in body["explain"]["features_tail"])]
        assert {close // 100 for close in closes} == {2.0}


def test_stale_bars_are_answered_and_marked(client_of, exchanges, clock):
    with client_of() as client:
        fresh = answered(client)
        exchanges.faults = dict.fromkeys(EVERYONE, DOWN)
        clock.advance(hours=5)
        body = answered(client)
        assert (body["stale"], body["as_of"], body["origin"]) == (
            True, fresh["as_of"], fresh["origin"],
        )  # fmt: skip
        assert body["age_seconds"] == 5 * 3600 + 20 * 60


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "over the hour from 2026-11-18 12:00 UTC on, where the newest bars end,"),
        ("es", "en 1 hora a partir de 2026-11-18 12:00 UTC, donde acaban los últimos datos,"),
    ],
)
def test_what_is_over_is_marked_widened_and_dated(client_of, exchanges, clock, language, words):
    """At 17:20 the newest hour ended at 12:00: five hours that the forecast has not seen."""
    with client_of() as client:
        headers = {"Accept-Language": language}
        fresh = client.post(SIGNAL, json={"explain": True}, headers=headers).json()
        exchanges.faults = dict.fromkeys(EVERYONE, DOWN)
        clock.advance(hours=5)
        late = client.post(SIGNAL, json={"explain": True}, headers=headers).json()
    assert late["fallbacks"] == [*fresh["fallbacks"], "stale"]
    assert words in late["explain"]["summary"]
    assert words not in fresh["explain"]["summary"]
    widths = [
        math.log(body["volatility"]["upper"] / body["volatility"]["lower"])
        for body in (fresh, late)
    ]
    assert widths[1] == pytest.approx((1 + 0.055 * math.log2(6)) * widths[0])


def test_an_answer_of_another_hour_late_is_another_answer(client_of, exchanges, clock):
    with client_of() as client:
        client.get(SIGNAL)
        exchanges.faults = dict.fromkeys(EVERYONE, DOWN)
        tags = []
        for minutes in (0, 35, 5, 60, 60):  # 12:20, 12:55, 13:00, 14:00, 15:00
            clock.advance(minutes=minutes)
            tags.append(client.get(SIGNAL).headers["etag"])
    assert tags[0] == tags[1]
    assert len(set(tags)) == 4


def test_hours_that_are_overdue_make_any_answer_stale(client_of, exchanges, clock):
    """The day's bar is as it should be; the hours that the forecast rests on end at 12:00."""
    with client_of() as client:
        asked = {"timeframe": "1d", "horizon_min": 1440}
        fresh = client.get(SIGNAL, params=asked)
        assert (fresh.json()["stale"], fresh.json()["as_of"]) == (False, "2026-11-18T12:00:00Z")
        exchanges.faults = dict.fromkeys(EVERYONE, DOWN)
        clock.advance(hours=3)
        late = client.get(SIGNAL, params=asked, headers={"If-None-Match": fresh.headers["etag"]})
        assert late.status_code == 200
        assert (late.json()["stale"], late.json()["as_of"]) == (True, "2026-11-18T12:00:00Z")
        assert "stale" in late.json()["fallbacks"]
        assert client.get("/v1/crypto/ohlcv?timeframe=1d").json()["stale"] is False


def test_without_bars_it_says_when_to_come_back(client_of, exchanges):
    exchanges.faults = dict.fromkeys(EVERYONE, DOWN)
    with client_of() as client:
        answer = client.post(SIGNAL, json={})
        assert (answer.status_code, answer.json()["title"]) == (503, "Source unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get(TAIL).json() == []


# What is kept


def test_the_coin_asked_for_longest_ago_is_the_one_that_goes(live, monkeypatch):
    monkeypatch.setattr(coins, "MOST_COINS", 2)
    bitcoin, ether, third = (Asked(SignalRequest(symbol=s), None) for s in MARKETS)

    async def scenario(services):
        for asked in (bitcoin, ether, bitcoin, third):
            await services.signals.prepare(asked)
        at_hand = [services.signals.at_hand(asked) for asked in (bitcoin, ether, third)]
        assert [found is not None for found in at_hand] == [True, False, True]

    run_with(live(), scenario)


def test_the_answer_read_longest_ago_is_the_one_that_goes(live, monkeypatch):
    every = [Asked(SignalRequest(limit=limit), None) for limit in (10, 20, 30)]

    async def scenario(services):
        first = [await services.signals.prepare(asked) for asked in every[:2]]
        monkeypatch.setattr(signals, "MOST_KEPT_BYTES", services.signals.kept_bytes)
        assert await services.signals.prepare(every[0]) is first[0]
        await services.signals.prepare(every[2])
        assert await services.signals.prepare(every[0]) is first[0]
        assert await services.signals.prepare(every[1]) is not first[1]

    run_with(live(), scenario)


def test_a_coin_whose_state_was_dropped_says_what_it_would_have_said(live, monkeypatch):
    async def scene(services):
        answers = []
        for minutes in (60, 240, 1440):
            prepared = await services.signals.prepare(
                Asked(SignalRequest(horizon_min=minutes), None)
            )
            answers.append(prepared.lasting)
            await services.signals.prepare(Asked(SignalRequest(symbol="ETHUSDT"), None))
            await services.signals.prepare(
                Asked(SignalRequest(symbol="ETHUSDT", horizon_min=2 * minutes), None)
            )
        return answers, services.coins.state_bytes

    usual, both = run_with(live(), scene)
    monkeypatch.setattr(coins, "MOST_STATE_BYTES", 1)
    again, one = run_with(live(), scene)
    assert again == usual
    assert one < both


def test_who_asked_lately_finds_the_next_hour_ready(live, clock):
    async def scenario(services):
        asked = [Asked(SignalRequest(horizon_min=minutes), None) for minutes in (60, 240)]
        for each in asked:
            await services.signals.prepare(each)
        clock.advance(hours=1)
        for _ in range(500):
            await services.coins.keep_ready()
            found = [services.signals.at_hand(each) for each in asked]
            if all(found) and found[0].origin.hour == 13:
                break
            await asyncio.sleep(0.01)
        assert [each.origin.hour for each in found] == [13, 13]

    run_with(live(), scenario)
