"""Back-tests over HTTP: as asked, with provenance, off the event loop, or a clear no."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from starlette.testclient import TestClient

from assay.errors import BundleMissing, RateLimited, SourceUnavailable, TooBusy
from assay.evaluation.backtest import Backtest, backtest
from assay.market.crypto.feed import CryptoFeed
from assay_backend.app import create_app
from assay_backend.schemas.backtests import BacktestAnswer, BacktestRequest
from assay_backend.schemas.examples_backtests import BACKTEST
from assay_backend.services.backtests import BacktestService
from assay_backend.services.container import build_services
from assay_backend.settings import Settings
from upstream.scripted import NOW, HandClock, ScriptedExchanges

EVERYONE = ("binance", "binance_mirror", "kraken", "coinbase")


def ask(client, **body):
    return client.post("/v1/crypto/backtest", json=body)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def exchanges(clock):
    return ScriptedExchanges(clock)


@pytest.fixture
def crypto(clock, exchanges):
    return CryptoFeed(
        exchanges,
        None,
        clock,
        failover=("kraken", "coinbase"),
        deadline_seconds=0.5,
        stagger_seconds=0.05,
        deepen_after_seconds=3600.0,
    )


@pytest.fixture
def scripted(serve, settings, clock, crypto):
    """The app around scripted exchanges; the daily market is the simulated one."""
    with serve(services=build_services(settings, clock=clock, crypto=crypto)) as client:
        yield client


@pytest.fixture(scope="module")
def refused(publish, tmp_path_factory):
    """One app for what it refuses before any call to its exchanges."""
    root, clock = tmp_path_factory.mktemp("refused"), HandClock()
    publish(root / "bundle")
    settings = Settings(
        market_source="simulated", data_dir=root / "state", model_uri=str(root / "bundle")
    )
    exchanges = ScriptedExchanges(clock)
    crypto = CryptoFeed(exchanges, None, clock, deadline_seconds=0.5)
    services = build_services(settings, clock=clock, crypto=crypto)
    with TestClient(create_app(settings, services=services)) as client:
        yield client, exchanges


# Answers


def test_the_usual_question_is_answered_as_described(standing_client):
    answer = standing_client.post("/v1/crypto/backtest")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    BacktestAnswer.model_validate(body)
    assert (body["symbol"], body["exchange"], body["timeframe"]) == ("BTC/USDT", "binance", "1h")
    assert (body["source"], body["stale"], body["gaps"]) == ("simulated", False, [])
    assert (body["horizon_min"], body["limit"]) == (1440, None)
    assert body["terms"] == {
        "target_volatility": 0.4, "max_exposure": 1.0, "fee_bps": 10.0, "slippage_bps": 2.0,
        "rebalance_hours": 24, "no_trade_band": 0.1,
    }  # fmt: skip
    assert body["bars"] + body["warm_up_bars"] == 17520
    assert body["trained_to"] is None  # the small bundle does not say
    assert body["last_origin"] == body["as_of"] == "2026-11-18T23:00:00Z"
    curves = body["equity"]
    assert {len(curve) for curve in curves.values()} == {500}
    assert curves["volatility_target"][-1] == pytest.approx(
        1 + body["volatility_target"]["total_return"], rel=1e-6
    )
    assert all(0.0 <= exposure <= 1.0 for exposure in curves["exposure"])
    assert [row["name"] for row in body["forecast"]["rows"]] == ["assay", "har_ols", "yesterday"]
    assert body["forecast"]["rows"][0]["qlike_ratio_har"] < 1.0
    assert sum(row["n"] for row in body["risk"]["reliability"]) == body["risk"]["n"] > 300
    for row in body["risk"]["reliability"]:
        assert row["lower"] <= row["mean_forecast"] <= row["upper"]
    assert [row["level"] for row in body["value_at_risk"]] == [0.05, 0.01]
    assert sum(row["share"] for row in body["regimes"]["rows"]) == pytest.approx(1.0)


def test_the_example_is_one():
    BacktestAnswer.model_validate(BACKTEST)


def test_a_repeated_question_is_answered_from_memory_and_nothing_is_recorded(scripted, clock):
    first = ask(scripted, limit=500)
    clock.advance(seconds=7)
    again = ask(scripted, limit=500)
    assert (again.status_code, again.content) == (200, first.content)
    assert (first.headers["age"], again.headers["age"]) == ("0", "7")
    assert again.headers["cache-control"] == "no-store"
    assert scripted.get("/v1/crypto/signals/tail").json() == []
    clock.advance(hours=2)
    assert ask(scripted, limit=500).content != first.content


def test_limit_counts_bars_of_the_timeframe(standing_client):
    body = ask(standing_client, timeframe="4h", limit=200, horizon_min=480).json()
    assert (body["bars"], body["warm_up_bars"]) == (800, 17520 - 800)
    assert (body["first_origin"], body["horizon_min"]) == ("2026-10-16T15:00:00Z", 480)


def test_start_and_end_bound_what_is_used(standing_client):
    body = ask(
        standing_client, start="2026-03-01T00:00:00Z", end="2026-05-01T00:30:00+00:00"
    ).json()
    assert (body["first_origin"], body["last_origin"]) == (
        "2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z",
    )  # fmt: skip
    assert body["bars"] == 61 * 24
    later = ask(standing_client, start="2026-03-01T00:00:00Z").json()
    assert later["equity"]["volatility_target"][0] == body["equity"]["volatility_target"][0]


def test_the_least_horizon_that_lasts_a_day_is_taken_where_bars_do_not_divide_it(standing_client):
    body = ask(standing_client, timeframe="5h", limit=100).json()
    assert (body["horizon_min"], body["terms"]["rebalance_hours"]) == (25 * 60, 25)


def test_costs_lower_the_end_and_exposure_obeys_its_bound(standing_client):
    free = ask(standing_client, limit=2000, fee_bps=0, slippage_bps=0).json()
    dear = ask(standing_client, limit=2000, fee_bps=50, slippage_bps=0).json()
    for name in ("volatility_target", "buy_and_hold"):
        assert dear[name]["total_return"] < free[name]["total_return"]
        assert (free[name]["costs_paid"], dear[name]["slippage_paid"]) == (0, 0)
        assert dear[name]["fees_paid"] == dear[name]["costs_paid"] > 0
    little = ask(standing_client, limit=2000, max_exposure=0.2, no_trade_band=0).json()
    assert little["volatility_target"]["average_exposure"] == pytest.approx(0.2, abs=0.01)


# Markets as they are


def test_the_exchange_that_answered_and_the_holes_are_told(scripted, exchanges):
    exchanges.faults = dict.fromkeys(("binance", "binance_mirror"), SourceUnavailable("down"))
    exchanges.holes = {np.datetime64("2026-11-17T03:00", "ms")}
    body = ask(scripted, limit=300, symbol="eth-usdt").json()
    assert (body["exchange"], body["source"], body["symbol"]) == ("binance", "kraken", "ETH/USDT")
    assert body["gaps"] == [
        {"start": "2026-11-17T03:00:00Z", "end": "2026-11-17T04:00:00Z", "bars": 1}
    ]


def test_a_market_that_repeats_itself_has_an_answer_without_a_number_that_is_none(scripted):
    answer = ask(scripted)
    assert answer.status_code == 200
    BacktestAnswer.model_validate(answer.json())


def test_too_few_bars_say_how_many_are_needed(scripted, exchanges):
    exchanges.first = (NOW - timedelta(hours=100)).date().isoformat()
    answer = ask(scripted)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    body = answer.json()
    assert (body["title"], body["needed"]) == ("Too little history", 218)
    assert 80 < body["available"] < 130
    assert "218" in body["detail"]


def test_a_span_with_too_few_bars_is_the_callers_to_change(standing_client):
    for span in ({"start": "2026-11-17T00:00:00Z"}, {"end": "2020-01-01T00:00:00Z"}):
        answer = ask(standing_client, **span)
        assert answer.status_code == 422
        assert (answer.json()["title"], next(iter(span)) in answer.json()["detail"]) == (
            "Span too short", True,
        )  # fmt: skip
        assert answer.json()["needed"] > answer.json()["available"]


def test_without_bars_it_says_when_to_come_back(scripted, exchanges):
    exchanges.faults = dict.fromkeys(EVERYONE, RateLimited("429", retry_after_seconds=50.0))
    answer = ask(scripted)
    assert (answer.status_code, answer.json()["title"]) == (503, "Source unavailable")
    assert int(answer.headers["retry-after"]) >= 1


# Bad input


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"fee_bps": -0.1}, "fee_bps"),
        ({"fee_bps": 1001}, "fee_bps"),
        ({"fee_bps": "10"}, "fee_bps"),
        ({"fee_bps": True}, "fee_bps"),
        ({"fee_bps": None}, "fee_bps"),
        ({"slippage_bps": -1}, "slippage_bps"),
        ({"target_volatility": 0}, "target_volatility"),
        ({"target_volatility": -0.4}, "target_volatility"),
        ({"max_exposure": 0}, "max_exposure"),
        ({"max_exposure": 3.5}, "max_exposure"),
        ({"no_trade_band": -0.1}, "no_trade_band"),
        ({"rebalance_hours": 0}, "rebalance_hours"),
        ({"rebalance_hours": 1.5}, "rebalance_hours"),
        ({"horizon_min": 0}, "horizon_min"),
        ({"horizon_min": -60}, "horizon_min"),
        ({"horizon_min": 90}, "horizon_min"),
        ({"horizon_min": 1e9}, "horizon_min"),
        ({"horizon_min": 60, "timeframe": "4h"}, "4h"),
        ({"timeframe": "15m"}, "hourly"),
        ({"timeframe": "90m"}, "hourly"),
        ({"timeframe": "1w"}, "1w"),
        ({"timeframe": "7x"}, "7x"),
        ({"limit": 0}, "limit"),
        ({"limit": 167}, "168"),
        ({"limit": 17521}, "limit"),
        ({"limit": 6, "timeframe": "1d"}, "168"),
        ({"limit": 500, "start": "2026-01-01T00:00:00Z"}, "limit"),
        ({"start": "2026-01-01T00:00:00"}, "start"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "later"),
        ({"fees": 10}, "fees"),
        ({"symbol": "../../etc"}, "../../etc"),
        ({"exchange": "mtgox"}, "mtgox"),
        ([], "body"),
    ],
)
def test_bad_input_is_refused_before_any_call(refused, body, named):
    client, exchanges = refused
    answer = client.post("/v1/crypto/backtest", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert not exchanges.market_calls


@pytest.mark.parametrize(
    "content", [b'{"fee_bps": NaN}', b'{"fee_bps": Infinity}', b'{"fee_bps": 1e999}', b"{", b"\xff"]
)
def test_what_is_no_json_is_refused(refused, content):
    assert refused[0].post("/v1/crypto/backtest", content=content).status_code == 422


def test_an_unknown_market_and_a_large_body(scripted):
    assert ask(scripted, symbol="BTCUSD").status_code == 404
    large = scripted.post("/v1/crypto/backtest", content=b" " * 70_000)
    assert large.status_code == 413


# One at a time


class Held:
    """Works back-tests out once it is let go, and counts them."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.calls = 0

    def __call__(self, *given, **named) -> Backtest:
        self.calls += 1
        self.begun.set()
        assert self.go.wait(20)
        return backtest(*given, **named)


