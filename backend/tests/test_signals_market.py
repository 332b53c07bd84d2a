"""Signals on markets that are slow, absent, stale, torn or still: marked, or refused."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import math

import numpy as np
import pytest

from assay.bundle.files import VOLATILITY
from assay.errors import SourceUnavailable, StorageError
from assay.market.bars import check_bars
from assay.market.crypto.feed import CryptoFeed
from assay.market.sources.base import Fetched
from assay_backend.schemas.signals import SignalRequest
from assay_backend.services import coins, signals
from assay_backend.services.container import build_services
from assay_backend.services.signals import Asked
from upstream.scripted import HandClock, ScriptedExchanges

SIGNAL, BATCH, TAIL = "/v1/crypto/signal", "/v1/crypto/signal/batch", "/v1/crypto/signals/tail"
EVERYONE = ("binance", "binance_mirror", "kraken", "coinbase")
BINANCE = EVERYONE[:2]
MARKETS = ("BTCUSDT", "ETHUSDT", "ETHBTC")
DOWN = SourceUnavailable("down")


@pytest.fixture
def settings(settings):
    """With time enough for a busy machine."""
    return settings.model_copy(update={"upstream_deadline_seconds": 20.0})


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def exchanges(clock):
    return ScriptedExchanges(clock)


@pytest.fixture
def live(settings, clock, exchanges):
    """Services around scripted exchanges; what is far back is asked for when a test says so."""

    def live(source=exchanges, **options):
        options = {"failover": ("kraken", "coinbase"), "deepen_after_seconds": 3600.0} | options
        feed = CryptoFeed(source, None, clock, deadline_seconds=2.0, stagger_seconds=1.0, **options)
        return build_services(settings, clock=clock, crypto=feed)

    return live


@pytest.fixture
def client_of(serve, live):
    return lambda *source, **options: serve(services=live(*source, **options))


def answered(client, **body):
    answer = client.post(SIGNAL, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def every_number(document):
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        return [number for item in document for number in every_number(item)]
    return [document] if isinstance(document, float) else []


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


def test_without_bars_it_says_when_to_come_back(client_of, exchanges):
    exchanges.faults = dict.fromkeys(EVERYONE, DOWN)
    with client_of() as client:
        answer = client.post(SIGNAL, json={})
        assert (answer.status_code, answer.json()["title"]) == (503, "Source unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get(TAIL).json() == []


# Bars as they should not be


class StrangeBars(ScriptedExchanges):
    """`rows` makes open, high, low, close and volume of the bars' numbers."""

    rows = staticmethod(lambda at: np.column_stack([*[np.full(len(at), 100.0)] * 4, 0.0 * at]))

    async def bars(self, endpoint, market, timeframe, **options):
        fetched = await super().bars(endpoint, market, timeframe, **options)
        opens = fetched.checked.bars.time
        numbers = (opens.astype("int64") // timeframe.milliseconds).astype(float)
        return Fetched(check_bars(opens, self.rows(numbers), timeframe=timeframe))


def jumping(at):
    price = 100.0 * np.exp(5.0 * (at % 2))
    return np.column_stack([price, price * 1.01, price * 0.99, price, np.ones(len(at))])


def minute(at):
    return np.column_stack([*[np.full(len(at), 1e-12)] * 4, np.ones(len(at))])


def huge(at):
    price = 1e15 * (1.0 + 0.01 * (at % 3))
    return np.column_stack([price, price, price, price, 1e18 * np.ones(len(at))])


@pytest.mark.parametrize(
    ("rows", "fallback"),
    [
        pytest.param(StrangeBars.rows, "no_movement", id="constant prices, no volume"),
        pytest.param(minute, "no_movement", id="a price of next to nothing"),
        pytest.param(jumping, None, id="prices that jump by a factor of 148 and back"),
        pytest.param(huge, None, id="a giant price"),
    ],
)
def test_strange_prices_give_finite_marked_figures(client_of, clock, rows, fallback):
    source = StrangeBars(clock)
    source.rows = rows
    with client_of(source) as client:
        for horizon_min in (60, 1440, 43_200):
            body = answered(client, horizon_min=horizon_min, explain=True)
            assert fallback is None or fallback in body["fallbacks"]
            numbers = every_number(body)
            assert len(numbers) > 30
            assert all(map(math.isfinite, numbers))
            assert body["volatility"]["lower"] <= body["volatility"]["upper"]
            assert 0.0 <= body["risk_score"] <= 1.0
            for confidence, loss in body["value_at_risk"].items():
                assert 0.0 <= loss <= body["expected_shortfall"][confidence] <= 1.0


def test_a_missing_week_is_marked_and_widens(client_of, exchanges):
    with client_of() as client:
        whole = answered(client)
    week = np.arange(np.datetime64("2026-11-08T00", "h"), np.datetime64("2026-11-15T00", "h"))
    exchanges.holes = set(week.astype("datetime64[ms]"))
    with client_of() as client:
        torn = answered(client)
    assert ("gaps" in whole["fallbacks"], "gaps" in torn["fallbacks"]) == (False, True)
    widths = [body["volatility"]["upper"] / body["volatility"]["lower"] for body in (whole, torn)]
    assert widths[0] < widths[1]


@pytest.mark.parametrize(
    ("first", "status"), [("2026-11-18T11", 503), ("2026-11-18T00", 503), ("2026-11-10T00", 200)]
)
def test_a_coin_as_young_as_that_has_a_signal_or_a_reason(client_of, exchanges, first, status):
    exchanges.first = first
    with client_of() as client:
        answer = client.post(SIGNAL, json={})
        assert answer.status_code == status
        if status == 503:
            assert answer.json()["title"] == "Too little history"
        else:
            assert {"short_history", "no_threshold"} <= set(answer.json()["fallbacks"])


@pytest.mark.parametrize(
    ("language", "begins", "word"),
    [
        ("en", "Over the next hour a typical move of BTC/USDT is ", "regime"),
        ("es", "En la próxima hora un movimiento típico de BTC/USDT es ", "régimen"),
    ],
)
def test_a_regime_is_no_finding_of_a_young_coin(client_of, exchanges, language, begins, word):
    headers = {"Accept-Language": language}
    with client_of() as client:
        old = client.post(SIGNAL, json={"explain": True}, headers=headers).json()
    exchanges.first = "2026-11-10T00"
    with client_of() as client:
        young = client.post(SIGNAL, json={"explain": True}, headers=headers).json()
    assert word in old["explain"]["summary"]
    assert (young["vol_regime"], "no_regime" in young["fallbacks"]) == ("normal", True)
    assert young["explain"]["summary"].startswith(begins)
    assert word not in young["explain"]["summary"]


def silent(at):
    price = 100.0 * np.exp(0.01 * np.sin(at * 1.7))
    return np.column_stack([price, price * 1.004, price * 0.996, price, np.zeros(len(at))])


def test_prices_that_move_without_trades_are_marked_and_widen(client_of, clock):
    widths = []
    for volume in (0.0, 1.0):
        source = StrangeBars(clock)
        source.rows = lambda at, volume=volume: np.add(silent(at), [0, 0, 0, 0, volume])
        with client_of(source) as client:
            body = answered(client)
        assert ("no_volume" in body["fallbacks"]) is (volume == 0.0)
        widths.append(math.log(body["volatility"]["upper"] / body["volatility"]["lower"]))
    assert widths[0] > 1.05 * widths[1]


# The model and the ledger


def without_model(contents):
    del contents[VOLATILITY]


def test_without_a_volatility_model_it_says_so_until_there_is_one(serve, folder, publish):
    publish(folder, version="none", change=without_model)
    with serve() as client:
        for answer in (client.post(SIGNAL, json={}), client.get(SIGNAL)):
            problem = answer.json()
            assert (answer.status_code, problem["title"]) == (503, "Bundle missing")
            assert problem["path"] == VOLATILITY
            assert VOLATILITY in problem["detail"]
        batch = client.post(BATCH, json={"requests": [{}, {"limit": 1}]}).json()["results"]
        assert [item["problem"]["status"] for item in batch] == [503, 422]
        assert client.post("/predict").status_code == 200
        publish(folder, version="whole")
        for _ in range(400):
            answer = client.post(SIGNAL, json={})
            if answer.status_code == 200:
                break
        assert answer.json()["model_version"] == "whole"


class BrokenLedger:
    """Takes nothing."""

    async def append(self, entries, *, remember=None):
        raise StorageError("the disk is full")

    def start(self):
        pass

    async def close(self):
        pass


def test_what_cannot_be_recorded_is_not_answered(serve, live, settings, clock):
    services = dataclasses.replace(live(), ledger=BrokenLedger())
    with serve(services=services) as client:
        for path, body in ((SIGNAL, {}), (BATCH, {"requests": [{}]})):
            answer = client.post(path, json=body)
            assert (answer.status_code, answer.json()["title"]) == (503, "Storage error")
            assert "retry-after" in answer.headers
        assert client.get(SIGNAL).status_code == 200


def test_a_bug_in_one_item_is_that_item_s_and_logged(serve, live, caplog):
    services = live()
    assess = services.coins.assess

    async def broken(coin, horizon_minutes):
        if horizon_minutes == 120:
            raise ZeroDivisionError
        return await assess(coin, horizon_minutes)

    services.coins.assess = broken
    with serve(services=services) as client:
        wanted = [{}, {"horizon_min": 120}, {"horizon_min": 180}]
        found = client.post(BATCH, json={"requests": wanted}).json()["results"]
        assert [item["ok"] for item in found] == [True, False, True]
        assert found[1]["problem"]["status"] == 500
        assert "ZeroDivisionError" in caplog.text


# Replayed and simulated bars


def write_bars(path, step, count):
    opens = np.datetime64("2026-11-18T12", "s") - step * np.arange(count, 0, -1)
    price = 100.0 * np.exp(0.01 * np.sin(np.arange(count) * 1.7))
    lines = ["timestamp,open,high,low,close,volume"]
    for at, close in zip(opens, price.tolist(), strict=True):
        lines.append(f"{at}Z,{close},{close * 1.004},{close * 0.996},{close},1")
    path.write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("timeframe", "step", "count", "fallbacks"),
    [
        ("1h", np.timedelta64(3600, "s"), 20_000, set()),
        ("1h", np.timedelta64(3600, "s"), 2_000, {"short_history"}),
        ("1d", np.timedelta64(86_400, "s"), 900, {"short_history", "daily_bars"}),
    ],
)
def test_replayed_bars_are_as_deep_as_their_file(
    settings, clock, serve, tmp_path, timeframe, step, count, fallbacks
):
    from assay.market.sources.replay_crypto import ReplayedExchanges, replay_files

    path = tmp_path / "bars.csv"
    if timeframe == "1d":
        clock.instant = clock.instant.replace(hour=0)
    write_bars(path, step, count)
    if timeframe == "1d":
        path.write_text(path.read_text().replace("T12:00:00Z", "T00:00:00Z"))
    files = replay_files(f"binance:BTC/USDT:{timeframe}={path}")
    feed = CryptoFeed(ReplayedExchanges(files, clock), None, clock)
    with serve(services=build_services(settings, clock=clock, crypto=feed)) as client:
        body = answered(client, timeframe=timeframe)
        assert body["source"] == "replay"
        assert fallbacks <= set(body["fallbacks"])
        assert bool(fallbacks) == bool(set(body["fallbacks"]) & {"short_history", "daily_bars"})
        assert answered(client, timeframe=timeframe)["risk_score"] == body["risk_score"]


def test_simulated_signals_say_so_in_their_sentence(standing_client):
    for language, words in (("en", "simulated"), ("es", "simulados")):
        answer = standing_client.post(
            SIGNAL, json={"explain": True}, headers={"Accept-Language": language}
        )
        assert answer.json()["source"] == "simulated"
        assert words in answer.json()["explain"]["summary"]
