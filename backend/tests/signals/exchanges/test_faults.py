"""Signals where the model is missing, the ledger fails, or a bug is in the way: refused."""

from __future__ import annotations

import dataclasses

from asked_signals import BATCH, SIGNAL
from assay.bundle.files import VOLATILITY
from assay.errors import StorageError


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
