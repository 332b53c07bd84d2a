"""Gold's forecasts: recorded once, and scored once, by the close of their session or never."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from assay.calendars import gold_calendar
from assay.errors import StorageError
from assay.evaluation.scores import crps
from assay.forecast.benchmarks import random_walk_quantiles
from assay.forecast.distribution import LEVELS
from assay.store.ledger_records import Batch, Entry, LedgerRow
from assay_backend.services.recording import TRY_AGAIN, ForecastRecorder
from assay_backend.services.scoring import WAIT_FOR_BARS
from scored import ledger, outcomes


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


def test_half_days_are_in_the_calendar_that_these_tests_lean_on():
    assert datetime(2026, 11, 27, tzinfo=UTC).date() in gold_calendar().early_closes
