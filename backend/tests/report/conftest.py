"""What a report tells of: a service that has just begun, and one with a past."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import date

import pytest

from assay.clock import FixedClock
from assay.market.keys import SeriesKey
from assay.store.ledger_records import Batch, Outcome
from assay_backend.report.facts import CoinFacts, gather
from assay_backend.services.container import build_services
from assay_backend.settings import Settings
from recorded import forecast, gold_outcome, signal, signal_outcome


@pytest.fixture(scope="module")
def facts(standing_client):
    """Those of a service that has just begun."""
    return standing_client.portal.call(gather, standing_client.app_state["services"])


@pytest.fixture(scope="module")
def lived(facts, tmp_path_factory, publish):
    """Facts with a past: forecasts and signals of every status, and all that can be wrong."""
    folder, clock = tmp_path_factory.mktemp("lived"), FixedClock(facts.now)
    publish(folder / "bundle")
    settings = Settings(
        market_source="simulated", data_dir=folder, model_uri=str(folder / "bundle")
    )
    services = build_services(settings, clock=clock)
    ledger = services.database.store().ledger
    entries = [(forecast(day), gold_outcome(day)) for day in range(6)]
    entries += [
        (forecast(7), None),
        (forecast(8), {"status": "unscorable", "reason": "none"}),
        (forecast(9, source="simulated"), None),
    ]
    entries += [(signal(number), signal_outcome(number)) for number in range(20)]
    entries += [(signal(40, horizon_min=10080), None), (signal(41, source="simulated"), None)]
    rows = [
        row
        for answer in ledger.append([Batch([each]) for each, _ in entries], at=clock.now())
        for row in answer
    ]
    ledger.write_outcomes(
        [
            Outcome(row.sequence, json.dumps(outcome).encode(), clock.now())
            for row, (_, outcome) in zip(rows, entries, strict=True)
            if outcome
        ]
    )
    services.scoring._read_figures()
    found = asyncio.run(gather(services))
    services.database.close()
    gap = {
        "exchange": "binance",
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "start": "2026-11-01T01:00:00Z",
        "end": "2026-11-01T03:00:00Z",
        "bars": 2,
    }
    missing = {
        **facts.market["freshness"][-1],
        "source": None,
        "as_of": None,
        "age_seconds": None,
        "stale": True,
        "last_error": "<script>alert('x|y')</script>",
    }
    shut = {**facts.market["breakers"][-1], "state": "open", "last_error": "a | b\nc *d*"}
    late = {**facts.market["freshness"][0], "stale": True}
    return replace(
        found,
        coins=(*facts.coins, CoinFacts(SeriesKey("okx", "X/USDT", "1h"), problem="<b>no</b> | *")),
        market={
            **facts.market,
            "freshness": [late, missing, *facts.market["freshness"]],
            "breakers": [*facts.market["breakers"], shut],
            "gaps": [gap, {**gap, "exchange": None, "symbol": "GC=F", "start": "2026-11-02"}],
            "gaps_total": 2,
            "store_fault": "the disk is full",
        },
        quarantine={"rows": 3, "by_reason": {"high below low": 2, "not a number": 1}},
        trained_to=date(2025, 4, 15),
        problems=("data/processed/model.onnx does not match its checksum",),
        agenda=replace(
            facts.agenda,
            half_day=True,
            days_off=(date(2026, 11, 26),),
            fomc=facts.now,
            payrolls=facts.now,
            ending=(("gold", date(2026, 12, 31)), ("fomc", date(2026, 12, 9))),
        ),
    )
