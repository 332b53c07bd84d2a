"""The service is killed in the midst of a storm of signals again and again: none is lost or twice.

What counts is what callers got to hear: an answer that came in whole is an acknowledgement.
"""

import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import socket
import threading
import time
from dataclasses import dataclass, field

import pytest
from forked_service import ForkedService

from assay.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = 25
CALLERS = 8
BATCH_OF = 5
STORM_SECONDS = (0.05, 0.5)
LONGEST_START_SECONDS = 60.0
SEED = 20_261_118


@dataclass
class Service:
    """One process of the real service after the other, on one folder."""

    folder: object
    port: int
    process: ForkedService

    def start(self):
        self.process.start()
        give_up = time.monotonic() + LONGEST_START_SECONDS
        while time.monotonic() < give_up:
            assert self.process.runs(), "the service does not start"
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.ask("/v1/crypto/signal", {})
            time.sleep(0.02)
        raise AssertionError("the service does not answer")

    def ask(self, path, body, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            return exchange(connection, path, body, headers)
        finally:
            connection.close()


def exchange(connection, path, body, headers):
    """The whole answer; OSError or HTTPException where it breaks off."""
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    received = answer.read()
    assert answer.status == 200, received
    return received


@dataclass
class Storm:
    """Callers that ask until nobody answers; what they heard, in no order."""

    service: Service
    heard: list = field(default_factory=list)
    keyed: dict = field(default_factory=dict)

    def blow(self, seconds):
        """Kills the service after that long."""
        callers = [
            threading.Thread(target=self._keep_asking, args=(number,)) for number in range(CALLERS)
        ]
        for caller in callers:
            caller.start()
        time.sleep(seconds)
        ended = self.service.process.end(signal.SIGKILL)
        assert ended == -signal.SIGKILL, "it ended by itself"
        for caller in callers:
            caller.join()

    def _keep_asking(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=20)
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            contextlib.closing(connection),
        ):
            for turn in itertools.count():
                if number == 0:
                    self._ask_with_key(connection)
                elif number == 1:
                    wanted = {"requests": [{"limit": 50 + turn % 9}] * BATCH_OF}
                    received = exchange(connection, "/v1/crypto/signal/batch", wanted, {})
                    self.heard += [item["signal"] for item in json.loads(received)["results"]]
                else:
                    body = {"symbol": ("BTCUSDT", "ETHUSDT")[turn % 2]}
                    self.heard.append(
                        json.loads(exchange(connection, "/v1/crypto/signal", body, {}))
                    )

    def _ask_with_key(self, connection):
        key = f"storm-{len(self.keyed)}"
        self.keyed[key] = None
        self.keyed[key] = exchange(connection, "/v1/crypto/signal", {}, {"Idempotency-Key": key})

    def repeat(self):
        """Asks again, after the restart, for what had a key, and may not have been heard."""
        for key in list(self.keyed)[-3:]:
            again = self.service.ask("/v1/crypto/signal", {}, **{"Idempotency-Key": key})
            assert self.keyed[key] in (None, again)
            self.keyed[key] = again


@pytest.fixture
def service(tmp_path, checkout):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")
    } | {
        "ASSAY_MARKET_SOURCE": "simulated",
        "ASSAY_DATA_DIR": str(tmp_path / "state"),
        "ASSAY_MODEL_URI": str(checkout / "data" / "processed"),
        "ASSAY_LOG_LEVEL": "error",
        "PORT": str(port),
    }
    with ForkedService(environment) as process:
        yield Service(tmp_path / "state", port, process)


def test_every_acknowledged_signal_is_there_once_after_25_kills(service):
    chance, storm = random.Random(SEED), Storm(service)
    storm.heard.append(json.loads(service.start()))
    for _ in range(KILLS):
        storm.blow(chance.uniform(*STORM_SECONDS))
        storm.heard.append(json.loads(service.start()))
        storm.repeat()
    assert service.process.end(signal.SIGTERM) in (0, -signal.SIGTERM)

    store = open_store(f"sqlite:///{service.folder / 'assay.db'}")
    rows = [row.entry for row in store.ledger.rows(kind="signal")]
    verified = store.ledger.verify()
    store.close()
    assert (verified.intact, verified.first_bad) == (True, None)

    heard = storm.heard + [json.loads(body) for body in storm.keyed.values()]
    assert len(heard) > 4 * KILLS, "that was no storm"
    recorded = {entry.key: entry.payload for entry in rows}
    assert len(recorded) == len(rows), "no signal twice"
    for answer in heard:
        assert json.loads(recorded[answer["signal_id"]]) == answer
    ids = [answer["signal_id"] for answer in heard]
    assert len(set(ids)) == len(ids)

    lines = (service.folder / "signals.jsonl").read_bytes().splitlines()
    assert lines == [entry.payload for entry in rows], "in step, in the ledger's order"
