"""Coins' signals: scored once, by the bars of their window and of their own source, or never."""

from __future__ import annotations

import itertools
import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assay.errors import SourceUnavailable
from assay.market.bars import check_bars
from assay.market.timeframes import timeframe
from assay.store.ledger_records import Batch, Entry
from assay_backend.services.scoring import WAIT_FOR_BARS
from scored import ledger, outcomes
from upstream.scripted import BTC
from upstream.scripted import LEVELS as PRICE_LEVELS

HOUR = timedelta(hours=1)


def signal(number, *, origin, minutes=60, measure="garman_klass", source="binance", **said):
    """An entry like those of `POST /v1/crypto/signal`."""
    target = origin + timedelta(minutes=minutes)
    name, exchange = said.pop("timeframe", "1h"), said.pop("exchange", "binance")
    payload = {
        "signal_id": f"id-{number}",
        "symbol": "BTC/USDT",
        "exchange": "binance",
        "timeframe": name,
        "horizon_min": minutes,
        "origin": origin.isoformat().replace("+00:00", "Z"),
        "target_time": target.isoformat().replace("+00:00", "Z"),
        "risk_score": 0.3,
        "vol_regime": "normal",
        "measure": measure,
        "volatility": {
            "horizon": 0.02,
            "annualized": 1.87,
            "percentile": 0.5,
            "lower": 0.01,
            "upper": 0.05,
            "threshold_volatility": 0.02,
        },
        "value_at_risk": {"0.95": 0.02, "0.99": 0.03},
        "tail_loss_probability": 0.05,
        "tail_loss_return": -0.02,
        "fallbacks": [],
        "model_version": "small",
        **said,
    }
    subject = f"{exchange} BTC/USDT {name}"
    body = json.dumps(payload).encode()
    return Entry("signal", f"id-{number}", body, origin, target, subject, source)


def keep(services, entries, *, at):
    ledger(services).append([Batch([entry]) for entry in entries], at=at)


def scripted_bar(exchange, opened, seconds=3600):
    """Open, high, low, close as ScriptedExchanges gives them."""
    price = PRICE_LEVELS[exchange] + int(opened.timestamp()) // seconds % 7
    return price, price + 2.0, price - 2.0, price + 1.0


def garman_klass_of(bar):
    opened, high, low, close = bar
    return 0.5 * math.log(high / low) ** 2 - (2 * math.log(2) - 1) * math.log(close / opened) ** 2


def test_a_signal_is_scored_by_the_bars_of_its_window(services, clock, score):
    """Four hours by the sum of Garman-Klass, by hand."""
    origin = datetime(2026, 11, 18, 20, tzinfo=UTC)
    keep(services, [signal(1, origin=origin, minutes=240)], at=origin)
    assert score(services) == [0]
    clock.instant = origin + 4 * HOUR + timedelta(minutes=5)
    assert score(services, passes=2) == [1, 0]
    window = [scripted_bar("binance", origin + number * HOUR) for number in range(4)]
    before = scripted_bar("binance", origin - HOUR)
    variance = sum(garman_klass_of(bar) for bar in window)
    moved = math.log(window[-1][3] / before[3])
    [found] = outcomes(services, "signal")
    assert found["realized_volatility"] == pytest.approx(math.sqrt(variance))
    assert found["log_return"] == pytest.approx(moved)
    assert found["above_threshold"] is (math.sqrt(variance) > 0.02)
    assert found["brier"] == pytest.approx((0.3 - found["above_threshold"]) ** 2)
    assert found["inside"] is (0.01 <= math.sqrt(variance) <= 0.05)
    assert found["var_hit"] == {
        "0.95": 1 - math.exp(moved) > 0.02,
        "0.99": 1 - math.exp(moved) > 0.03,
    }
    assert found["tail_loss"] is (moved < -0.02)
    assert (found["bars"], found["timeframe"]) == (4, "1h")


def test_from_a_day_on_squared_hourly_returns_count(services, clock, score):
    origin = datetime(2026, 11, 17, 20, tzinfo=UTC)
    said = signal(1, origin=origin, minutes=1440, measure="squared_returns", timeframe="1d")
    keep(services, [said], at=origin)
    clock.instant = origin + 24 * HOUR + timedelta(minutes=5)
    assert score(services) == [1]
    closes = [scripted_bar("binance", origin + number * HOUR)[3] for number in range(-1, 24)]
    variance = sum(math.log(b / a) ** 2 for a, b in itertools.pairwise(closes))
    [found] = outcomes(services, "signal")
    assert found["realized_volatility"] == pytest.approx(math.sqrt(variance))
    assert (found["bars"], found["timeframe"]) == (24, "1h")


def test_below_an_hour_the_signals_own_bars_measure_it_as_one(services, clock, score):
    origin = datetime(2026, 11, 18, 20, 15, tzinfo=UTC)
    keep(services, [signal(1, origin=origin, minutes=30, timeframe="15m")], at=origin)
    clock.instant = origin + HOUR
    assert score(services) == [1]
    [found] = outcomes(services, "signal")
    window = [
        scripted_bar("binance", origin + timedelta(minutes=15 * n), seconds=900) for n in (0, 1)
    ]
    opened, high, low, closed = zip(*window, strict=True)
    variance = garman_klass_of((opened[0], max(high), min(low), closed[-1]))
    assert found["realized_volatility"] == pytest.approx(math.sqrt(variance))
    assert (found["bars"], found["timeframe"]) == (2, "15m")


