"""What came of forecasts and signals: written once, from bars of their own source, or never."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assay.calendars import gold_calendar
from assay.errors import SourceUnavailable, StorageError
from assay.evaluation.scores import crps
from assay.forecast.benchmarks import random_walk_quantiles
from assay.forecast.distribution import LEVELS
from assay.market.bars import check_bars
from assay.market.crypto.feed import CryptoFeed
from assay.market.feed import GoldFeed
from assay.market.keys import SeriesKey
from assay.market.timeframes import timeframe
from assay.store import open_store
from assay.store.ledger_records import Batch, Entry, LedgerRow
from assay_backend.services.container import build_services
from assay_backend.services.recording import TRY_AGAIN, ForecastRecorder
from assay_backend.services.scoring import WAIT_FOR_BARS
from upstream.scripted import LEVELS as PRICE_LEVELS
from upstream.scripted import ScriptedExchanges

HOUR = timedelta(hours=1)
BTC = SeriesKey("binance", "BTC/USDT", "1h")


@pytest.fixture
def exchanges(clock):
    return ScriptedExchanges(clock)


@pytest.fixture
def loop():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def open_services(settings, clock, source, exchanges, loop):
    """The services, as after a start; gold's bars are Yahoo's, coins' are those of exchanges."""
    opened = []

    def open_services(**changed):
        store = open_store(settings.sqlalchemy_url)
        services = build_services(
            settings.model_copy(update=changed),
            clock=clock,
            feed=GoldFeed(source, None, clock, mode="replay"),
            crypto=CryptoFeed(exchanges, store, clock, deadline_seconds=1.0, failover=("kraken",)),
        )
        opened.append((services, store))
        return services

    yield open_services
    for services, store in opened:
        loop.run(services.crypto.close())
        loop.run(services.ledger.close())
        services.database.close()
        store.close()


@pytest.fixture
def services(open_services):
    return open_services()


@pytest.fixture
def record(loop):
    return lambda services: loop.run(services.recorder.record())


@pytest.fixture
def score(loop):
    """Passes over what is due; how many outcomes each of them wrote."""

    def score(services, *, passes=1):
        return [loop.run(services.scoring.score_due()) for _ in range(passes)]

    return score


def ledger(services):
    return services.database.store().ledger


def outcomes(services, kind):
    pairs = ledger(services).track(kind=kind, last=100)
    return [json.loads(outcome.payload) if outcome else None for _, outcome in pairs]


# Gold forecasts


def test_the_forecast_is_in_the_ledger_as_it_was_answered(services, record):
    answer = json.loads(services.forecasts.answer().body)
    record(services)
    [row] = ledger(services).tail(5)
    entry = row.entry
    payload = json.loads(entry.payload)
    grids = payload.pop("distribution")
    assert payload == answer
    digest = services.champion.require().digest[:12]
    assert entry.key == f"2026-11-18:2026-10-30-small:{digest}:yahoo"
    assert (entry.kind, entry.subject, entry.source) == ("gold_forecast", "GC=F", "yahoo")
    assert entry.origin == datetime(2026, 11, 18, 22, tzinfo=UTC)
    assert entry.due == datetime(2026, 11, 19, 22, tzinfo=UTC)
    assert len(grids["log_returns"]) == len(grids["random_walk"]) == len(LEVELS)
    close = services.feed.snapshot().gold.bars.close
    [rival] = random_walk_quantiles(close, np.array([len(close) - 1]))
    np.testing.assert_allclose(grids["random_walk"], rival, atol=1e-9)
    assert payload["prediction"] == pytest.approx(close[-1] * math.exp(grids["log_returns"][99]))


@pytest.mark.parametrize(
    ("now", "due"),
    [
        # Thanksgiving is no session, and the Friday after it closes at 13:45 New York.
        (datetime(2026, 11, 25, 23, tzinfo=UTC), datetime(2026, 11, 27, 18, 45, tzinfo=UTC)),
        # From a Friday to the Monday.
        (datetime(2026, 11, 20, 23, tzinfo=UTC), datetime(2026, 11, 23, 22, tzinfo=UTC)),
        # New York on daylight saving time.
        (datetime(2026, 7, 14, 23, tzinfo=UTC), datetime(2026, 7, 15, 21, tzinfo=UTC)),
    ],
)
def test_a_forecast_is_due_when_its_session_closes(clock, open_services, now, due, record):
    clock.instant = now
    services = open_services()
    record(services)
    assert ledger(services).tail(1)[0].entry.due == due


def test_one_row_for_each_origin_and_bundle(
    services, open_services, clock, folder, publish, record
):
    record(services)
    record(open_services())
    assert ledger(services).head().rows == 1, "another start is no other forecast"
    publish(folder, slope=0.02)
    record(open_services())
    clock.advance(days=1)
    record(open_services())
    keys = [row.entry.key for row in ledger(services).tail(5)]
    assert [key[:10] for key in keys] == ["2026-11-18", "2026-11-18", "2026-11-19"]
    assert len(set(keys)) == 3
    assert ledger(services).verify().intact


def test_what_is_made_after_its_outcome_is_known_is_not_recorded(
    clock, source, open_services, record
):
    source.until = datetime(2026, 11, 16, tzinfo=UTC).date()
    services = open_services()
    assert json.loads(services.forecasts.answer().body)["predicted_date"] == "2026-11-17"
    record(services)
    assert ledger(services).head().rows == 0


