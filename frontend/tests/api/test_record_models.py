"""Answers about the past and about the service, read field by field."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import invented_records
from assay_frontend.api.errors import MalformedAnswer
from assay_frontend.api.registry_models import ChampionCard, Registry
from assay_frontend.api.status_models import Health, LedgerCheck, Metrics, Status
from assay_frontend.api.track_models import GoldRecord, Rate, SignalRecord

OPENAPI = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text())
PARSERS = {
    "/v1/gold/track-record": GoldRecord.parse,
    "/v1/crypto/track-record": SignalRecord.parse,
    "/v1/models": Registry.parse,
    "/v1/models/champion": ChampionCard.parse,
    "/v1/status": Status.parse,
    "/health": Health.parse,
    "/metrics": Metrics.parse,
    "/v1/ledger/verify": LedgerCheck.parse,
}


def example(path):
    answer = OPENAPI["paths"][path]["get"]["responses"]["200"]
    return answer["content"]["application/json"]["example"]


@pytest.mark.parametrize("path", PARSERS)
def test_what_the_backend_documents_can_be_read(path):
    PARSERS[path](example(path))


def test_a_gold_record_keeps_what_the_page_needs():
    record = GoldRecord.parse(example("/v1/gold/track-record"))
    ((item, outcome),) = record.scored
    assert (item.target, item.median, item.interval(0.8).lower) == (
        date(2024, 12, 3), 2642.25, item.intervals[1].lower,
    )  # fmt: skip
    assert (outcome.actual, outcome.held(0.5), outcome.held(0.8)) == (2664.0, False, True)
    assert outcome.held(0.6) is None
    assert record.rate_at(0.8) == Rate(n=1, hits=1)
    assert (record.counted, record.crps_skill, record.direction.rate) == (1, 0.02, 1.0)
    assert record.pit == (0, 0, 0, 0, 0, 0, 0, 0, 1, 0)


def test_a_signal_record_keeps_what_the_page_needs():
    record = SignalRecord.parse(example("/v1/crypto/track-record"))
    ((item, outcome),) = record.scored
    assert (item.row.due, item.risk_score) == (datetime(2024, 12, 2, 23, tzinfo=UTC), 0.31)
    assert outcome.lost_beyond(0.95) is False
    assert outcome.lost_beyond(0.9) is None
    assert [(p.n, p.said, p.happened) for p in record.reliability] == [(1, 0.31, 0.0)]
    assert dict(record.value_at_risk)[0.99] == Rate(n=1, hits=0)


def test_a_rate_of_nothing_is_unknown():
    assert Rate(n=0, hits=0).rate is None


def test_only_rows_that_count_enter_the_charts():
    document = invented_records.gold_record(5)
    document["items"][2]["counted"] = False
    assert len(GoldRecord.parse(document).scored) == 4


def test_a_row_that_can_never_be_scored_has_no_outcome():
    document = invented_records.gold_record(2)
    document["items"][0] |= {
        "status": "unscorable", "counted": False, "outcome": {"status": "unscorable"},
    }  # fmt: skip
    record = GoldRecord.parse(document)
    assert record.items[0].outcome is None
    assert len(record.scored) == 1


@pytest.mark.parametrize(
    ("make", "parse", "change", "words"),
    [
        (invented_records.gold_record, GoldRecord.parse, ("summary", "n", -1), "a count"),
        (invented_records.gold_record, GoldRecord.parse, ("summary", "n", 1.5), "a count"),
        (invented_records.gold_record, GoldRecord.parse, ("summary", "pit", [1, "2"]), "counts"),
        (invented_records.gold_record, GoldRecord.parse, ("summary", "pit", [True]), "counts"),
        (invented_records.status, Status.parse, ("versions", "version", 3), "a text"),
        (invented_records.status, Status.parse, ("ledger", "rows", "many"), "a number"),
    ],
)
def test_a_field_of_another_kind_is_told(make, parse, change, words):
    document = copy.deepcopy(make())
    part, name, value = change
    document[part][name] = value
    with pytest.raises(MalformedAnswer, match=words):
        parse(document)


def test_a_service_without_a_database_has_neither_ledger_nor_quarantine():
    found = Status.parse(invented_records.status(ledger=None, quarantine=None))
    assert found.ledger_rows is found.ledger_head is found.quarantine is None


def test_simulated_bars_anywhere_are_noticed():
    document = invented_records.status()
    assert not Status.parse(document).simulated
    document["freshness"][2]["source"] = "simulated"
    assert Status.parse(document).simulated
