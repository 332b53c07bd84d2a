"""The client reads what the API's description promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay_frontend.api.backtest_models import Backtest
from assay_frontend.api.crypto_models import CoinBars, CoinHours, Signal, read_signals
from assay_frontend.api.errors import MalformedAnswer
from assay_frontend.api.models import Evaluation, Forecast, History
from assay_frontend.api.registry_models import ChampionCard, Registry
from assay_frontend.api.status_models import Health, LedgerCheck, Metrics, Status
from assay_frontend.api.track_models import GoldRecord, SignalRecord

DESCRIPTION = json.loads(
    (Path(__file__).parents[3] / "docs" / "openapi.json").read_text(encoding="utf-8")
)
READ = [
    ("get", "/v1/gold/forecast", Forecast.parse),
    ("get", "/v1/gold/history", History.parse),
    ("get", "/v1/gold/evaluation", Evaluation.parse),
    ("get", "/v1/gold/track-record", GoldRecord.parse),
    ("get", "/v1/crypto/signal", Signal.parse),
    ("get", "/v1/crypto/ohlcv", CoinBars.parse),
    ("get", "/v1/crypto/signals/tail", read_signals),
    ("get", "/v1/crypto/regimes", CoinHours.parse),
    ("post", "/v1/crypto/backtest", Backtest.parse),
    ("get", "/v1/crypto/track-record", SignalRecord.parse),
    ("get", "/v1/models", Registry.parse),
    ("get", "/v1/models/champion", ChampionCard.parse),
    ("get", "/v1/status", Status.parse),
    ("get", "/health", Health.parse),
    ("get", "/metrics", Metrics.parse),
    ("get", "/v1/ledger/verify", LedgerCheck.parse),
]


def answer_of(method, path):
    content = DESCRIPTION["paths"][path][method]["responses"]["200"]["content"]
    return content["application/json"]


@pytest.mark.parametrize(("method", "path", "parse"), READ)
def test_the_examples_of_the_description_can_be_read(method, path, parse):
    assert parse(answer_of(method, path)["example"])


def schema_of(node):
    while "$ref" in node:
        node = DESCRIPTION["components"]["schemas"][node["$ref"].rpartition("/")[2]]
    return node


@pytest.mark.parametrize(("method", "path", "parse"), READ)
def test_a_field_that_the_client_needs_is_promised(method, path, parse):
    """Whatever of the outer fields the description does not require may be missing."""
    answer = answer_of(method, path)
    schema = schema_of(answer["schema"])
    if schema.get("type") == "array":
        return
    required = set(schema.get("required", ()))
    kept = {key: value for key, value in answer["example"].items() if key in required}
    assert parse(kept)


def test_an_answer_that_is_not_as_described_is_refused():
    example = answer_of("post", "/v1/crypto/backtest")["example"]
    with pytest.raises(MalformedAnswer, match="unequal length"):
        Backtest.parse({**example, "equity": {**example["equity"], "buy_and_hold": [1.0]}})