@pytest.fixture
def services(settings, clock, crypto):
    services = build_services(settings, clock=clock, crypto=crypto)
    yield services
    services.database.close()


def run(services, scenario, *, patience_seconds, work_out):
    async def whole():
        service = BacktestService(
            services.crypto,
            services.champion,
            services.clock,
            patience_seconds=patience_seconds,
            work_out=work_out,
        )
        try:
            return await scenario(service)
        finally:
            await service.close()
            await services.crypto.close()

    return asyncio.run(whole())


async def begun(held):
    assert await asyncio.to_thread(held.begun.wait, 20)


def test_the_same_question_is_worked_out_once_and_the_loop_goes_on(services):
    held = Held()

    async def scenario(service):
        asked = [asyncio.create_task(service.answer(BacktestRequest(limit=300))) for _ in range(3)]
        await begun(held)
        asked[0].cancel()  # who goes away takes nothing from the others
        held.go.set()
        return await asyncio.gather(*asked[1:])

    one, other = run(services, scenario, patience_seconds=5.0, work_out=held)
    assert one is other
    assert held.calls == 1


def test_another_question_waits_its_turn_and_is_told_when_that_takes_too_long(services):
    held = Held()

    async def scenario(service):
        first = asyncio.create_task(service.answer(BacktestRequest(limit=300)))
        await begun(held)
        with pytest.raises(TooBusy) as raised:
            await service.answer(BacktestRequest(limit=400))
        assert held.calls == 1
        held.go.set()
        await first
        await service.answer(BacktestRequest(limit=400))
        return raised.value

    error = run(services, scenario, patience_seconds=0.05, work_out=held)
    assert error.retry_after_seconds == 5.0
    assert held.calls == 2


def test_too_busy_is_a_503_with_the_time_to_come_back(serve, services, settings):
    async def scenario(service):
        async with service._one:
            return await asyncio.gather(
                service.answer(BacktestRequest(limit=300)), return_exceptions=True
            )

    [error] = run(services, scenario, patience_seconds=0.01, work_out=backtest)
    assert isinstance(error, TooBusy)

    class Busy:
        async def answer(self, _):
            raise error

        async def close(self):
            pass

    with serve(services=replace(build_services(settings), backtests=Busy())) as client:
        answer = ask(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["title"] == "Too busy"


def test_without_a_volatility_model_it_is_named(services):
    class Champion:
        def require(self):
            return replace(services.champion.require(), volatility=None)

    async def scenario(service):
        with pytest.raises(BundleMissing, match=r"volatility\.json"):
            await BacktestService(services.crypto, Champion(), services.clock).answer(
                BacktestRequest()
            )

    run(services, scenario, patience_seconds=1.0, work_out=backtest)
