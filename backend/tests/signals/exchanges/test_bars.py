"""Signals of bars that are strange, torn, few, replayed or simulated: finite, and marked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from asked_signals import SIGNAL, answered
from assay.market.bars import check_bars
from assay.market.crypto.feed import CryptoFeed
from assay.market.sources.base import Fetched
from assay_backend.services.container import build_services
from upstream.scripted import ScriptedExchanges


def every_number(document):
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        return [number for item in document for number in every_number(item)]
    return [document] if isinstance(document, float) else []


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