def test_what_the_ledger_cannot_take_is_tried_again(services, clock, record):
    attempts = []

    async def append(entries):
        attempts.append(clock.now())
        if len(attempts) < 3:
            raise StorageError("the disk is full")
        return [LedgerRow(1, clock.now(), entries[0], bytes(32), bytes(32))]

    recorder = ForecastRecorder(services.forecasts, append, clock)

    async def ticks():
        for _ in range(12):
            await recorder.record()
            clock.advance(seconds=10)

    asyncio.run(ticks())
    assert len(attempts) == 3
    assert attempts[1] - attempts[0] >= TRY_AGAIN


def test_gold_is_scored_by_its_close_once_that_is_there(services, clock, source, record, score):
    record(services)
    assert score(services) == [0], "it is not due"
    clock.advance(days=1)
    assert score(services) == [0], "its bar has not come"
    services.feed.refresh()
    assert score(services, passes=3) == [1, 0, 0]
    bars = services.feed.snapshot().gold.bars
    [found] = outcomes(services, "gold_forecast")
    payload = json.loads(ledger(services).tail(1)[0].entry.payload)
    moved = math.log(bars.close[-1] / bars.close[-2])
    assert payload["last_close"] == bars.close[-2]
    assert found["status"] == "scored"
    assert found["actual"] == bars.close[-1]
    assert found["log_return"] == pytest.approx(moved)
    assert found["error"] == pytest.approx(bars.close[-1] - payload["prediction"], rel=1e-5)
    for interval in payload["intervals"]:
        inside = interval["lower"] <= bars.close[-1] <= interval["upper"]
        assert found["inside"][str(interval["level"])] == inside
    for name, grid in (("crps", "log_returns"), ("random_walk_crps", "random_walk")):
        quantiles = np.array(payload["distribution"][grid])[None, :]
        assert found[name] == pytest.approx(crps(quantiles, np.array([moved]))[0])
    below = np.array(payload["distribution"]["log_returns"]) <= moved
    assert found["pit"] == pytest.approx(below.mean(), abs=0.006)


def test_a_restart_scores_what_came_due_meanwhile_and_nothing_twice(
    services, open_services, clock, record, score
):
    record(services)
    clock.advance(days=1)
    after = open_services()
    assert score(after) == [1]
    first = outcomes(after, "gold_forecast")
    assert score(open_services()) == [0]
    assert outcomes(after, "gold_forecast") == first


def test_after_days_asleep_a_lost_disk_costs_the_record_and_nothing_else(
    services, open_services, clock, record, score, tmp_path
):
    """As a Space wakes up: what it had recorded is gone with its disk, unless it has a Postgres."""
    record(services)
    clock.advance(days=5)
    kept, anew = open_services(), open_services(data_dir=tmp_path / "anew")
    for awake in (kept, anew):
        record(awake)
        assert ledger(awake).verify().intact
    assert [score(kept), score(anew)] == [[1], [0]]
    [newest], [only] = ledger(kept).tail(1), ledger(anew).tail(5)
    assert (newest.entry.key, newest.entry.payload) == (only.entry.key, only.entry.payload)
    assert newest.entry.origin.date() == clock.now().date()
    assert ledger(kept).head().rows == 2
    gold = [awake.feed.snapshot().gold for awake in (kept, anew)]
    assert np.array_equal(gold[0].bars.close, gold[1].bars.close)
    assert not any(each.gaps for each in gold)


def test_a_session_without_a_bar_becomes_unscorable_after_the_stated_time(
    services, clock, source, open_services, record, score
):
    record(services)
    source.until = datetime(2026, 11, 18, tzinfo=UTC).date()
    clock.instant = datetime(2026, 11, 19, 22, tzinfo=UTC) + WAIT_FOR_BARS
    assert score(open_services()) == [0]
    clock.advance(seconds=1)
    after = open_services()
    assert score(after, passes=2) == [1, 0]
    [found] = outcomes(after, "gold_forecast")
    assert found["status"] == "unscorable"
    assert "GC=F" in found["reason"]


def test_a_row_is_never_scored_by_bars_of_another_source(
    services, clock, source, open_services, record, score
):
    record(services)
    source.name = "replay"
    clock.advance(days=1)
    assert score(open_services()) == [0]
    source.name = "yahoo"
    assert score(open_services()) == [1]


def test_simulated_forecasts_are_recorded_and_never_scored(
    services, clock, source, open_services, record, score
):
    source.name = "simulated"
    services = open_services()
    record(services)
    assert ledger(services).tail(1)[0].entry.source == "simulated"
    clock.advance(days=30)
    assert score(open_services()) == [0]
    assert outcomes(services, "gold_forecast") == [None]


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b"[]",
        b"no json",
        b'{"predicted_date":"2026-11-19","last_close":-1,"distribution":{}}',
    ],
)
def test_a_row_that_cannot_be_read_is_marked_and_holds_nothing_up(
    services, clock, payload, record, score
):
    origin = datetime(2026, 11, 17, 22, tzinfo=UTC)
    due = origin + timedelta(days=1)
    broken = Entry("gold_forecast", "broken", payload, origin, due, "GC=F", "yahoo")
    ledger(services).append([Batch([broken])], at=origin)
    record(services)
    clock.advance(days=1)
    services.feed.refresh()
    assert score(services) == [2]
    statuses = [found["status"] for found in outcomes(services, "gold_forecast")]
    assert statuses == ["unscorable", "scored"]


# Signals


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


def test_half_days_are_in_the_calendar_that_these_tests_lean_on():
    assert datetime(2026, 11, 27, tzinfo=UTC).date() in gold_calendar().early_closes
