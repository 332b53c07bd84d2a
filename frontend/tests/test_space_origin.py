"""Who may talk to a dashboard in a Space: its own page and no other. Streamlit's real server."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

pytestmark = pytest.mark.slow

SPACE = "someone-assay.hf.space"


@pytest.fixture(scope="module")
def outside():
    """Where every request to the outside ends; nothing is answered there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture(scope="module")
def dashboard(outside, tmp_path_factory):
    """`python -m assay_frontend` as in a Space: the address of its stream."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy = f"http://127.0.0.1:{outside.getsockname()[1]}"
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), proxy)
    no_proxies = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")
    environ = os.environ | {"SPACE_HOST": SPACE, "PORT": str(port)} | proxies | no_proxies
    with (tmp_path_factory.mktemp("dashboard") / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "assay_frontend"], env=environ, stdout=log, stderr=log
        )
        try:
            until_it_listens(port, server)
            yield f"ws://127.0.0.1:{port}/_stcore/stream"
        finally:
            server.terminate()
            server.wait(timeout=30)


def until_it_listens(port, server):
    while server.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.1)
    pytest.fail("the dashboard ended before it listened")


def asked(outside):
    try:
        outside.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_its_own_page_is_let_in_and_nobody_outside_is_asked(dashboard, outside):
    with connect(dashboard, origin=f"https://{SPACE}", proxy=None) as stream:
        assert stream.response.status_code == 101
    assert not asked(outside)


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example", f"https://{SPACE}.elsewhere.example", "null"]
)
def test_another_page_is_not(dashboard, origin):
    with pytest.raises(InvalidStatus) as caught, connect(dashboard, origin=origin, proxy=None):
        pass
    assert caught.value.response.status_code == 403
