"""What is said of coins names the coins' own model beside the bundle that it came in."""

from __future__ import annotations

import json
import time

import pytest

from asked_signals import BATCH, SIGNAL, TAIL, answered
from assay.bundle.files import METADATA
from assay_backend.schemas.backtests import BacktestAnswer
from assay_backend.schemas.regimes import RegimesAnswer
from assay_backend.schemas.signals import SignalAnswer
from assay_backend.schemas.track_record import SignalTrackRecordAnswer
from assay_backend.services.ledger import LedgerService
from recorded import signal

BUNDLE, COINS, NEXT = "2026-10-30-small", "2026-10-20-coins", "2026-11-17-coins"
REGIMES, BACKTEST, RECORD = (
    f"/v1/crypto/{name}" for name in ("regimes", "backtest", "track-record")
)


def telling(version):
    """What makes a bundle's metadata tell `version` of its volatility model."""

    def change(contents):
        metadata = json.loads(contents[METADATA])
        metadata["volatility"] = {"version": version}
        contents[METADATA] = json.dumps(metadata).encode()

    return change


@pytest.fixture
def folder(tmp_path, publish):
    publish(tmp_path / "bundle", version=BUNDLE, change=telling(COINS))
    return tmp_path / "bundle"


def versions(body):
    return body["model_version"], body["volatility_version"]


def test_signals_name_the_coins_model_as_the_list_of_models_does(client):
    (listed,) = client.get("/v1/models").json()["versions"]
    assert (listed["version"], listed["volatility_version"]) == (BUNDLE, COINS)
    batch = client.post(BATCH, json={"requests": [{}]}).json()["results"][0]["signal"]
    for body in (answered(client), client.get(SIGNAL).json(), batch, *client.get(TAIL).json()):
        assert versions(body) == (BUNDLE, COINS)
        SignalAnswer.model_validate(body)


def test_what_rests_on_the_same_model_names_it_too(client):
    answered(client)
    record = client.get(RECORD).json()
    SignalTrackRecordAnswer.model_validate(record)
    regimes, backtest = client.get(REGIMES).json(), client.post(BACKTEST).json()
    RegimesAnswer.model_validate(regimes)
    BacktestAnswer.model_validate(backtest)
    assert [versions(body) for body in (*record["items"], regimes, backtest)] == [
        (BUNDLE, COINS)
    ] * 3


@pytest.mark.parametrize("path", [SIGNAL, REGIMES])
def test_another_coins_model_is_another_answer_though_gold_s_is_the_same(
    client, folder, publish, path
):
    etag = client.get(path).headers["etag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    publish(folder, version=BUNDLE, change=telling(NEXT))
    deadline = time.monotonic() + 30
    while (answer := client.get(path, headers={"If-None-Match": etag})).status_code == 304:
        assert time.monotonic() < deadline
    assert versions(answer.json()) == (BUNDLE, NEXT)


def test_rows_that_were_stored_without_it_are_told_without(client):
    old = signal(1)
    assert b"volatility_version" not in old.payload
    ledger: LedgerService = client.app_state["services"].ledger
    client.portal.call(ledger.append, [old])
    answered(client)
    tail, record = client.get(TAIL).json(), client.get(RECORD).json()
    assert [body.get("volatility_version") for body in tail] == [None, COINS]
    SignalTrackRecordAnswer.model_validate(record)
    assert [item["volatility_version"] for item in record["items"]] == [None, COINS]


def test_where_the_bundle_tells_none_it_is_null(standing_client):
    assert versions(answered(standing_client)) == (BUNDLE, None)
