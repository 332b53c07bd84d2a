"""How the process ends: nobody who asked goes without an answer, and nothing counted is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.store import open_store

# Docker kills what has not ended by then.
END_SECONDS = 10

STREAM = "GET /v1/crypto/stream HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
ASKED = (
    "POST /predict",
    "GET /v1/gold/forecast",
    "GET /v1/crypto/signal",
    "POST /v1/crypto/signal",
)


class Crowd:
    """Callers who go on asking, on as few connections as they can or on one a request, until
    nobody listens any more.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: Counter[str] = Counter()
        self.failed: list[str] = []
        self.signals: set[str] = set()
        self.streams: list[bytes] = []
        self.everyone_was_answered = asyncio.Event()

    async def ask_on(self, asked: str, *, kept_alive: bool) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except (ConnectionRefusedError, ConnectionResetError):
                return  # nobody listens, or listened no more before anything was said
            try:
                while await self._ask(reader, writer, asked, kept_alive=kept_alive):
                    pass
            except (OSError, asyncio.IncompleteReadError) as error:
                self.failed.append(f"{asked}: {error!r}")
            finally:
                writer.close()

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asked: str,
        *,
        kept_alive: bool,
    ) -> bool:
        """Whether the connection may be asked again."""
        closing = "" if kept_alive else "Connection: close\r\n"
        writer.write(f"{asked} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{closing}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(length)
        self.answers[f"{asked} {head.split()[1]}"] += 1
        if asked.startswith("POST /v1/crypto/signal"):
            self.signals.add(json.loads(body)["signal_id"])
        if len(self.answers) == len(ASKED):
            self.everyone_was_answered.set()
        return kept_alive and "connection: close" not in head

    async def listen(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(STREAM.encode())
        self.streams.append(await reader.read())
        writer.close()


async def ask_until_it_has_ended(port: int, end: Callable[[], None]) -> Crowd:
    crowd = Crowd(port)
    async with asyncio.TaskGroup() as tasks:
        for asked in ASKED:
            for kept_alive in (True, True, False):
                tasks.create_task(crowd.ask_on(asked, kept_alive=kept_alive))
        for _ in range(2):
            tasks.create_task(crowd.listen())
        await crowd.everyone_was_answered.wait()
        end()
    return crowd


@pytest.mark.slow
def test_a_signal_under_load_fails_nobody_and_loses_nothing(
    start: Callable, tmp_path: Path
) -> None:
    service = start()
    end = lambda: service.process.send_signal(signal.SIGTERM)  # noqa: E731 - once
    crowd = asyncio.run(ask_until_it_has_ended(service.port, end))
    assert service.process.wait(END_SECONDS) == 0, service.said()
    assert crowd.failed == []
    assert set(crowd.answers) == {f"{asked} 200" for asked in ASKED}
    assert [stream.endswith(LAST_CHUNK) for stream in crowd.streams] == [True, True]
    assert "Traceback" not in service.said()
    lines = (tmp_path / "state" / "signals.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["signal_id"] for line in lines} == crowd.signals
    again = start()
    assert json.loads(again.ask("/v1/ledger/verify")[2])["intact"] is True
    counted = json.loads(again.ask("/metrics")[2])
    assert counted["requests_total"] >= crowd.answers.total() + len(crowd.streams)
    assert counted["signals_total"] == len(crowd.signals)


@pytest.mark.slow
def test_after_kill_9_what_was_stored_is_counted_on(start: Callable, tmp_path: Path) -> None:
    service = start()
    for _ in range(20):
        service.ask("/livez")
    database = f"sqlite:///{tmp_path / 'state' / 'assay.db'}"

    def stored() -> int:
        with contextlib.closing(open_store(database)) as store:
            return store.read_counts().get("requests", 0)

    service.wait_until(lambda: stored() >= 20)  # which they are once a second
    service.process.send_signal(signal.SIGKILL)
    service.process.wait()
    again = json.loads(start().ask("/metrics")[2])
    assert again["requests_total"] > 20