def test_the_exchange_is_asked_once_for_all_that_is_due_of_a_series(
    services, clock, exchanges, score
):
    origin = datetime(2026, 11, 18, 12, tzinfo=UTC)
    keep(services, [signal(n, origin=origin + n % 5 * HOUR) for n in range(500)], at=origin)
    clock.instant = origin + 24 * HOUR
    assert score(services, passes=2) == [500, 0]
    assert exchanges.bar_calls == {"binance": 1}
    assert len({json.dumps(found) for found in outcomes(services, "signal")}) == 5


def test_stored_bars_are_enough(services, clock, exchanges, score):
    origin = datetime(2026, 11, 18, 12, tzinfo=UTC)
    opens = np.array(["2026-11-18T11:00", "2026-11-18T12:00"], "datetime64[ms]")
    rows = np.array([[100.0, 101.0, 99.0, 100.0, 1.0], [100.0, 110.0, 100.0, 105.0, 1.0]])
    services.database.store().write(
        BTC, check_bars(opens, rows, timeframe=timeframe("1h")), at=clock.now()
    )
    keep(services, [signal(1, origin=origin)], at=origin)
    clock.instant = origin + HOUR
    clock.advance(seconds=1)
    assert score(services) == [1]
    assert not exchanges.bar_calls
    [found] = outcomes(services, "signal")
    assert found["log_return"] == pytest.approx(math.log(1.05))


def test_a_signal_waits_for_an_exchange_that_cannot_be_had(services, clock, exchanges, score):
    origin = datetime(2026, 11, 18, 12, tzinfo=UTC)
    keep(services, [signal(1, origin=origin)], at=origin)
    clock.instant = origin + 2 * HOUR
    for endpoint in ("binance", "binance_mirror"):
        exchanges.faults[endpoint] = SourceUnavailable("down")
    assert score(services) == [0], "kraken's bars are none of binance's"
    exchanges.faults.clear()
    assert score(services) == [0], "it is not asked again at once"
    clock.advance(minutes=30)
    assert sum(score(services, passes=3)) == 1, "first it is asked, then its bars are stored"


def test_bars_that_never_come_make_a_signal_unscorable(services, clock, exchanges, score):
    origin = datetime(2026, 11, 18, 12, tzinfo=UTC)
    exchanges.holes.add(np.datetime64("2026-11-18T13:00", "ms"))
    entries = [signal(1, origin=origin), signal(2, origin=origin, minutes=120)]
    keep(services, entries, at=origin)
    clock.instant = origin + 2 * HOUR + WAIT_FOR_BARS
    assert score(services) == [1], "the first one's window has no hole"
    clock.advance(hours=2)
    assert score(services, passes=2) == [1, 0]
    scored, waited = outcomes(services, "signal")
    assert scored["status"] == "scored"
    assert waited["status"] == "unscorable"


def test_what_waits_holds_up_nothing_behind_it(services, clock, exchanges, monkeypatch, score):
    monkeypatch.setattr("assay_backend.services.scoring.BATCH_ROWS", 3)
    origin = datetime(2026, 11, 18, 12, tzinfo=UTC)
    exchanges.holes.add(np.datetime64("2026-11-18T12:00", "ms"))
    entries = [signal(n, origin=origin) for n in range(7)]
    entries.append(signal(8, origin=origin + HOUR * 2))
    keep(services, entries, at=origin)
    clock.instant = origin + 4 * HOUR
    assert score(services) == [1]
    assert [bool(found) for found in outcomes(services, "signal")] == [False] * 7 + [True]


def test_a_stand_ins_signal_is_scored_by_the_stand_ins_bars(services, clock, score):
    origin = datetime(2026, 11, 18, 12, tzinfo=UTC)
    keep(services, [signal(1, origin=origin, source="kraken", exchange="kraken")], at=origin)
    clock.instant = origin + 2 * HOUR
    assert score(services) == [1]
    [found] = outcomes(services, "signal")
    opened, closed = scripted_bar("kraken", origin), scripted_bar("kraken", origin - HOUR)
    assert found["log_return"] == pytest.approx(math.log(opened[3] / closed[3]))


def test_simulated_signals_are_never_scored(services, clock, exchanges, score):
    origin = datetime(2026, 11, 18, 12, tzinfo=UTC)
    keep(services, [signal(1, origin=origin, source="simulated")], at=origin)
    clock.instant = origin + 30 * 24 * HOUR
    assert score(services) == [0]
    assert not exchanges.bar_calls


def test_a_signal_whose_window_had_ended_when_it_was_made_is_never_scored(
    services, clock, exchanges, score
):
    origin = datetime(2026, 11, 18, 12, tzinfo=UTC)
    keep(services, [signal(1, origin=origin)], at=origin + HOUR)
    clock.instant = origin + 2 * HOUR
    assert score(services) == [0]
    assert not exchanges.bar_calls


def test_a_signal_that_lacks_a_field_is_marked(services, clock, score):
    origin = datetime(2026, 11, 18, 12, tzinfo=UTC)
    keep(services, [signal(1, origin=origin, volatility={})], at=origin)
    clock.instant = origin + 2 * HOUR
    assert score(services, passes=2) == [1, 0]
    assert outcomes(services, "signal")[0]["status"] == "unscorable"
