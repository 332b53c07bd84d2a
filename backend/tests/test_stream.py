"""A signal at each bar that closes, to readers who stay."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from assay.errors import SourceUnavailable, StorageError
from assay.market.crypto.feed import CryptoFeed
from assay_backend.app import create_app
from assay_backend.services import streams
from assay_backend.services.container import build_services
from assay_backend.services.ending import Ending
from assay_backend.services.streams import HEARTBEAT, StreamService
from upstream.scripted import HandClock, ScriptedExchanges

STREAM, SIGNAL = "/v1/crypto/stream", "/v1/crypto/signal"


class Reader:
    """Listens to the application until it is told to go."""

    def __init__(self, app, services, query="", headers=()):
        self.status, self.headers, self.received = None, {}, b""
        self._gone = asyncio.Event()
        self._asked = False
        scope = {
            "type": "http", "method": "GET", "path": STREAM, "raw_path": STREAM.encode(),
            "query_string": query.encode(), "headers": list(headers), "http_version": "1.1",
            "scheme": "http", "server": ("test", 80), "client": ("test", 1), "root_path": "",
            "state": {"services": services},
        }  # fmt: skip
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self):
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.received += message.get("body", b"")

    @property
    def signals(self):
        events = self.received.decode().split("\n\n")[:-1]
        found = []
        for event in events:
            if event.startswith("event: signal\n"):
                _, name, data = event.split("\n")
                found.append((name.removeprefix("id: "), json.loads(data.removeprefix("data: "))))
        return found

    async def until(self, condition):
        for _ in range(2000):
            if condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError(self.received)

    async def go(self):
        self._gone.set()
        await asyncio.wait_for(self.task, 10)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def exchanges(clock):
    return ScriptedExchanges(clock)


@pytest.fixture
def play(settings, clock, exchanges):
    """Runs a coroutine with a function that lets a reader listen."""

    def play(scenario):
        async def run():
            feed = CryptoFeed(exchanges, None, clock, deepen_after_seconds=3600.0)
            services = build_services(settings, clock=clock, crypto=feed)
            followed = StreamService(
                services.signals, services.ending, look_every_seconds=0.005, heartbeat_seconds=0.1
            )
            services = dataclasses.replace(services, streams=followed)
            app = create_app(settings, services=services)
            try:
                await scenario(lambda *asked: Reader(app, services, *asked), services)
            finally:
                await services.coins.close()
                await feed.close()
                services.database.close()

        asyncio.run(run())

    return play


def test_the_newest_signal_comes_at_once_then_one_at_each_bar_with_heartbeats_between(play, clock):
    async def scenario(listen, services):
        reader = listen("timeframe=1h&horizon_min=120")
        await reader.until(lambda: HEARTBEAT in reader.received)
        assert (reader.status, reader.headers["content-type"]) == (
            200, "text/event-stream; charset=utf-8",
        )  # fmt: skip
        ((name, body),) = reader.signals
        assert (name, body["as_of"], body["horizon_min"]) == (
            "2026-11-18T12:00:00Z", "2026-11-18T12:00:00Z", 120,
        )  # fmt: skip
        assert (body["signal_id"], body["age_seconds"]) == (None, 1200.0)
        clock.advance(hours=1)
        await reader.until(lambda: len(reader.signals) > 1)
        clock.advance(minutes=5)
        await asyncio.sleep(0.05)
        assert [name for name, _ in reader.signals] == [
            "2026-11-18T12:00:00Z", "2026-11-18T13:00:00Z",
        ]  # fmt: skip
        assert reader.signals[1][1]["origin"] == "2026-11-18T13:00:00Z"
        await reader.go()

    play(scenario)


def test_who_comes_back_is_not_told_again(play, clock):
    async def scenario(listen, services):
        seen = [(b"last-event-id", b"2026-11-18T12:00:00Z")]
        reader = listen("", seen)
        await reader.until(lambda: HEARTBEAT in reader.received)
        assert reader.signals == []
        clock.advance(hours=1)
        await reader.until(lambda: reader.signals)
        await reader.go()

    play(scenario)


def test_trouble_on_the_way_is_waited_out(play, clock, exchanges):
    async def scenario(listen, services):
        reader = listen("explain=true", [(b"accept-language", b"es")])
        await reader.until(lambda: reader.signals)
        assert reader.headers["content-language"] == "es"
        assert "en la próxima hora" in reader.signals[0][1]["explain"]["summary"]
        down = SourceUnavailable("down")
        exchanges.faults = dict.fromkeys(("binance", "binance_mirror"), down)
        clock.advance(hours=1)
        before = reader.received.count(HEARTBEAT)
        await reader.until(lambda: reader.received.count(HEARTBEAT) > before + 1)
        assert len(reader.signals) == 1
        exchanges.faults = {}
        clock.advance(minutes=20)
        await reader.until(lambda: len(reader.signals) == 2)
        await reader.go()

    play(scenario)


def test_places_are_bounded_and_given_back(play, monkeypatch):
    monkeypatch.setattr(streams, "MOST_STREAMS", 2)

    async def scenario(listen, services):
        readers = [listen(), listen()]
        for reader in readers:
            await reader.until(lambda reader=reader: reader.signals)
        refused = listen()
        await refused.task
        assert refused.status == 503
        assert refused.headers["retry-after"] == "30"
        await readers[0].go()
        another = listen()
        await another.until(lambda: another.signals)
        for reader in (readers[1], another):
            await reader.go()

    play(scenario)


class SlowSignals:
    """Every other one cannot be had."""

    def __init__(self):
        self.asked = 0

    async def prepare(self, asked):
        self.asked += 1
        number = self.asked
        await asyncio.sleep(0)
        if number % 2 == 0:
            raise StorageError("not that one")


def test_places_are_bounded_also_for_those_who_come_at_once(monkeypatch):
    monkeypatch.setattr(streams, "MOST_STREAMS", 4)
    service = StreamService(SlowSignals(), Ending())

    async def all_at_once():
        opening = [service.events(None, seen=None) for _ in range(20)]
        found = await asyncio.gather(*opening, return_exceptions=True)
        refused = sum(isinstance(each, SourceUnavailable) for each in found)
        failed = sum(isinstance(each, StorageError) for each in found)
        assert (refused, failed, service._open) == (16, 2, 2)
        for each in found:
            if not isinstance(each, Exception):
                await each.aclose()

    asyncio.run(all_at_once())
    assert service._open == 0


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("symbol=NOPEUSDT", 404),
        ("timeframe=7x", 422),
        ("horizon_min=90", 422),
        ("limit=1", 422),
        ("n=1", 422),
    ],
)
def test_bad_input_is_refused_before_the_stream_begins(standing_client, query, status):
    answer = standing_client.get(f"{STREAM}?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (
        status, "application/problem+json",
    )  # fmt: skip


def test_head_does_not_stay(standing_client):
    answer = standing_client.head(STREAM)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
