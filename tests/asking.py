"""How a running service on this machine is asked: once, until something holds, all the while."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # past any proxy


def free_port() -> int:
    """One below those that a system gives to whoever asks for any, so that nobody is given it while
    the service that has it is ended and started again.
    """
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:  # taken
            continue
        return port


def ask(address: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    asked = urllib.request.Request(
        address,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
    )
    with direct.open(asked, timeout=60) as answer:
        return json.load(answer)


def wait_until(holds: Callable[[], bool]) -> None:
    """For minutes: a disk that takes in images may hold up a start for as long."""
    for _ in range(1500):
        try:
            if holds():
                return
        except OSError:  # not there yet
            pass
        time.sleep(0.2)
    raise AssertionError("it never came")


@contextmanager
def asked_all_the_while(request: Callable[[], object], *, callers: int = 1) -> Iterator[list[str]]:
    """So many ask again and again meanwhile; what failed is in the list, and what came at the end
    too.
    """
    failures: list[str] = []
    answered, over = threading.Event(), threading.Event()

    def keep_asking() -> None:
        while not over.is_set():
            try:
                request()
                answered.set()
            except OSError as error:
                failures.append(repr(error))
            over.wait(0.02)

    threads = [threading.Thread(target=keep_asking) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield failures
        assert answered.wait(30), failures[:3]
    finally:
        over.set()
        for thread in threads:
            thread.join()
