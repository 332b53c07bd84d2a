"""A disk that is full, a folder that may not be written, a database that is away: what can be
served is served, the rest is said, and it passes by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assay.errors import StorageError
from assay_backend.services.database import Database
from private_postgres import private_postgres

pytestmark = pytest.mark.slow

SIGNALS, SIGNAL = "/v1/crypto/signals/tail", "/v1/crypto/signal"
# What needs no storage.
ALWAYS = ("/livez", "/health", "/version", "/metrics", "/v1/status", "/v1/gold/forecast", SIGNAL)


def serves_what_it_can(service) -> None:
    assert service.ask("/predict", method="POST")[0] == 200
    assert {path: service.ask(path)[0] for path in ALWAYS} == dict.fromkeys(ALWAYS, 200)


def says_that_nothing_can_be_stored(service, *, why: str) -> None:
    status, headers, body = service.ask(SIGNAL, method="POST")
    assert (status, headers["content-type"]) == (503, "application/problem+json")
    assert int(headers["retry-after"]) > 0
    detail = json.loads(body)["detail"]
    assert why in detail
    assert detail.count("says where it is") == 1
    says_it_is_not_healthy(service, why=why)
    status, _, body = service.ask("/readyz")
    ready = json.loads(body)
    assert (status, ready["status"], ready["champion_loaded"]) == (503, "not_ready", True)
    assert ready["database_writable"] is ready["ledger_writable"] is False
    [problem] = ready["problems"]
    assert why in problem
    assert problem.count("says where it is") == 1
    says_it_is_not_healthy(service, why=why)
    told = service.ask("/metrics", accept="text/plain")[2].decode()
    for each in ("assay_database_writable 0.0", "assay_ledger_writable 0.0"):
        assert f"\n{each}\n" in told


def says_it_is_not_healthy(service, *, why: str) -> None:
    health = json.loads(service.ask("/health")[2])
    assert health["status"] == "degraded"
    [problem] = [each for each in health["problems"] if each.startswith("nothing can be stored")]
    assert why in problem


def is_well_again(service, *, signals: int) -> None:
    service.wait_until(lambda: service.ask("/readyz")[0] == 200)
    assert service.ask(SIGNAL, method="POST")[0] == 200
    checked = json.loads(service.ask("/v1/ledger/verify")[2])
    assert checked["intact"] is True
    assert len(json.loads(service.ask(f"{SIGNALS}?n=1000")[2])) == signals


def fill(path: Path) -> None:
    with path.open("wb", 0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))


def test_a_full_disk(start: Callable, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a disk of its own")
    state = tmp_path / "state"
    state.mkdir()
    mount = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"'
    service = start("unshare", "-m", "sh", "-c", mount, str(state))
    inside = Path(f"/proc/{service.process.pid}/root{state}")
    assert service.ask(SIGNAL, method="POST")[0] == 200
    fill(inside / "filler")
    for _ in range(20):
        says_that_nothing_can_be_stored(service, why="disk is full")
        says_that_nothing_can_be_stored(service, why="(ASSAY_DATA_DIR says where it is)")
    serves_what_it_can(service)
    (inside / "filler").unlink()
    is_well_again(service, signals=2)
    assert json.loads(service.ask("/health")[2])["problems"] == []
    service.wait_until(lambda: len((inside / "signals.jsonl").read_bytes().splitlines()) == 2)


def test_a_folder_that_may_not_be_written(start: Callable, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o555)
    # root may write everywhere, unless that is taken from it
    bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    service = start(*(bound if os.geteuid() == 0 else []))
    says_that_nothing_can_be_stored(service, why=str(state))
    assert (
        b"unable to open database file (ASSAY_DATA_DIR says where it is)"
        in (service.ask("/readyz")[2])
    )
    serves_what_it_can(service)
    state.chmod(0o755)
    is_well_again(service, signals=1)


class Line:
    """Leads from a port to a server's socket; it can be cut, or be dead while it looks whole."""

    def __init__(self, server: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._server = server
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, *, dead: bool = False) -> None:
        self._stopped.clear()
        listening = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._lead, args=(listening, dead))
        self._thread.start()

    def cut(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _lead(self, listening: socket.socket, dead: bool) -> None:
        with contextlib.ExitStack() as opened:
            opened.enter_context(listening)
            other: dict[socket.socket, socket.socket] = {}
            while not self._stopped.is_set():
                for ready in select.select([listening, *other], [], [], 0.02)[0]:
                    if ready is listening:
                        caller = opened.enter_context(listening.accept()[0])
                        if not dead:
                            server = opened.enter_context(socket.socket(socket.AF_UNIX))
                            server.connect(self._server)
                            other |= {caller: server, server: caller}
                    elif sent := ready.recv(65536):
                        other[ready].sendall(sent)
                    else:
                        for end in (ready, other.pop(ready)):
                            other.pop(end, None)
                            end.close()


@pytest.fixture
def line() -> Iterator[Line]:
    with private_postgres() as folder:
        made = Line(f"{folder}/.s.PGSQL.5432")
        yield made
        made.cut()


def test_a_database_that_is_away_and_comes(start: Callable, line: Line) -> None:
    address = f"postgresql://assay:hunter2@127.0.0.1:{line.port}/postgres"
    service = start(ASSAY_DATABASE_URL=address)
    says_that_nothing_can_be_stored(service, why="ASSAY_DATABASE_URL")
    says_that_nothing_can_be_stored(service, why=f"127.0.0.1:{line.port}")
    serves_what_it_can(service)
    line.open()
    is_well_again(service, signals=1)
    line.cut()
    says_that_nothing_can_be_stored(service, why=f"127.0.0.1:{line.port}")
    serves_what_it_can(service)
    line.open()
    is_well_again(service, signals=2)
    assert "hunter2" not in service.said()


def test_a_database_that_does_not_answer_holds_up_nobody_for_long(
    start: Callable, line: Line
) -> None:
    line.open(dead=True)
    address = f"postgresql://assay@127.0.0.1:{line.port}/postgres"
    service = start(ASSAY_DATABASE_URL=address)
    # one after the other each would wait for the five seconds that a connection may take
    paths = ["/readyz", "/v1/status", "/metrics", "/v1/gold/track-record"] * 5
    with ThreadPoolExecutor(len(paths)) as callers:
        answers = callers.map(service.ask, paths)
        assert [status for status, _, _ in answers] == [503, 200, 200, 503] * 5
    serves_what_it_can(service)
    service.process.terminate()
    assert service.process.wait(10) in (0, 1)


def test_while_one_tries_again_the_others_are_told_at_once(monkeypatch):
    trying, end = threading.Event(), threading.Event()
    tries = []

    def silent(*_, **__):
        tries.append(1)
        if len(tries) > 1:
            trying.set()
            end.wait(30)
        raise StorageError("it does not answer")

    monkeypatch.setattr("assay.store.open_store", silent)
    database = Database("postgresql://assay@127.0.0.1/postgres")
    with pytest.raises(StorageError):
        database.store()
    again = threading.Thread(target=database.fault)
    again.start()
    assert trying.wait(30)
    with pytest.raises(StorageError, match="it does not answer"):
        database.store()  # which would wait for `end`
    assert len(tries) == 2
    end.set()
    again.join()
